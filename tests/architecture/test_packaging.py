"""A wheel built from the sdist must hold every room: an sdist that follows the links at the top loses them all."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("proto", "node", "exchange", "keys", "config", "cli")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    answer = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300, env={**os.environ, **environment}
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the unpacked sdist as a packager would."""
    work = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", str(work), cwd=ROOT)
    run("tar", "xzf", next(work.glob("*.tar.gz")), cwd=work)
    unpacked = next(path for path in work.iterdir() if path.is_dir())
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(work), cwd=unpacked)
    return next(work.glob("*.whl"))


def test_the_wheel_holds_every_room_and_its_data(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for room in ROOMS:
        assert f"tallystick/{room}/__init__.py" in names
    assert "tallystick/config/data/catalogue.json" in names
    assert "tallystick/config/locale/ru/LC_MESSAGES/tallystick.mo" in names
    assert "tallystick/py.typed" in names
    assert not [name for name in names if name.split("/")[0] in ROOMS], "a linked room leaked to the top"


def built_in(folder: Path, seconds: int, mask: int) -> dict[str, bytes]:
    """Check the sources out into a folder, at another time of day and under another umask, and build both files."""
    before = os.umask(mask)
    try:
        folder.parent.mkdir(exist_ok=True)
        run("git", "clone", "--quiet", "--no-hardlinks", ROOT, folder, cwd=ROOT)
        for path in folder.rglob("*"):
            os.utime(path, (seconds, seconds), follow_symlinks=False)
        command = (sys.executable, "-m", "build", "--no-isolation", "--outdir", folder.with_suffix(".dist"))
        run(*command, cwd=folder, SOURCE_DATE_EPOCH="1600000000", TZ=f"UTC{mask % 9}")
    finally:
        os.umask(before)
    return {path.name: path.read_bytes() for path in folder.with_suffix(".dist").iterdir()}


def test_two_builds_in_different_places_at_different_times_are_the_same_bytes(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout, so there is nothing to check out twice")
    one = built_in(tmp_path / "one", 1_500_000_000, 0o022)
    other = built_in(tmp_path / "another" / "place", 1_700_000_001, 0o077)
    assert {name.rsplit(".", 1)[1] for name in one} == {"whl", "gz"}
    assert set(one) == set(other)
    for name, data in one.items():
        assert data == other[name], name


def test_the_wheel_runs_where_the_checkout_is_not(wheel: Path, tmp_path: Path) -> None:
    run(
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        tmp_path / "site",
        wheel,
        cwd=tmp_path,
    )
    code = (
        "import importlib, pkgutil, tallystick\n"
        "for module in pkgutil.walk_packages(tallystick.__path__, 'tallystick.'):\n"
        "    if not module.name.endswith('__main__'): importlib.import_module(module.name)\n"
        "from tallystick.config.catalogue import load_shipped\n"
        "load_shipped(); print(tallystick.__file__)"
    )
    where = run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(tmp_path / "site"))
    assert where.strip().startswith(str(tmp_path / "site"))
    version = run(
        sys.executable, "-m", "tallystick.cli.main", "--version", cwd=tmp_path, PYTHONPATH=str(tmp_path / "site")
    )
    assert version.startswith("tallystick ")
