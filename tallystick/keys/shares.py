"""Recovery shares: a 32-byte secret as three lists of words, any two of which give it back (SLIP-39).

One list alone says nothing about the secret. The library is loaded when shares are made or joined.
"""

import hashlib
from collections.abc import Sequence

from tallystick.config.errors import SignerError
from tallystick.config.i18n import _

__all__ = ["NEEDED", "SHARES", "fingerprint", "join", "same_words", "split"]

NEEDED, SHARES = 2, 3
_SECRET_SIZE = 32
_PREFIX = 4


def split(secret: bytes) -> tuple[str, str, str]:
    """Split a secret into three shares of 33 words each.

    Args:
        secret: 32 random bytes. No passphrase is added, so the words are all that is needed and all to be guarded.
    """
    from shamir_mnemonic import generate_mnemonics  # noqa: PLC0415 - of the home extra; borders do without

    if len(secret) != _SECRET_SIZE:
        raise SignerError(_("only 32-byte secrets are split into shares"))
    first, second, third = generate_mnemonics(1, [(NEEDED, SHARES)], secret, iteration_exponent=0)[0]
    return first, second, third


def _whole_words(text: str) -> str:
    """Write out words of which only the first four letters, or more, were typed: the list is unique by them."""
    from shamir_mnemonic.wordlist import WORDLIST  # noqa: PLC0415 - of the home extra

    long = {word[:_PREFIX]: word for word in WORDLIST}
    typed = text.lower().split()
    return " ".join(
        found if len(word) >= _PREFIX and (found := long.get(word[:_PREFIX], word)).startswith(word) else word
        for word in typed
    )


def join(shares: Sequence[str]) -> bytes:
    """Join two shares of one secret; the first four letters of each word are enough.

    Raises:
        SignerError: A word mistyped (each list carries a checksum), one list twice, or lists of different secrets.
    """
    from shamir_mnemonic import MnemonicError, combine_mnemonics  # noqa: PLC0415 - of the home extra

    lists = {_whole_words(share) for share in shares[: SHARES + 1]}
    if len(lists) != NEEDED:
        raise SignerError(_("two different shares are needed"), hint=_("any two of the three will do"))
    try:
        secret: bytes = combine_mnemonics(sorted(lists))
    except (MnemonicError, ValueError):
        raise SignerError(
            _("these two shares do not fit together"),
            hint=_("a word is mistyped, or the shares are of different secrets; compare with the sheets"),
        ) from None
    if len(secret) != _SECRET_SIZE:
        raise SignerError(_("these shares are not of a 32-byte secret"))
    return secret


def same_words(one: str, two: str) -> bool:
    """Say whether two writings of a share are the same words, the first four letters of each being enough."""
    return _whole_words(one) == _whole_words(two)


def fingerprint(purpose: str, secret: bytes) -> str:
    """Return 16 hex digits by which a person recognises a secret; they say nothing about its 256 bits."""
    digest = hashlib.sha256(b"tallystick-fingerprint\0" + purpose.encode() + b"\0" + secret).hexdigest()
    return "-".join(digest[start : start + 4] for start in range(0, 16, 4))
