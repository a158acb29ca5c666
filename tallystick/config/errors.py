"""One tree of errors: what the terminal shows, which exit code a script sees.

A message says where and what; ``hint`` says how to mend it. Neither may hold a secret or a field of a case.
What a *peer* is told is another, smaller vocabulary: ``exchange.service`` maps these classes to it.
"""

__all__ = [
    "BadProofError",
    "BadSignatureError",
    "ConfigError",
    "DisclosureError",
    "KeyNotTrustedError",
    "MalformedError",
    "PeerError",
    "RollbackError",
    "SignerError",
    "SplitViewError",
    "StoreError",
    "TallystickError",
    "UnanchoredError",
    "UsageError",
    "VerificationError",
]


class TallystickError(Exception):
    """Anything that tallystick refuses, with words for a person.

    Args:
        message: Where and what, in one sentence.
        hint: How to mend it, or None where nobody can.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(TallystickError):
    """The command cannot be carried out as it was typed."""

    exit_code = 2


class ConfigError(TallystickError):
    """A settings file, a catalogue or a code list is not what it must be."""

    exit_code = 10


class SignerError(TallystickError):
    """A key cannot be opened or may not be used for this."""

    exit_code = 20


class VerificationError(TallystickError):
    """Something received does not hold; the root of every check that failed."""

    exit_code = 30


class MalformedError(VerificationError):
    """Bytes are not what their format's definition says."""


class BadSignatureError(VerificationError):
    """A signature does not match, or too few of them do."""


class KeyNotTrustedError(VerificationError):
    """A key is well-formed and its signature right, but the roster does not name it for this."""


class BadProofError(VerificationError):
    """An inclusion or consistency proof, or a recomputed root, does not match."""


class RollbackError(VerificationError):
    """Something older than what was already seen; ``evidence`` keeps what was shown, verbatim, where it is at hand."""

    evidence: tuple[bytes, ...] = ()


class SplitViewError(VerificationError):
    """Two signed statements that cannot both be true; ``evidence`` keeps both.

    Args:
        message: Where and what.
        evidence: The signed bytes that contradict each other, verbatim.
        hint: What to do now.
    """

    def __init__(self, message: str, *, evidence: tuple[bytes, ...] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.evidence = evidence


class UnanchoredError(TallystickError):
    """Everything fits together, but nothing ties it to the federation that the caller trusts."""

    exit_code = 31


class DisclosureError(TallystickError):
    """A table would give somebody away; never crosses the wire."""

    exit_code = 40


class StoreError(TallystickError):
    """A file or database of this node cannot be read or written as it must be."""

    exit_code = 50


class PeerError(TallystickError):
    """Another node cannot be reached or does not answer as agreed."""

    exit_code = 60
