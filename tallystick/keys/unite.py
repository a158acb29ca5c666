"""The signatures of one file: drop those that do not hold, unite those of two copies.

Nodes that signed or heard at different times hold different subsets of good signatures. Each copy keeps all that hold,
so that every node ends with the same bytes whatever the order in which it heard.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from tuf.api.metadata import Metadata

from tallystick.keys.chains import Link
from tallystick.keys.roster import GENESIS
from tallystick.keys.tuf_files import write_file

__all__ = ["only_valid", "texts_of", "united", "united_texts"]

_LinkT = TypeVar("_LinkT", bound=Link[Any])


def texts_of(metadata: Metadata[Any]) -> dict[str, str]:
    """Return a file's hex signatures by TUF key id."""
    return {keyid: entry.signature for keyid, entry in metadata.signatures.items()}


def united_texts(mine: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, str]:
    """Unite hex signatures by key id; of two by one key the smaller text stays, whatever the order."""
    smaller = {keyid: min(mine[keyid], theirs[keyid]) for keyid in mine.keys() & theirs.keys()}
    return {**theirs, **mine, **smaller}


def _with(link: _LinkT, signatures: dict[str, str]) -> _LinkT:
    """Return ``link`` with other signatures; the genesis root keeps its bytes, whose hash is the federation's id."""
    if link.name.text == GENESIS or signatures == texts_of(link.metadata):
        return link
    data = write_file(link.metadata, signatures)
    return replace(link, data=data, metadata=type(link.metadata).from_bytes(data))


def only_valid(link: _LinkT, signed: frozenset[str]) -> _LinkT:
    """Return ``link`` with those signatures only whose TUF key id is in ``signed``."""
    return _with(link, {keyid: text for keyid, text in texts_of(link.metadata).items() if keyid in signed})


def united(one: _LinkT, two: _LinkT) -> _LinkT:
    """Return ``one`` with the signatures of both."""
    return _with(one, united_texts(texts_of(one.metadata), texts_of(two.metadata)))
