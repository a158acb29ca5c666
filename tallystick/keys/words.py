"""The federation's id in words, and the anchor that a person types or hands over as a file.

Thirty-two bytes are 24 words of BIP-39's English list; the last word carries eight bits of checksum, so a wrong or
swapped word is noticed with 255 chances in 256.
"""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import NewType

from mnemonic import Mnemonic

from tallystick.config.errors import MalformedError, UsageError
from tallystick.config.files import read_bounded
from tallystick.config.i18n import _

__all__ = ["WORD_COUNT", "Anchor", "anchor_from_words", "anchor_of", "federation_words", "parse_anchor"]

Anchor = NewType("Anchor", str)
"""Hex SHA-256 of the bytes of the genesis ``1.root.json`` that the caller trusts."""

WORD_COUNT = 24
_FILE_LIMIT = 1024 * 1024
_BYTES = 32


@cache
def _bip39() -> Mnemonic:
    return Mnemonic("english")


def federation_words(federation_id: str) -> str:
    """Return 24 words, separated by blanks, for a federation id in hex."""
    words: str = _bip39().to_mnemonic(bytes.fromhex(federation_id))
    return words


def anchor_from_words(text: str) -> Anchor:
    """Read 24 words, in any case and however they are spaced or numbered into lines.

    Raises:
        MalformedError: Not 24 words, a word that is not in the list, or the checksum does not match.
    """
    words = [word for word in text.lower().replace(",", " ").split() if not word.strip(".)").isdigit()]
    if len(words) != WORD_COUNT:
        raise MalformedError(
            _("federation words: {count} words where {wanted} belong").format(count=len(words), wanted=WORD_COUNT)
        )
    for number, word in enumerate(words, 1):
        if word not in _bip39().wordlist:
            raise MalformedError(
                _("federation words: word {number} ({word}) is not in the list").format(number=number, word=word[:20]),
                hint=_("the words are those of BIP-39, English; check the spelling"),
            )
    if not _bip39().check(" ".join(words)):
        raise MalformedError(
            _("federation words: the checksum does not match, so at least one word is wrong or out of place"),
            hint=_("compare every word with the note on which they were received"),
        )
    return Anchor(bytes(_bip39().to_entropy(words)[:_BYTES]).hex())


def anchor_of(genesis: bytes) -> Anchor:
    """Return the federation id that the bytes of a ``1.root.json`` have."""
    return Anchor(hashlib.sha256(genesis).hexdigest())


def _from_file(data: bytes, path: Path) -> Anchor:
    if data.lstrip()[:1] != b"{":
        try:
            return anchor_from_words(data.decode("utf-8"))
        except UnicodeDecodeError:
            raise MalformedError(_("{path}: neither words nor a root.json").format(path=path)) from None
    try:
        signed = json.loads(data)["signed"]
        genesis = signed["_type"] == "root" and signed["version"] == 1
    except (ValueError, KeyError, TypeError, RecursionError):
        genesis = False
    if not genesis:
        raise MalformedError(
            _("{path}: not the genesis root of a federation").format(path=path),
            hint=_("the anchor is the file 1.root.json, byte for byte, or the 24 words"),
        )
    return anchor_of(data)


def parse_anchor(words_or_path: str) -> Anchor:
    """Read the anchor from 24 words, a file that holds them, or ``1.root.json`` itself.

    Args:
        words_or_path: What was typed after ``--root``.

    Raises:
        UsageError: Neither a file nor several words.
        MalformedError: A word is wrong, or the file is neither words nor a genesis root.
    """
    text = words_or_path.strip()
    path = Path(text)
    if len(text) < 1024 and path.is_file():
        return _from_file(read_bounded(path.resolve(), _FILE_LIMIT), path)
    if len(text.split()) > 1:
        return anchor_from_words(text)
    raise UsageError(
        _("--root: {text}: no such file, and not {wanted} words").format(text=text[:80], wanted=WORD_COUNT),
        hint=_("give the federation's 24 words in quotes, a file that holds them, or 1.root.json"),
    )
