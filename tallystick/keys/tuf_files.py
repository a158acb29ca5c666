"""One roster file: its name, its bounds, its one spelling.

A roster folder is a TUF repository (specification 1.0.31, consistent snapshots). Every file has exactly one spelling,
RFC 8785 JSON with signatures sorted by key id, so that two nodes that know the same hold the same bytes and no parser
can read another document out of them than the next.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from securesystemslib.signer import Signature
from tuf.api.metadata import Metadata, Root, Signed, Snapshot, Targets, Timestamp

from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _

__all__ = ["LIMITS", "FileName", "Limits", "TufMetadata", "canonical_json", "parse_name", "read_file", "write_file"]

TufMetadata = Metadata[Root] | Metadata[Targets] | Metadata[Snapshot] | Metadata[Timestamp]


@dataclass(frozen=True)
class Limits:
    """What a roster may weigh, whoever sends it.

    Attributes:
        root: Largest ``N.root.json``, in bytes.
        targets: Largest ``N.targets.json``, in bytes.
        state: Largest ``N.<cc>.json``, in bytes.
        index: Largest ``N.snapshot.json`` or ``timestamp.json``, in bytes.
        catalogue: Largest ``<sha256>.catalogue.json``, in bytes.
        files: Files in one folder or one delivery.
        total: All files together, in bytes.
        versions: Versions that one role may ever have.
        ahead: Versions of one role that are taken in one merge.
        depth: Brackets within brackets in one file.
        signatures: Signatures in one file.
        validity_days: Longest validity taken at adoption: three years and a month's slack.
    """

    root: int = 1024 * 1024
    targets: int = 1024 * 1024
    state: int = 256 * 1024
    index: int = 256 * 1024
    catalogue: int = 512 * 1024
    files: int = 5_000
    total: int = 64 * 1024 * 1024
    versions: int = 2_000
    ahead: int = 1_000
    depth: int = 12
    signatures: int = 128
    validity_days: int = 3 * 366 + 31

    def bytes_for(self, name: "FileName") -> int:
        """Return the largest size of a file of that name, in bytes."""
        if name.role in {"snapshot", "timestamp"}:
            return self.index
        return {"root": self.root, "targets": self.targets, "catalogue": self.catalogue}.get(name.role, self.state)


LIMITS = Limits()
_METADATA = re.compile(r"metadata/([1-9][0-9]{0,8})\.(root|targets|snapshot|[a-z]{3})\.json", re.ASCII)
_CATALOGUE = re.compile(r"targets/([0-9a-f]{64})\.catalogue\.json", re.ASCII)
_KEYID = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SIGNATURE = re.compile(r"(?:[0-9a-f]{2}){1,160}", re.ASCII)
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_TYPES = {"root": "root", "snapshot": "snapshot", "timestamp": "timestamp"}


@dataclass(frozen=True)
class FileName:
    """What a name inside the roster's folder says.

    Attributes:
        text: The name itself, relative to the roster folder: ``metadata/2.kaz.json``.
        role: ``root``, ``targets``, ``snapshot``, ``timestamp``, ``catalogue`` or a state's code in lower case.
        version: The number before the role; 0 for ``timestamp.json`` and catalogues.
        digest: Hex SHA-256 in a catalogue's name, else empty.
    """

    text: str
    role: str
    version: int = 0
    digest: str = ""

    @property
    def is_index(self) -> bool:
        """True for snapshot and timestamp, on which nothing rests."""
        return self.role in {"snapshot", "timestamp"}

    @property
    def is_state(self) -> bool:
        """True for a state's own file."""
        return self.role not in {"root", "targets", "snapshot", "timestamp", "catalogue"}


def parse_name(text: str) -> FileName:
    """Read a file's name, relative to the roster folder.

    Raises:
        MalformedError: No file of a roster is called that.
    """
    if found := _METADATA.fullmatch(text):
        return FileName(text, found[2], int(found[1]))
    if text == "metadata/timestamp.json":
        return FileName(text, "timestamp")
    if found := _CATALOGUE.fullmatch(text):
        return FileName(text, "catalogue", digest=found[1])
    raise MalformedError(_("no file of a roster is called {name}").format(name=text[:120]))


