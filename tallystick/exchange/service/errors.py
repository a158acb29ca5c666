"""All that a peer is ever told when a call fails: a status and constant words, from this one table.

An error's own message may name files, keys or settings of this node, so none of it crosses. What is not in the
table is INTERNAL without detail. "Absent" and "not for you" are no errors but one answer inside ``Chunk``.
"""

from dataclasses import dataclass

import grpc

from tallystick.config.errors import MalformedError

__all__ = ["INTERNAL", "PUBLIC", "PublicError", "Refusal", "public_error"]


@dataclass(frozen=True)
class PublicError:
    """A gRPC status with the only words that go with it; English, because programs read them."""

    status: grpc.StatusCode
    words: str


PUBLIC: dict[str, PublicError] = {
    "unknown": PublicError(grpc.StatusCode.PERMISSION_DENIED, "no state of the roster calls with this certificate"),
    "tls": PublicError(grpc.StatusCode.PERMISSION_DENIED, "TLS 1.3 only"),
    "removed": PublicError(grpc.StatusCode.PERMISSION_DENIED, "the roster no longer names this certificate"),
    "busy": PublicError(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many calls at once from this state"),
    "slow": PublicError(grpc.StatusCode.DEADLINE_EXCEEDED, "the call took too long"),
    "request": PublicError(grpc.StatusCode.INVALID_ARGUMENT, "the request is not what the contract says"),
    "stopping": PublicError(grpc.StatusCode.UNAVAILABLE, "this node is stopping"),
}
INTERNAL = PublicError(grpc.StatusCode.INTERNAL, "")


class Refusal(Exception):  # noqa: N818 - not an error of this node: an answer
    """A call is answered with a row of ``PUBLIC``."""

    def __init__(self, row: str) -> None:
        super().__init__(row)
        self.row = row


def public_error(error: BaseException) -> PublicError:
    """Return what the peer is told of ``error``."""
    if isinstance(error, Refusal):
        return PUBLIC[error.row]
    if isinstance(error, TimeoutError):
        return PUBLIC["slow"]
    if isinstance(error, MalformedError):
        return PUBLIC["request"]
    return INTERNAL
