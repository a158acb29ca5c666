"""Fuzzing led by coverage: ``fuzz.py [--seconds N] [PARSER ...]`` over the table that the tests use (atheris).

Each parser runs in a process of its own; what it finds lies below ``build/fuzz/PARSER``. 1 if anything was found.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "fuzz"
sys.path.insert(0, str(ROOT))


def run_one(name: str, seconds: int) -> None:
    """Fuzz one parser; does not return where something is found, as atheris ends the process."""
    import atheris  # noqa: PLC0415 - only the process of one parser is instrumented

    with atheris.instrument_imports(include=["tallystick"]):
        from tests.fuzz import parsers, parsers_home, running  # noqa: PLC0415 - instrumented as they are imported
    parser = next(one for one in (*parsers.PARSERS, *parsers_home.PARSERS) if one.name == name)
    place = OUT / name
    place.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(parser.seeds()):
        (place / f"seed-{number}").write_bytes(seed)
    with tempfile.TemporaryDirectory() as room:
        options = [f"-max_total_time={seconds}", f"-artifact_prefix={place}/found-", "-rss_limit_mb=2048", str(place)]
        atheris.Setup([sys.argv[0], *options], lambda data: running.feed(parser, bytes(data), Path(room)))
        atheris.Fuzz()


def main() -> int:
    """Fuzz every parser that is named, or all of them, one after another."""
    given = sys.argv[1:]
    seconds = int(given[given.index("--seconds") + 1]) if "--seconds" in given else 60
    if given[:1] == ["--one"]:
        run_one(given[1], seconds)
        return 0
    from tests.fuzz import parsers, parsers_home  # noqa: PLC0415 - not in an instrumented process

    known = [parser.name for parser in (*parsers.PARSERS, *parsers_home.PARSERS)]
    wanted = [name for name in given if name in known] or known
    found = []
    for name in wanted:
        command = [sys.executable, __file__, "--one", name, "--seconds", str(seconds)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        print(f"{name}: {'nothing found' if not answer.returncode else answer.stderr[-2000:]}", flush=True)
        found += [name] if answer.returncode else []
    print(f"{len(found)} of {len(wanted)} parsers did something else than return or refuse", ", ".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
