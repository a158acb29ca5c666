"""Keeps the lock files true: ``lock.py update`` resolves them anew, ``lock.py check`` needs no network.

One file in ``requirements/`` for every combination of extras that is shipped or worked with. Each pins every
package, direct or not, with the digests of all files that may be installed for it, for Python 3.11 and newer; none
names an index. ``update`` (network, ``uv``) keeps the versions that are locked unless ``--upgrade``.
"""

import hashlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "requirements"
WIDEST = "dev"
LOCKS = {
    "dev": ("dev",),
    "base": (),
    "home": ("home",),
    "frames": ("frames",),
}
"""Lock to extras; the widest first, which fixes the versions of the others."""
ALONE = ("gen", "fuzz", "bench")
"""Extras that are environments of their own, or are added to one: locked without the base."""
_STAMP = "# made by scripts/lock.py from requirements of digest "
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_ENTRY = re.compile(
    r"(?P<name>[a-z0-9-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>[^\\]+?))?(?P<hashes>(?: --hash=\S+)+)"
)


@dataclass(frozen=True)
class Pin:
    """One line of a lock: name, version, where it applies (None: everywhere), digests that may be installed."""

    name: str
    version: str
    marker: Marker | None
    sha256: frozenset[str]

    def applies(self) -> bool:
        """Tell whether it is for the Python that runs."""
        return self.marker is None or self.marker.evaluate()


def project() -> Mapping[str, object]:
    """Return the project table of pyproject.toml."""
    found: Mapping[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def wanted(lock: str, table: Mapping[str, object] | None = None) -> list[str]:
    """Return the requirements that a lock answers, sorted; an extra that names another is followed."""
    table = table or project()
    extras, base = table["optional-dependencies"], table["dependencies"]
    found = set() if lock in ALONE else set(base)
    queue = [lock] if lock in ALONE else list(LOCKS[lock])
    while queue:
        for line in extras[queue.pop()]:
            requirement = Requirement(line)
            if canonicalize_name(requirement.name) == table["name"]:
                queue += requirement.extras
            else:
                found.add(line)
    return sorted(found)


def stamp(lines: list[str], python: str) -> str:
    """Return the first line of a lock: the digest of what it was resolved from."""
    return _STAMP + hashlib.sha256("\n".join([python, *lines]).encode()).hexdigest()


def read(path: Path) -> list[Pin]:
    """Return the pins of a lock file.

    Raises:
        ValueError: A line is no pin with digests: an address, an option, a package without a version.
    """
    text = re.sub(r"\s*\\\n\s*", " ", path.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [_pin(path, line) for line in lines]


def _pin(path: Path, line: str) -> Pin:
    found = _ENTRY.fullmatch(line)
    if not found:
        raise ValueError(f"{path.name}: not a pinned package with digests: {line[:80]}")
    marker = Marker(found["marker"]) if found["marker"] else None
    return Pin(found["name"], found["version"], marker, frozenset(_HASH.findall(found["hashes"])))


def update(*, upgrade: bool) -> int:
    """Resolve every lock from the package index."""
    FOLDER.mkdir(exist_ok=True)
    for name in (*LOCKS, *ALONE):
        path = FOLDER / f"{name}.lock"
        lines = wanted(name)
        limits = [] if name in {WIDEST, *ALONE} else ["--constraint", str(FOLDER / f"{WIDEST}.lock")]
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(_resolved(lines, before, [*limits, *(["--upgrade"] if upgrade else [])]), encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {len(read(path))} packages")
    return 0


def _resolved(lines: list[str], before: str, options: list[str]) -> str:
    """Return a lock's text; ``before`` is the one to stay near to."""
    work = FOLDER / ".resolving.txt"
    try:
        work.write_text(before, encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "uv",
            "--no-config",
            "pip",
            "compile",
            "-",
            "--universal",
            "--generate-hashes",
            "--python-version",
        ]
        command += ["3.11", "--no-header", "--no-annotate", "--quiet", "--output-file", str(work), *options]
        given = "".join(f"{line}\n" for line in lines)
        subprocess.run(command, input=given, text=True, check=True, stdout=subprocess.DEVNULL)
        return f"{stamp(lines, str(project()['requires-python']))}\n{work.read_text(encoding='utf-8')}"
    finally:
        work.unlink(missing_ok=True)


def problems() -> Iterator[str]:
    """Yield what is wrong with the locks as they lie here."""
    widest = {(pin.name, pin.version) for pin in read(FOLDER / f"{WIDEST}.lock")}
    for name in (*LOCKS, *ALONE):
        path = FOLDER / f"{name}.lock"
        lines, text = wanted(name), path.read_text(encoding="utf-8")
        if not text.startswith(stamp(lines, str(project()["requires-python"])) + "\n"):
            yield f"{path.name}: not made from what pyproject.toml asks for (make lock)"
        if "://" in text:
            yield f"{path.name}: names an address"
        pins = read(path)
        yield from (f"{path.name}: {what}" for what in unanswered(lines, pins))
        if name in LOCKS:
            yield from (
                f"{path.name}: {pin.name} {pin.version} is not what {WIDEST}.lock has"
                for pin in pins
                if (pin.name, pin.version) not in widest
            )


def unanswered(lines: list[str], pins: list[Pin]) -> Iterator[str]:
    """Yield each requirement that no pin for this Python answers."""
    versions = {pin.name: pin.version for pin in pins if pin.applies()}
    for requirement in map(Requirement, lines):
        version = versions.get(canonicalize_name(requirement.name))
        applies = requirement.marker is None or requirement.marker.evaluate()
        if applies and (version is None or not requirement.specifier.contains(version, prereleases=True)):
            yield f"{requirement} is asked for, {version or 'nothing'} is locked"


def check() -> int:
    """Report what is wrong; 1 if anything is."""
    found = list(problems())
    print("\n".join(found) or "locks: current")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(check() if sys.argv[1] == "check" else update(upgrade="--upgrade" in sys.argv))
