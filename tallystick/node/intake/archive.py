"""A workbook's zip archive, inspected before anything is built from it.

What an archive says of its sizes may be a lie, so every part is inflated once in pieces, counted, and thrown away; on
that way it is also seen which sheets hold formulas and which cells are merged.
"""

import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _

__all__ = ["Contents", "Part", "inspect"]

PARTS = 2000
INFLATED = 1 << 30
"""Most bytes of all parts together, inflated."""
RATIO = 250
"""Most times that a large part may grow; a sheet of equal rows grows about 100 times, a bomb 1,000 times."""
SMALL = 16 << 20
"""Parts of so many bytes, inflated, may grow as they like."""
STRETCH = 32 << 20
"""Most bytes without the end of a row or of a shared text: openpyxl holds such a stretch at once."""
_PIECE = 1 << 18
_MERGED = 20_000
_KEPT = 80
"""Bytes of the piece before that are looked at again, so that nothing hides on the seam."""
_FORMULA = re.compile(rb"<(?:\w{1,8}:)?f[ />]")
_MERGE = re.compile(rb'<(?:\w{1,8}:)?mergeCell\s+ref="\$?([A-Z]{1,3})\$?([0-9]{1,7}):\$?([A-Z]{1,3})\$?([0-9]{1,7})"')
_ENDS = (b"row>", b"<row ", b":row ", b"si>")
_HIDING = (b"<![CDATA[", b"<!--")
_DECLARING = (b"<!DOCTYPE", b"<!ENTITY")


@dataclass(frozen=True)
class Part:
    """What was seen of one part: whether it holds formulas, and its merged areas, counted from 1."""

    formulas: bool = False
    merged: tuple[tuple[int, int, int, int], ...] = ()


@dataclass(frozen=True)
class Contents:
    """What a workbook holds, by the names of its parts."""

    parts: Mapping[str, Part]

    def part(self, name: str) -> Part:
        """Return what was seen of a part."""
        return self.parts.get(name.lstrip("/"), Part())

    @property
    def macros(self) -> bool:
        """Tell whether there are macros."""
        return any(name.lower().endswith("vbaproject.bin") for name in self.parts)

    @property
    def links(self) -> bool:
        """Tell whether there are links to other files."""
        return any(name.lower().startswith("xl/externallinks/") for name in self.parts)


def inspect(stream: BinaryIO, path: Path) -> Contents:
    """Look through a workbook's archive in bounded memory.

    Args:
        stream: The open file; left at its beginning.
        path: Its name, for words.

    Raises:
        MalformedError: Not a workbook, damaged, protected, or larger than a register can be.
    """
    try:
        with zipfile.ZipFile(stream) as archive:
            _check_names(archive, path)
            _check_declared(archive, path)
            parts = _look_through(archive, path)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise MalformedError(
            _("{path}: a damaged or protected archive ({reason})").format(path=path, reason=type(error).__name__),
            hint=_("open it in a spreadsheet and save it again as .xlsx"),
        ) from None
    stream.seek(0)
    return Contents(parts)


def _check_names(archive: zipfile.ZipFile, path: Path) -> None:
    names = set(archive.namelist())
    if "xl/workbook.bin" in names or "content.xml" in names:
        raise MalformedError(
            _("{path}: a workbook of another kind (.xlsb or .ods)").format(path=path),
            hint=_("open it in a spreadsheet and save it as .xlsx"),
        )
    if "[Content_Types].xml" not in names:
        raise MalformedError(
            _("{path}: an archive, but no workbook").format(path=path),
            hint=_("take the CSV file or the workbook out of the archive first"),
        )


def _bomb(path: Path, name: str) -> MalformedError:
    return MalformedError(
        _("{path}: '{name}' would grow beyond what a register can be").format(path=path, name=name[:60]),
        hint=_("nothing was taken in; if it is a real register, save it as 'CSV UTF-8'"),
    )


def _check_declared(archive: zipfile.ZipFile, path: Path) -> None:
    found = archive.infolist()
    if len(found) > PARTS or len({info.filename for info in found}) != len(found):
        raise _bomb(path, "[...]")
    if sum(info.file_size for info in found) > INFLATED:
        raise _bomb(path, max(found, key=lambda info: info.file_size).filename)
    for info in found:
        if info.file_size > max(SMALL, RATIO * info.compress_size):
            raise _bomb(path, info.filename)


def _look_through(archive: zipfile.ZipFile, path: Path) -> dict[str, Part]:
    total, parts = 0, {}
    for info in archive.infolist():
        look = _Look()
        limit = min(INFLATED - total, max(SMALL, RATIO * info.compress_size))
        with archive.open(info) as part:
            while piece := part.read(_PIECE):
                look.take(piece)
                if look.size > limit or look.stretch > STRETCH:
                    raise _bomb(path, info.filename)
                if look.declares:
                    raise MalformedError(
                        _("{path}: '{name}' declares entities, which no spreadsheet writes").format(
                            path=path, name=info.filename[:60]
                        )
                    )
        total += look.size
        parts[info.filename] = Part(look.formulas, tuple(sorted(look.merged)))
    return parts


class _Look:
    """What is seen of a part while it passes by in pieces."""

    def __init__(self) -> None:
        self.size = 0
        self.stretch = 0
        self.formulas = False
        self.declares = False
        self.merged: set[tuple[int, int, int, int]] = set()
        self._kept = b""
        self._is_xml: bool | None = None
        self._hides = False

    def take(self, piece: bytes) -> None:
        self.size += len(piece)
        start = piece.lstrip(b"\xef\xbb\xbf \r\n\t")
        if self._is_xml is None and start:
            self._is_xml = start[:1] == b"<" or start[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0<" in start[:4]
            self.declares = self._is_xml and b"\0" in start[:4]
        if not self._is_xml:
            return
        seen = self._kept + piece
        self.declares = self.declares or any(mark in seen for mark in _DECLARING)
        self.formulas = self.formulas or _FORMULA.search(seen) is not None
        self._measure(seen, piece)
        if b"mergeCell" in seen and len(self.merged) < _MERGED:
            self.merged.update(_area(found) for found in _MERGE.findall(seen))
        self._kept = seen[-_KEPT:]

    def _measure(self, seen: bytes, piece: bytes) -> None:
        # What stands in a comment or in CDATA could pass for the end of a row; no spreadsheet writes either.
        self._hides = self._hides or any(mark in seen for mark in _HIDING)
        end = -1 if self._hides else max(seen.rfind(mark) for mark in _ENDS)
        self.stretch = len(seen) - end if end >= 0 else self.stretch + len(piece)


def _area(found: tuple[bytes, bytes, bytes, bytes]) -> tuple[int, int, int, int]:
    left, top, right, bottom = found
    return int(top), _column(left), int(bottom), _column(right)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