def canonical_json(document: object) -> bytes:
    """Return RFC 8785 JSON of a document made of objects with ASCII names, lists, texts, integers and booleans.

    The standard library spells these as RFC 8785 asks, at a tenth of the cost (a test compares the two).

    Raises:
        MalformedError: A text that is no Unicode, or something that JSON cannot say.
    """
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
        return text.encode()
    except (ValueError, TypeError, RecursionError):
        raise MalformedError(_("a document holds what canonical JSON cannot say")) from None


def _too_deep(data: bytes, depth: int) -> bool:
    """Count brackets outside strings before anything recurses."""
    level = 0
    for byte in _BRACKETS.findall(_STRINGS.sub(b"", data)):
        level += 1 if byte in b"[{" else -1
        if level > depth:
            return True
    return False


def _refuse_number(_text: str) -> object:
    raise ValueError("a number that is not an integer")


def _load(name: FileName, data: bytes) -> dict[str, Any]:
    limit = LIMITS.bytes_for(name)
    if len(data) > limit:
        raise MalformedError(_("{name}: larger than {limit} bytes").format(name=name.text, limit=limit))
    if _too_deep(data, LIMITS.depth):
        raise MalformedError(_("{name}: nested deeper than {depth}").format(name=name.text, depth=LIMITS.depth))
    try:
        document = json.loads(data, parse_float=_refuse_number, parse_constant=_refuse_number)
    except (ValueError, RecursionError):
        raise MalformedError(_("{name}: not JSON, or not UTF-8").format(name=name.text)) from None
    if not isinstance(document, dict) or set(document) != {"signatures", "signed"}:
        raise MalformedError(_("{name}: must hold 'signatures' and 'signed' and nothing else").format(name=name.text))
    return document


def _check_signatures(name: FileName, signatures: object) -> None:
    if not isinstance(signatures, list) or len(signatures) > LIMITS.signatures:
        raise MalformedError(
            _("{name}: 'signatures' must be a list of at most {limit}").format(name=name.text, limit=LIMITS.signatures)
        )
    for entry in signatures:
        fits = isinstance(entry, dict) and set(entry) == {"keyid", "sig"}
        if not fits or not _matches(_KEYID, entry["keyid"]) or not _matches(_SIGNATURE, entry["sig"]):
            raise MalformedError(_("{name}: a signature is not 'keyid' and 'sig' in hex").format(name=name.text))


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def read_file(name: FileName, data: bytes) -> TufMetadata:
    """Read one metadata file: bounded, canonical, of the type and version that its name says. Checks no signature.

    Raises:
        MalformedError: Anything about it is not as it must be; the message names the file.
    """
    document = _load(name, data)
    _check_signatures(name, document["signatures"])
    signed = document["signed"]
    if not isinstance(signed, dict) or signed.get("_type") != _TYPES.get(name.role, "targets"):
        raise MalformedError(_("{name}: of another type than its name says").format(name=name.text))
    if type(signed.get("version")) is not int or (name.version and signed["version"] != name.version):
        raise MalformedError(_("{name}: of another version than its name says").format(name=name.text))
    try:
        metadata: TufMetadata = Metadata.from_dict(document)
        spelled_out = write_file(metadata)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise MalformedError(_("{name}: not the TUF metadata it should be").format(name=name.text)) from None
    if spelled_out != data:
        raise MalformedError(
            _("{name}: not in its one spelling: RFC 8785, signatures sorted by key id").format(name=name.text)
        )
    return metadata


def write_file(metadata: Metadata[Any], signatures: dict[str, str] | None = None) -> bytes:
    """Return the one spelling of a metadata file.

    Args:
        metadata: What is signed; its own signatures are used where none are given.
        signatures: Hex signatures by TUF key id, instead of the metadata's own.
    """
    if signatures is None:
        signatures = {keyid: entry.signature for keyid, entry in metadata.signatures.items()}
    signed: Signed = metadata.signed
    entries = [Signature(keyid, signatures[keyid]).to_dict() for keyid in sorted(signatures)]
    return canonical_json({"signatures": entries, "signed": signed.to_dict()})
