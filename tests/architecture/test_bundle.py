"""The bundle is installed where there is no network, holds exactly what is locked, and is the same bytes each time."""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from scripts import lock

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "vectors" / "golden"
EPOCH = "1600000000"
NOWHERE = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bundle")]


def make(out: Path) -> Path:
    answer = subprocess.run(
        [sys.executable, ROOT / "scripts" / "bundle" / "make.py", out],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH},
    )
    unreachable = ("No matching distribution found", "Could not find a version", "NewConnectionError", "Network is unr")
    if answer.returncode and any(words in answer.stderr for words in unreachable):
        pytest.skip("the package index cannot be reached, so the locked wheels cannot be had")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    sys.stdout.write(answer.stdout)
    return next(out.glob("*.tar"))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def folder(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle, unpacked as its reader does."""
    place = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(bundle) as archive:
        archive.extractall(place, filter="data")
    return next(place.iterdir())


def unplugged(*command: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run a command with no network: in an empty network namespace where that is allowed, else with proxies nowhere."""
    alone = ["unshare", "--net"] if _may_unshare() else []
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "VIRTUAL"))
    }
    return subprocess.run(
        [*alone, *command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**inherited, **NOWHERE, "TALLYSTICK_LANG": "en"},
    )


def _may_unshare() -> bool:
    try:
        return subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.fixture(scope="module")
def installed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment, made by the bundle's own script with the network unplugged."""
    target = tmp_path_factory.mktemp("target") / "tallystick"
    start = time.monotonic()
    answer = unplugged("sh", folder / "install.sh", target, cwd=folder.parent)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    how = "an empty network namespace" if _may_unshare() else "no namespace: proxies nowhere, --no-index"
    sys.stdout.write(f"installed in {time.monotonic() - start:.0f} s ({how})\n")
    return target


def test_it_installs_unplugged_and_runs(installed: Path, tmp_path: Path) -> None:
    tool = installed / "bin" / "tallystick"
    assert unplugged(tool, "--version", cwd=tmp_path).stdout.startswith("tallystick ")
    seen = unplugged(
        tool, "verify", GOLDEN / "pack", "--root", GOLDEN / "pack.words", "--at", "2021-06-01", cwd=tmp_path
    )
    assert seen.returncode == 0, seen.stderr
    assert "verified" in seen.stdout
    made = unplugged(tool, "init", "--demo", "--state", "KAZ", "--home", tmp_path / "kaz", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    found = unplugged(tool, "doctor", "--home", tmp_path / "kaz", "--json", cwd=tmp_path)
    assert "clock" in json.loads(found.stdout)["checked"], found.stderr


def test_a_namespace_has_no_way_out(tmp_path: Path) -> None:
    if not _may_unshare():
        pytest.skip("no network namespace may be made here")
    code = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"
    answer = unplugged(sys.executable, "-c", code, cwd=tmp_path)
    assert "Network is unreachable" in answer.stderr


def test_it_is_not_installed_over_something_or_when_it_was_changed(
    folder: Path, installed: Path, tmp_path: Path
) -> None:
    over = unplugged("sh", folder / "install.sh", installed, cwd=tmp_path)
    assert over.returncode == 1
    assert "is there already and was not touched" in over.stderr
    path = folder / "LICENSE"
    whole = path.read_bytes()
    try:
        path.write_bytes(whole + b"\n")
        changed = unplugged("sh", folder / "install.sh", tmp_path / "new", cwd=tmp_path)
    finally:
        path.write_bytes(whole)
    assert changed.returncode == 1
    assert "was changed or is not whole" in changed.stderr
    assert not (tmp_path / "new").exists()


def test_a_wheel_that_is_not_the_locked_one_is_not_installed(folder: Path, tmp_path: Path) -> None:
    """The list of digests can be written anew by whoever changes a wheel; the lock's digests still stop it."""
    wheel = next((folder / "wheels").glob("rfc8785-*.whl"))
    sums, whole = folder / "SHA256SUMS", wheel.read_bytes()
    listed = sums.read_text()
    try:
        wheel.write_bytes(whole + b"\0")
        old, new = (hashlib.sha256(data).hexdigest() for data in (whole, wheel.read_bytes()))
        sums.write_text(listed.replace(old, new))
        answer = unplugged("sh", folder / "install.sh", tmp_path / "new", cwd=tmp_path)
    finally:
        wheel.write_bytes(whole)
        sums.write_text(listed)
    assert answer.returncode != 0
    assert "DO NOT MATCH THE HASHES" in answer.stderr


def test_the_bill_lists_exactly_the_locked_wheels_with_digests_and_licences(folder: Path) -> None:
    text = (folder / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    pins = {pin.name: pin for pin in lock.read(ROOT / "requirements" / "home.lock") if pin.applies()}
    assert {part["name"]: part["version"] for part in bill["components"]} == {
        name: pin.version for name, pin in pins.items()
    }
    files = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / "wheels").iterdir()}
    for part in bill["components"]:
        (digest,) = [one["content"] for one in part["hashes"] if one["alg"] == "SHA-256"]
        assert digest in pins[part["name"]].sha256 & files
        assert part["licenses"], part["name"]
    assert len(files) == len(pins) + 1
    needs = {one["ref"]: one.get("dependsOn", []) for one in bill["dependencies"]}
    ours = next(ref for ref in needs if ref.startswith("tallystick@"))
    assert any(ref.startswith("sqlcipher3@") for ref in needs[ours])
    assert {ref for refs in needs.values() for ref in refs} == set(needs) - {ours}


def test_it_names_no_address_to_fetch_from(folder: Path) -> None:
    for name in ("requirements.lock", "install.sh", "README.txt", "SHA256SUMS"):
        assert "://" not in (folder / name).read_text()


def test_the_same_sources_give_the_same_bundle(bundle: Path, tmp_path: Path) -> None:
    assert make(tmp_path / "again").read_bytes() == bundle.read_bytes()
