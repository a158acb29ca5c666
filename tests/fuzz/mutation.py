"""Spoiling files that hold: by bytes, by lines, and by the structure that lies in them.

    data = mutated(seed, random.Random(7))

What is JSON is spoilt as JSON, a DSSE envelope inside its payload, base64 lines inside the base64, a workbook inside
its parts; otherwise nothing would get past the first check. All randomness is the argument's.
"""

import base64
import binascii
import io
import json
import random
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

__all__ = ["BOMBS", "mutated"]

LARGEST = 300_000
"""Bytes that a mutation may grow to; what is larger is what ``BOMBS`` are for."""

TOKENS: tuple[bytes, ...] = (
    *(b"", b"\0", b"\r\n", b"\n\n", b"\xff", b"\xef\xbb\xbf", b"\xc3\x28", b"\xed\xa0\x80", b"\xe2\x80\xae"),
    *(b"%s%n", b"=", b"-1", b"0", b"00", b"1e999", b"NaN", b"-0", b"18446744073709551616", b"9" * 400, b"1_000"),
    *("²".encode(), "٣".encode(), b"{", b"}", b"[", b"]", b'"', b"'", b",", b";", b"\t", b"\\u0000", b"\\ud800"),
    *(b"../", b"/", b"\xe2\x80\x94 ", b"+", b"true", b"null", b"[]", b"{}", b"=SUM(A1)", b"<!DOCTYPE x>", b"&lol;"),
    *(b"_T", b"*", b"2018", b"A3", b"0x10", b"inf", b"0001-01-01", b"9999-12-31T23:59:59Z", b"\\", b"#"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63, 10**30, 1.5, -0.0, 1e308, float("inf"), float("nan")),
    *("", " ", "0", "\0", "\ud800", "x" * 70_000, [], {}, [[]], [{}], {"": {}}, {"signed": None}, ["", ""]),
    *("2018", "2018-2020", "9" * 5000, "²", "\u202e", "e\u0301"),
)
BOMBS: tuple[bytes, ...] = (
    b"[" * 200_000,
    b'{"a":' * 100_000,
    b"a = " + b"[" * 100_000,
    b"a." * 50_000 + b"a = 1",
    *(b"a." * 20_000 + b"a = 1", b"a = " + b"[" * 30_000, b"a = " + b"{a=" * 15_000, b"[" + b"a." * 20_000 + b"a]"),
    b'{"signed":' + b"[" * 100_000,
    b"9" * 1_000_000,
    b'{"a": ' + b"9" * 100_000 + b"}",
    b"\n" * 500_000,
    b"\0" * 1_000_000,
    b"a," * 500_000,
    b'"' * 1_000_001,
    b"\xe2\x80\x94 " * 200_000,
    b"x" * 5_000_000,
    b"abandon " * 100_000,
    b"\x0a\x80\x80\x80\x80\x08" * 10_000,
)
"""Files that cost more than they weigh where somebody recurses, multiplies or looks back."""


def mutated(seed: bytes, random_: random.Random) -> bytes:
    """Return ``seed`` with one to four things wrong with it."""
    data = seed
    for _ in range(random_.choice((1, 1, 1, 2, 2, 3, 4))):
        ways = [_bytes, _bytes, _lines]
        if data[:1] in {b"{", b"["}:
            ways = [_bytes, *(_json,) * 6]
        elif data[:2] == b"PK":
            ways = [_bytes, *(_archive,) * 6]
        elif b"\n" in data:
            ways = [_bytes, *(_lines,) * 3, _based]
        data = random_.choice(ways)(data, random_)[:LARGEST]
    return data


def _bytes(data: bytes, random_: random.Random) -> bytes:
    at, other = sorted((random_.randint(0, len(data)), random_.randint(0, len(data))))
    other = min(other, at + random_.choice((1, 2, 8, 64, 4096)))
    part = data[at:other]
    new: Callable[[], bytes] = random_.choice(
        (
            lambda: random_.choice(TOKENS),
            lambda: random_.choice(TOKENS) + part,
            lambda: part * random_.choice((2, 3, 50)),
            lambda: bytes(byte ^ 1 << random_.randrange(8) for byte in part[:1]) + part[1:],
            lambda: random_.randbytes(len(part)),
            lambda: part[::-1],
            lambda: b"",
        )
    )
    return data[:at] + new() + (b"" if random_.random() < 0.02 else data[other:])


