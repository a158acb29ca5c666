"""Writes the bill of materials of a folder of wheels: CycloneDX, JSON, the same bytes for the same wheels.

    sbom.py WHEELS OUT

Lists every wheel but our own with the digest of the file that lies there, its licence as it names it, and what it
needs; our own is what they are for. Licences are the packages' own words: an SPDX expression where they give one.
"""

import hashlib
import os
import sys
import uuid
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OURS = "tallystick"
_CLASSIFIER = "License :: "
_WORDS = 80


@dataclass(frozen=True)
class Wheel:
    """What a wheel says of itself, and the digest of its file."""

    name: str
    version: str
    licence: str
    needs: tuple[Requirement, ...]
    sha256: str


def read_wheel(path: Path) -> Wheel:
    """Read a wheel's metadata."""
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        name = next(
            name for name in archive.namelist() if name.endswith(".dist-info/METADATA") and name.count("/") == 1
        )
        said = BytesParser().parsebytes(archive.read(name), headersonly=True)
        licence = _licence(said, archive)
    needs = tuple(map(Requirement, said.get_all("Requires-Dist", [])))
    return Wheel(canonicalize_name(said["Name"]), said["Version"], licence, needs, hashlib.sha256(data).hexdigest())


def _licence(said: Message, archive: zipfile.ZipFile) -> str:
    """Return an SPDX expression, else the classifiers, else the old field, else the title of the licence's file."""
    classes = [one.removeprefix(_CLASSIFIER) for one in said.get_all("Classifier", []) if one.startswith(_CLASSIFIER)]
    named = " AND ".join(one.removeprefix("OSI Approved :: ") for one in classes if one != "OSI Approved")
    lines = str(said["License"] or "").strip().splitlines()
    if found := said["License-Expression"] or named or (lines[0] if lines else ""):
        return str(found)[:_WORDS]
    files = [
        name for name in archive.namelist() if ".dist-info/" in name and "LICEN" in name.upper() and name[-1] != "/"
    ]
    first = archive.read(files[0]).decode("utf-8", "replace").strip().splitlines()[0] if files else ""
    return f"in its file {files[0].rpartition('/')[2]}: {first}"[:_WORDS] if files else ""


def _needed(wheel: Wheel, wheels: Iterable[Wheel], extras: Iterable[str]) -> list[str]:
    """Return the names that a wheel needs here and that are in the folder."""
    asked = ({"extra": extra} for extra in ("", *extras))
    names = {
        canonicalize_name(need.name)
        for environment in asked
        for need in wheel.needs
        if need.marker is None or need.marker.evaluate(environment)
    }
    return sorted(names & {one.name for one in wheels} - {wheel.name})


def _component(wheel: Wheel, kind: ComponentType) -> Component:
    factory = LicenseFactory()
    licences: list[License] = [factory.make_from_string(wheel.licence)] if wheel.licence else []
    return Component(
        type=kind,
        name=wheel.name,
        version=wheel.version,
        bom_ref=f"{wheel.name}@{wheel.version}",
        purl=PackageURL("pypi", name=wheel.name, version=wheel.version),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=wheel.sha256)],
        licenses=licences,
    )


def make_bom(folder: Path, *, extras: Iterable[str], at: datetime) -> str:
    """Return the bill of a folder that holds our wheel and those it needs.

    Args:
        folder: Wheels, ours among them.
        extras: Those of ours that the folder was made for.
        at: The time that the bill bears.
    """
    wheels = sorted(map(read_wheel, folder.glob("*.whl")), key=lambda one: one.name)
    parts = {one.name: _component(one, ComponentType.LIBRARY) for one in wheels if one.name != OURS}
    ours = next(one for one in wheels if one.name == OURS)
    bom = Bom(components=parts.values())
    bom.metadata.component = root = _component(ours, ComponentType.APPLICATION)
    bom.metadata.timestamp = at
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, " ".join(one.sha256 for one in wheels))
    for wheel in wheels:
        needed = [parts[name] for name in _needed(wheel, wheels, extras if wheel.name == OURS else ()) if name in parts]
        bom.register_dependency(root if wheel.name == OURS else parts[wheel.name], needed)
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def main() -> int:
    """Write the bill of the folder that is named."""
    folder, out = map(Path, sys.argv[1:3])
    at = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), UTC)
    out.write_text(make_bom(folder, extras=("home",), at=at), encoding="utf-8")
    print(f"{out}: {len(list(folder.glob('*.whl')))} wheels")
    return 0


if __name__ == "__main__":
    sys.exit(main())
