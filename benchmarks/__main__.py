"""Run every benchmark, or those named: ``python -m benchmarks [NAME ...]``; results go to ``benchmarks/results/``.

Each module has ``main()``, which prints for a person and returns a JSON document.
"""

import importlib
import json
import pkgutil
import platform
import sys
import time
from pathlib import Path

import benchmarks

RESULTS = Path(__file__).parent / "results"


def names() -> list[str]:
    """List the benchmarks there are."""
    return sorted(
        module.name for module in pkgutil.iter_modules(benchmarks.__path__) if not module.name.startswith("_")
    )


def run(name: str) -> None:
    """Run one benchmark and keep its figures."""
    print(f"\n== {name}", flush=True)
    started = time.perf_counter()
    figures = importlib.import_module(f"benchmarks.{name}").main()
    print(f"-- {name}: {time.perf_counter() - started:.1f} s", flush=True)
    document = {"benchmark": name, "python": platform.python_version(), "figures": figures}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")


def main() -> int:
    """Run what was asked for."""
    wanted = sys.argv[1:] or names()
    unknown = sorted(set(wanted) - set(names()))
    if unknown:
        print(
            f"error: no benchmark is called {', '.join(unknown)}\nhint: there are {', '.join(names())}", file=sys.stderr
        )
        return 2
    for name in wanted:
        run(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