def _lines(data: bytes, random_: random.Random) -> bytes:
    lines = data.split(b"\n")
    at, other = random_.randrange(len(lines)), random_.randrange(len(lines))
    way = random_.randrange(5)
    if way == 0:
        del lines[at]
    elif way == 1:
        lines.insert(other, lines[at])
    elif way == 2:
        lines[at], lines[other] = lines[other], lines[at]
    else:
        mark = random_.choice((b",", b" ", b"=", b".", b"\t", b";"))
        cells = lines[at].split(mark)
        cells[random_.randrange(len(cells))] = random_.choice(TOKENS)
        lines[at] = mark.join(cells)
    return b"\n".join(lines)


def _based(data: bytes, random_: random.Random) -> bytes:
    """Spoil what is written in base64, in base64."""
    words = data.split(b" ")
    at = random_.randrange(len(words))
    head, mark, tail = words[at].rpartition(b"\n") if words[at].count(b"\n") == 1 else (words[at], b"", b"")
    try:
        inner = base64.b64decode(head, validate=True)
    except binascii.Error:
        return _lines(data, random_)
    words[at] = base64.b64encode(_bytes(inner, random_)) + mark + tail
    return b" ".join(words)


def _json(data: bytes, random_: random.Random) -> bytes:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return _bytes(data, random_)
    holders: list[tuple[Any, Any]] = []
    _collect(document, holders)
    if not holders:
        return json.dumps(random_.choice(VALUES)).encode()
    holder, place = random_.choice(holders)
    _spoil(holder, place, random_)
    compact = (",", ":")
    return json.dumps(document, separators=compact, ensure_ascii=random_.random() < 0.5).encode(
        "utf-8", "surrogatepass"
    )


def _collect(node: Any, holders: list[tuple[Any, Any]]) -> None:
    if isinstance(node, dict):
        places = list(node)
    elif isinstance(node, list):
        places = list(range(len(node)))
    else:
        return
    for place in places:
        holders.append((node, place))
        _collect(node[place], holders)


def _spoil(holder: Any, place: Any, random_: random.Random) -> None:
    value, way = holder[place], random_.randrange(9)
    if isinstance(value, str) and way < 4:
        holder[place] = _text(value, random_)
    elif way == 4:
        del holder[place]
    elif way == 5 and isinstance(holder, dict):
        holder[random_.choice(("", "x", "signed", place + " ", "\u0000"))] = holder.pop(place)
    elif way == 5:
        holder.extend([value] * random_.choice((1, 2, 300)))
    elif way == 6 and isinstance(value, int):
        holder[place] = value + random_.choice((-1, 1, 2**31, -value, 10**18))
    else:
        holder[place] = random_.choice(VALUES)


def _text(value: str, random_: random.Random) -> str:
    """Spoil a text; where it is base64 of JSON, as DSSE's payload is, spoil the JSON in it."""
    try:
        inner = base64.b64decode(value, validate=True)
        if inner[:1] == b"{":
            return base64.b64encode(_json(inner, random_)).decode()
        if len(inner) > 8:
            return base64.b64encode(_bytes(inner, random_)).decode()
    except (ValueError, binascii.Error):
        pass
    return _bytes(value.encode("utf-8", "surrogatepass"), random_).decode("utf-8", "replace")


def _archive(data: bytes, random_: random.Random) -> bytes:
    """Spoil one part of a workbook and pack it again."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, RuntimeError, ValueError, EOFError):
        return _bytes(data, random_)
    if not parts:
        return data
    name = random_.choice(sorted(parts))
    if random_.random() < 0.1:
        parts[random_.choice(("xl/workbook.xml", "../x", "xl/vbaProject.bin", name + "x"))] = parts.pop(name)
    else:
        parts[name] = (_markup if random_.random() < 0.7 else _bytes)(parts[name], random_)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for inner, content in parts.items():
            archive.writestr(inner, content)
    return out.getvalue()


def _markup(data: bytes, random_: random.Random) -> bytes:
    """Put a token in place of one attribute's value or one text between tags."""
    for mark, end in random_.sample([(b'="', b'"'), (b">", b"<")], 2):
        count = data.count(mark)
        if count:
            at = -1
            for _ in range(random_.randint(1, min(count, 400))):
                at = data.index(mark, at + 1)
            stop = data.find(end, at + len(mark))
            return data[: at + len(mark)] + random_.choice(TOKENS) + data[stop:]
    return _bytes(data, random_)
