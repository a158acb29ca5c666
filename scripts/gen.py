"""Generates the Python of the wire contracts: ``gen.py`` writes it, ``gen.py --check`` only compares.

Runs in the generator's own environment (``make gen`` makes ``.venv-gen``), because the generator's version sets
the oldest grpcio and protobuf that users may have. ``tallystick/proto/generated.sha256`` keeps the digests of
what went in and came out, so that a forgotten regeneration shows without the generator.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOM = Path("tallystick") / "proto"
DIGESTS = ROOM / "generated.sha256"


def sources() -> list[Path]:
    """Return the contracts, relative to the top of the repository."""
    return sorted(path.relative_to(ROOT) for path in (ROOT / ROOM).glob("*/v1/*.proto"))


def generate(out: Path) -> None:
    """Write modules and stubs below ``out``; services get a gRPC module, mere messages none."""
    protos = sources()
    services = [path for path in protos if "\nservice " in (ROOT / path).read_text()]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", "."]
    plugin = [
        f"--plugin=protoc-gen-{name}={Path(sys.executable).parent / f'protoc-gen-{name}'}"
        for name in ("mypy", "mypy_grpc")
    ]
    runs = (
        [f"--python_out={out}", f"--mypy_out=quiet:{out}", *plugin, *protos],
        [f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}", *plugin, *services],
    )
    for arguments in runs:
        subprocess.run([*command, *(str(argument) for argument in arguments)], cwd=ROOT, check=True)


def generated(folder: Path) -> list[Path]:
    """Return the generated files that lie below ``folder``, relative to it."""
    return sorted(path.relative_to(folder) for path in folder.glob(f"{ROOM}/*/v1/*_pb2*.py*"))


def digests(folder: Path) -> str:
    """Return one line a file: the contracts as they lie here, the outputs as they lie in ``folder``."""
    lines = [(path, ROOT / path) for path in sources()] + [(path, folder / path) for path in generated(folder)]
    return "".join(f"{hashlib.sha256(place.read_bytes()).hexdigest()}  {path}\n" for path, place in lines)


def main() -> int:
    """Write or compare; 1 if what is committed is not what the contracts generate."""
    with tempfile.TemporaryDirectory() as name:
        fresh = Path(name)
        generate(fresh)
        if "--check" in sys.argv[1:]:
            same = digests(fresh) == digests(ROOT) == (ROOT / DIGESTS).read_text()
            print("proto: generated code is current" if same else "proto: differs from its contracts (make gen)")
            return 0 if same else 1
        for path in generated(ROOT):
            (ROOT / path).unlink()
        for path in generated(fresh):
            shutil.copyfile(fresh / path, ROOT / path)
        (ROOT / DIGESTS).write_text(digests(fresh))
    return 0


if __name__ == "__main__":
    sys.exit(main())
