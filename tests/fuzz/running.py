"""Running a parser on one file: it returns a value or raises what it may, within its time; nothing else."""

import os
import random
import resource
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.mutation import BOMBS, TOKENS, mutated
from tests.fuzz.parsers import Parser

__all__ = ["FindingError", "bombs", "examples", "feed", "peak_memory"]


class FindingError(AssertionError):
    """A parser did something else than return or refuse; the message holds what was fed to it."""


def feed(parser: Parser, data: bytes, room: Path) -> bool:
    """Run ``parser`` on ``data`` in a folder of its own; return whether it took it.

    Raises:
        FindingError: Another error than it may raise, or more time than it may take.
    """
    place = Path(tempfile.mkdtemp(dir=room))
    start = time.process_time()
    taken = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parser.run(data, place)
        taken = True
    except parser.refuses:
        pass
    except Exception as error:
        raise FindingError(f"{parser.name}: {type(error).__name__}: {error!s:.200} from {_shown(data)}") from error
    finally:
        shutil.rmtree(place, ignore_errors=True)
    spent = time.process_time() - start
    if spent > parser.seconds:
        raise FindingError(f"{parser.name}: {spent:.1f} s of {parser.seconds} for {_shown(data)}")
    return taken


def _shown(data: bytes) -> str:
    if len(data) <= 4000:
        return repr(data)
    path = Path(tempfile.gettempdir()) / f"finding-{os.getpid()}.bin"
    path.write_bytes(data)
    return f"{data[:200]!r}... ({len(data)} bytes, whole in {path})"


def examples(parser: Parser, seed: int) -> Iterator[bytes]:
    """Yield spoilt files without end: seeds with something wrong, now and then bytes of no kind at all."""
    random_ = random.Random(f"{parser.name} {seed}")
    seeds = [found for found in parser.seeds() if found]
    while True:
        if random_.random() < 0.08:
            yield random_.randbytes(random_.choice((0, 1, 7, 64, 4096)))
        elif random_.random() < 0.05:
            yield b"".join(random_.choices(TOKENS, k=random_.choice((1, 3, 40))))
        else:
            yield mutated(random_.choice(seeds), random_)


def bombs(parser: Parser) -> Iterator[bytes]:
    """Yield files that are dear to read: of no kind, and grown out of the smallest seed."""
    seed = min((found for found in parser.seeds() if found), key=len)
    yield from BOMBS
    yield seed * (2_000_000 // len(seed) + 1)
    lines = seed.split(b"\n")
    yield b"\n".join([*lines[:-1], *lines[-2:-1] * 20_000, lines[-1]])
    yield seed[: len(seed) // 2] + b" " * 2_000_000 + seed[len(seed) // 2 :]


def peak_memory() -> int:
    """Return the most memory that this process ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
