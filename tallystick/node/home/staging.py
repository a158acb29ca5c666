"""A home appears whole or not at all.

1. Parts (``desk``, ``border``, ``people``) are written in ``HOME/.making``. A crash leaves a folder whose keys were
   never used; the next ``init`` removes it.
2. ``.making`` is renamed ``.made``: from here on the home exists.
3. Each part is moved to its place. A crash leaves ``.made`` with the rest; the next ``init`` finishes the move.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tallystick.config.errors import StoreError
from tallystick.config.files import PRIVATE_DIR, fsync_dir, make_dir
from tallystick.config.i18n import _

__all__ = ["finish", "staged"]

_MAKING, _MADE = ".making", ".made"


def finish(home: Path) -> bool:
    """Move into place what an interrupted ``init`` had already made whole; tell whether there was such a thing."""
    made = home / _MADE
    if not made.is_dir():
        return False
    for part in sorted(made.iterdir()):
        part.rename(home / part.name)
    made.rmdir()
    fsync_dir(home)
    return True


def _refuse_taken(home: Path, parts: Sequence[str]) -> None:
    for part in parts:
        if (home / part).exists() or (home / part).is_symlink():
            raise StoreError(
                _("{path} already exists and was not touched").format(path=home / part),
                hint=_("choose another --home; a home that is no longer needed must be moved away by hand"),
            )


@contextmanager
def staged(home: Path, parts: Sequence[str]) -> Iterator[Path]:
    """Yield an empty folder for ``parts``; they stand in ``home`` after the block, or nothing does.

    Raises:
        StoreError: One of the parts is already there.
    """
    home.mkdir(parents=True, exist_ok=True)
    finish(home)
    _refuse_taken(home, parts)
    making = home / _MAKING
    if making.exists():
        shutil.rmtree(making)
    make_dir(making, PRIVATE_DIR)
    try:
        yield making
        fsync_dir(making)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    making.rename(home / _MADE)
    fsync_dir(home)
    finish(home)
