"""Makes the bundle for a machine without a network: one tar of wheels, digests, bill of materials, install script.

    make.py OUT

Needs the network (or a cache of pip's) for the locked wheels. With the same sources, lock and SOURCE_DATE_EPOCH
(default: the time of the last commit) it is the same bytes again.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.sbom import make_bom

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "home.lock"
EXTRAS = ("home",)
HERE = Path(__file__).resolve().parent


def epoch() -> int:
    """Return the time that everything in the bundle bears."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    return int(subprocess.check_output(["git", "log", "-1", "--format=%ct"], cwd=ROOT, text=True))


def build(out: Path, at: int) -> Path:
    """Build sdist and, from the unpacked sdist, the wheel; return the wheel."""
    options = ["--no-isolation", "--outdir", str(out)]
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(at)}
    command = [sys.executable, "-m", "build"]
    subprocess.run([*command, "--sdist", *options], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as work, tarfile.open(next(out.glob("*.tar.gz"))) as sdist:
        sdist.extractall(work, filter="data")
        unpacked = next(path for path in Path(work).iterdir() if path.is_dir())
        subprocess.run(
            [*command, "--wheel", *options], cwd=unpacked, env=environment, check=True, stdout=subprocess.DEVNULL
        )
    return next(out.glob("*.whl"))


def fetch(wheels: Path) -> None:
    """Bring the locked wheels, checked by their digests."""
    wheels.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    command += ["--only-binary", ":all:", "--dest", str(wheels), "--requirement", str(LOCK)]
    subprocess.run(command, check=True)


def fill(folder: Path, at: int) -> None:
    """Lay out the bundle's folder."""
    wheels = folder / "wheels"
    fetch(wheels)
    with tempfile.TemporaryDirectory() as work:
        ours = Path(shutil.copy2(build(Path(work), at), wheels))
    digest = hashlib.sha256(ours.read_bytes()).hexdigest()
    version = ours.name.split("-")[1]
    pinned = f"tallystick=={version} \\\n    --hash=sha256:{digest}\n"
    (folder / "requirements.lock").write_text(pinned + LOCK.read_text(encoding="utf-8"), encoding="utf-8")
    bill = make_bom(wheels, extras=EXTRAS, at=datetime.fromtimestamp(at, UTC))
    (folder / "sbom.cdx.json").write_text(bill, encoding="utf-8")
    (folder / "python-version").write_text(f"{sys.version_info[0]}.{sys.version_info[1]}-{platform.machine()}\n")
    for name in ("install.sh", "README.txt"):
        shutil.copyfile(HERE / name, folder / name)
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(sums))


def pack(folder: Path, target: Path, at: int) -> None:
    """Write the folder as a tar in which nothing depends on who made it, where, or when."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        member.mtime = at
        member.mode = 0o755 if member.isdir() or member.name.endswith(".sh") else 0o644
        return member

    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(folder.rglob("*")):
            archive.add(path, f"{folder.name}/{path.relative_to(folder)}", recursive=False, filter=plain)


def main() -> int:
    """Write the bundle; say how large it is and how long it took."""
    out, start, at = Path(sys.argv[1]), time.monotonic(), epoch()
    out.mkdir(parents=True, exist_ok=True)
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}-linux-{platform.machine()}"
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / f"tallystick-{tag}"
        fill(folder, at)
        target = out / f"{folder.name}.tar"
        pack(folder, target, at)
        shutil.copyfile(folder / "sbom.cdx.json", out / "sbom.cdx.json")
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    print(f"{target}: {target.stat().st_size / 1e6:.0f} MB, {time.monotonic() - start:.0f} s")
    print(f"sha256 {digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
