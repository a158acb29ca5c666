"""The reading side of a spool: never writes there, copies first, then verifies the copy.

A file that cannot be read does not hold up those behind it: it is reported in ``problems``, its number stays
open and is tried again on every pass. Messages are delivered at least once, in the order of their numbers.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tallystick.config.errors import MalformedError, StoreError, TallystickError
from tallystick.config.i18n import _
from tallystick.exchange.spool.cursor import OPEN_LIMIT, Cursor, CursorStore
from tallystick.exchange.spool.frame import (
    FILE_LIMIT,
    HEADER_LIMIT,
    KINDS,
    decode,
    file_name,
    parse_header,
    parse_name,
)

__all__ = ["SpoolProblem", "SpoolReader"]

_NAMES_LIMIT = 200_000
_PROBLEMS_SHOWN = 100


@dataclass(frozen=True)
class SpoolProblem:
    """Something in a spool that could not be read: where, what, and how to mend it."""

    where: str
    what: str
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f" ({self.hint})" if self.hint else "")


class SpoolReader:
    """Reads what is new in another process's spool.

    Args:
        folder: The spool.
        cursor_store: Where this reader remembers how far it came; on its own side.
        owner: User id that every file must belong to, or None where all run under one user or on a stick.
    """

    def __init__(self, folder: Path, cursor_store: CursorStore, owner: int | None = None) -> None:
        self._folder = folder
        self._store = cursor_store
        self._owner = owner
        self._problems: list[SpoolProblem] = []
        self._digests: dict[int, str] = {}

    @property
    def problems(self) -> tuple[SpoolProblem, ...]:
        """What the last pass of ``read_new`` could not read, at most a hundred of them."""
        return tuple(self._problems[:_PROBLEMS_SHOWN])

    def read_new(self) -> Iterator[tuple[int, str, bytes]]:
        """Yield ``(number, kind, message)`` of everything not yet ``done``, lowest number first.

        Never raises for what it finds in the folder; see ``problems`` afterwards.
        """
        self._problems = []
        try:
            handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            self._report(str(self._folder), error.strerror, _("is it made, mounted, and readable by this user?"))
            return
        try:
            yield from self._pass(handle)
        finally:
            os.close(handle)

    def done(self, number: int) -> None:
        """Remember durably that ``number`` was dealt with: taken in, or refused and reported."""
        cursor = self._store.load()
        if not cursor.is_done(number):
            self._store.save(cursor.with_done(number, self._digests.pop(number, "")))

    def _pass(self, handle: int) -> Iterator[tuple[int, str, bytes]]:
        files = self._listed(handle)
        cursor = self._checked_cursor(handle, files)
        self._digests = {}
        previous, unread = cursor.high, len(cursor.open)
        for number in sorted(files):
            if cursor.is_done(number):
                continue
            unread += max(number - previous - 1, 0)
            previous = max(previous, number)
            if unread > OPEN_LIMIT:
                self._report(
                    file_name(number, files[number]),
                    _("too many numbers are missing or unreadable before it"),
                    _("copy the whole spool again"),
                )
                break
            message = self._read(handle, number, files[number])
            if message is not None:
                yield number, files[number], message
            unread += message is None
            cursor = self._store.load()
        self._report_missing(files, self._store.load())

    def _listed(self, handle: int) -> Mapping[int, str]:
        """Return the kind of each number in the folder; an empty kind where a number stands there twice."""
        files: dict[int, str] = {}
        for count, name in enumerate(os.listdir(handle)):
            if count >= _NAMES_LIMIT:
                what = _("more than {limit} names").format(limit=_NAMES_LIMIT)
                self._report(str(self._folder), what, _("it should be emptied"))
                break
            if (found := parse_name(name)) is not None:
                files[found[0]] = "" if found[0] in files else found[1]
            elif not name.startswith("."):
                self._report(name[:80], _("not a spool file"), _("its writer should remove it"))
        return files

    def _checked_cursor(self, handle: int, files: Mapping[int, str]) -> Cursor:
        """Return the cursor, or a fresh one where the folder no longer is the one it was taken in."""
        cursor = self._store.load()
        if cursor.high in files and cursor.digest:
            try:
                header, _start = parse_header(
                    self._copy(handle, file_name(cursor.high, files[cursor.high]), HEADER_LIMIT)
                )
            except (OSError, TallystickError):
                return cursor  # it was whole when it was read; what became of it since is its owner's matter
            if header.digest != cursor.digest:
                self._report(
                    file_name(cursor.high, files[cursor.high]),
                    _("another message stood under this number before"),
                    _("the writer was restored or made anew: everything is read and checked once more"),
                )
                self._store.save(Cursor())
                return Cursor()
        if cursor.high > max(files, default=0):
            self._report(
                str(self._folder),
                _("ends at number {last}, but {high} was read before").format(
                    last=max(files, default=0), high=cursor.high
                ),
                _("an old copy, or the writer was restored from a backup"),
            )
        return cursor

    def _read(self, handle: int, number: int, kind: str) -> bytes | None:
        name = file_name(number, kind or "*")
        try:
            if not kind:
                raise MalformedError(_("this number stands there twice"), hint=_("its writer must remove one"))
            if kind not in KINDS:
                raise MalformedError(_("this kind of message is not known here"), hint=_("update this side's program"))
            message, self._digests[number] = decode(number, kind, self._copy(handle, name, FILE_LIMIT))
        except TallystickError as error:
            self._report(name, error.message, error.hint)
            return None
        except OSError as error:
            self._report(name, error.strerror, _("a regular file, readable by this user's group, was expected"))
            return None
        return message

    def _copy(self, folder: int, name: str, limit: int) -> bytes:
        """Return at most ``limit`` bytes of a file that is what a spool file must be.

        O_NOFOLLOW refuses a link, O_NONBLOCK keeps a pipe from stopping us; the checks are made on the open
        file, so nothing can be swapped between check and use.
        """
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        try:
            facts = os.fstat(handle)
            if not stat.S_ISREG(facts.st_mode):
                raise StoreError(_("not a regular file"), hint=_("its writer should put a plain copy there"))
            if self._owner is not None and facts.st_uid != self._owner:
                raise StoreError(_("belongs to another user"), hint=_("only its writer may put files there"))
            if facts.st_nlink != 1:
                raise StoreError(_("has a second name (hard link)"), hint=_("copy it, do not link it"))
            if facts.st_size > FILE_LIMIT:
                raise MalformedError(
                    _("larger than {limit} bytes").format(limit=FILE_LIMIT),
                    hint=_("its writer should send it in parts"),
                )
            with os.fdopen(handle, "rb", closefd=False) as stream:
                return stream.read(limit)
        finally:
            os.close(handle)

    def _report_missing(self, files: Mapping[int, str], cursor: Cursor) -> None:
        for number in cursor.open:
            if number not in files:
                self._report(f"{number:08d}", _("missing"), _("copy it again; it is read as soon as it is there"))

    def _report(self, where: str, what: str | None, hint: str | None = None) -> None:
        if len(self._problems) < _PROBLEMS_SHOWN:
            self._problems.append(SpoolProblem(where, what or "", hint))
