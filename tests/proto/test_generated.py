"""The generated code is what its contracts say: always by digest, and byte for byte where the generator is at hand."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GENERATOR = Path(os.environ.get("TALLYSTICK_GEN_PYTHON", ROOT / ".venv-gen" / "bin" / "python"))


def test_contract_changed_without_generating_again() -> None:
    listed = dict(
        reversed(line.split("  ")) for line in (ROOT / "tallystick/proto/generated.sha256").read_text().splitlines()
    )
    room = ROOT / "tallystick" / "proto"
    present = {str(path.relative_to(ROOT)) for path in [*room.rglob("*.proto"), *room.rglob("*_pb2*.py*")]}
    assert {path for path in present if "__pycache__" not in path} == set(listed)
    for path, digest in listed.items():
        assert hashlib.sha256((ROOT / path).read_bytes()).hexdigest() == digest, f"{path}: run make gen"


def test_generating_again_gives_other_bytes() -> None:
    if not GENERATOR.exists():
        pytest.skip("no generator here; make gen makes it in .venv-gen (pip install .[gen])")
    done = subprocess.run([GENERATOR, ROOT / "scripts/gen.py", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_generated_code_wants_a_newer_grpcio_than_the_package_declares() -> None:
    code = (ROOT / "tallystick/proto/exchange/v1/exchange_pb2_grpc.py").read_text()
    assert "GRPC_GENERATED_VERSION = '1.71." in code
    assert '"grpcio>=1.71"' in (ROOT / "pyproject.toml").read_text()


IMPORTS = """
import os, sys
{before}
from tallystick.proto.exchange import v1
from tallystick.proto.exchange.v1 import exchange_pb2_grpc
print(v1.TLS13_ONLY, os.environ["GRPC_SSL_CIPHER_SUITES"] == v1.TLS_SUITES)
"""


@pytest.mark.parametrize(("before", "said"), [("", "True True"), ("import grpc", "False True")])
def test_grpc_imported_before_the_suites_goes_unnoticed(before: str, said: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "GRPC_SSL_CIPHER_SUITES"}
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS.format(before=before)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == said


def test_reading_spool_messages_loads_grpc() -> None:
    code = "import sys; from tallystick.proto.exchange.v1 import spool_pb2; sys.exit('grpc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
