"""A draft as a folder that is carried to an officer: the exact bytes, a briefing, detached signatures.

    drafts/2018/VICTIMS_SEX/statement.json            what is signed, byte for byte (RFC 8785)
                            data.csv                  what the statement names by digest
                            briefing.json             for officers only; holds no withheld value
                            catalogue.json            only where it is not the one that tallystick ships
                            signatures/<keyid>.sig.json

Trusted: no. A reader re-hashes and re-parses everything; the desk compares with what it drafted before it publishes.
Nothing here needs the register, a database or numpy: an officer's computer has none of them.
"""

import base64
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, ValidationError

from tallystick.config.catalogue import CATALOGUE_LIMIT, Catalogue, load_shipped, parse_catalogue
from tallystick.config.errors import MalformedError, StoreError, UsageError
from tallystick.config.files import fsync_dir, make_dir, read_bounded, replace_file
from tallystick.config.i18n import _
from tallystick.exchange.formats.comparing import check_comparisons
from tallystick.exchange.formats.sdmxcsv import CSV_LIMIT, ParsedTable, parse_csv
from tallystick.exchange.formats.statement import (
    PAYLOAD_LIMIT,
    ReleaseStatement,
    UnknownStatement,
    parse_payload,
    payload_id,
    subject_for,
)
from tallystick.keys.envelope import MAX_SIGNATURES, Signature

__all__ = [
    "BRIEFING",
    "DATA",
    "STATEMENT",
    "DetachedSignature",
    "DraftFolder",
    "find_drafts",
    "read_draft",
    "read_signatures",
    "remove_draft",
    "write_draft",
    "write_signature",
]

STATEMENT, DATA, BRIEFING, CATALOGUE = "statement.json", "data.csv", "briefing.json", "catalogue.json"
SIGNATURES = "signatures"
_BRIEFING_LIMIT = 64 * 1024
_SIGNATURE_LIMIT = 16 * 1024
_DRAFTS_LIMIT = 10_000
_Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class DetachedSignature(BaseModel):
    """One officer's signature over a statement, made away from the node; ``keyid`` is recomputed before use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["tallystick-signature-1"] = "tallystick-signature-1"
    payload_sha256: _Hex
    algorithm: Literal["ed25519", "ecdsa-p256"]
    keyid: _Hex
    sig: Annotated[Base64Bytes, Field(max_length=4096)]

    def to_bytes(self) -> bytes:
        """Return the file's bytes: RFC 8785 JSON."""
        plain = {"format": self.format, "payload_sha256": self.payload_sha256, "algorithm": self.algorithm}
        return rfc8785.dumps({**plain, "keyid": self.keyid, "sig": base64.b64encode(self.sig).decode()}) + b"\n"

    def in_envelope(self) -> Signature:
        """Return the signature as an envelope carries it."""
        return Signature(self.keyid, self.sig)


@dataclass(frozen=True)
class DraftFolder:
    """A draft that was read and whose parts belong together; nothing says yet who made it.

    Attributes:
        path: Where it lies.
        payload: The exact bytes of the statement.
        data: The exact bytes of the data file.
        statement: The statement, every field checked.
        table: The data file, parsed.
        catalogue: The catalogue that the statement names by digest.
        briefing: What the desk tells officers, or an empty dict where the folder has none.
    """

    path: Path
    payload: bytes = field(repr=False)
    data: bytes = field(repr=False)
    statement: ReleaseStatement
    table: ParsedTable
    catalogue: Catalogue
    briefing: dict[str, Any]

    @property
    def payload_id(self) -> str:
        """Hex SHA-256 of the payload: what is signed."""
        return payload_id(self.payload)


def _catalogue_for(folder: Path, sha256: str) -> Catalogue:
    shipped = load_shipped()
    if shipped.sha256 == sha256:
        return shipped
    path = folder / CATALOGUE
    if not path.exists():
        raise MalformedError(
            _("{folder}: the statement follows a catalogue that is not here").format(folder=folder),
            hint=_("carry the whole draft folder, catalogue.json with it"),
        )
    found = parse_catalogue(read_bounded(path, CATALOGUE_LIMIT))
    if found.sha256 != sha256:
        raise MalformedError(_("{path} is not the catalogue that the statement names").format(path=path))
    return found


def _check_together(folder: Path, statement: ReleaseStatement, data: bytes, table: ParsedTable) -> None:
    """Refuse data that the statement does not speak of."""
    if subject_for(data).digest != statement.subject[0].digest:
        raise MalformedError(
            _("{path} is not the data that the statement names").format(path=folder / DATA),
            hint=_("it was changed after drafting; do not sign it, ask the desk for a fresh copy of the folder"),
        )
    said = statement.predicate
    claimed = (said.table.id, said.table.version, said.issuer, said.slice.period)
    held = (table.table.id, table.table.version, table.state, table.period.text)
    if claimed != held:
        raise MalformedError(
            _("{folder}: the statement speaks of {claimed}, the data of {held}").format(
                folder=folder, claimed=" ".join(claimed), held=" ".join(held)
            )
        )
    withheld = sum(seen.withheld for seen in table.observations)
    counted = (said.audit.withheld, said.audit.shown)
    if counted != (withheld, len(table.observations) - withheld):
        raise MalformedError(_("{folder}: the statement miscounts what is withheld").format(folder=folder))


def _read_briefing(folder: Path, identity: str) -> dict[str, Any]:
    path = folder / BRIEFING
    if not path.exists():
        return {}
    try:
        found = json.loads(read_bounded(path, _BRIEFING_LIMIT))
    except ValueError:
        raise MalformedError(_("{path} is not JSON").format(path=path)) from None
    if not isinstance(found, dict) or found.get("payload_sha256") != identity:
        raise MalformedError(_("{path} belongs to another draft").format(path=path))
    return found


def read_draft(folder: Path) -> DraftFolder:
    """Read a draft folder; every part is checked against every other.

    Raises:
        UsageError: There is no draft in ``folder``.
        MalformedError: A part does not parse, or the parts do not belong together.
    """
    if not (folder / STATEMENT).is_file():
        raise UsageError(
            _("{folder}: no draft lies here").format(folder=folder),
            hint=_("a draft folder holds {names}").format(names=f"{STATEMENT}, {DATA}, {BRIEFING}"),
        )
    payload = read_bounded(folder / STATEMENT, PAYLOAD_LIMIT)
    statement = parse_payload(payload)
    if isinstance(statement, UnknownStatement):
        raise MalformedError(
            _("{folder}: a statement of kind {kind}, which this version cannot show").format(
                folder=folder, kind=statement.predicate_type
            ),
            hint=_("nobody should sign what he cannot read; update tallystick"),
        )
    catalogue = _catalogue_for(folder, statement.predicate.catalogue.sha256)
    data = read_bounded(folder / DATA, CSV_LIMIT)
    table = parse_csv(data, catalogue)
    _check_together(folder, statement, data, table)
    check_comparisons(statement.predicate.metadata.comparisons, catalogue, table.table)
    briefing = _read_briefing(folder, payload_id(payload))
    return DraftFolder(folder, payload, data, statement, table, catalogue, briefing)


def read_signatures(folder: Path) -> tuple[DetachedSignature, ...]:
    """Read the detached signatures of a draft folder, none verified, in the order of their file names.

    Raises:
        MalformedError: A file is not a signature, or there are more than an envelope may carry.
    """
    paths = sorted((folder / SIGNATURES).glob("*.sig.json"))
    if len(paths) > MAX_SIGNATURES:
        raise MalformedError(
            _("{folder} holds more than {limit} signatures").format(folder=folder, limit=MAX_SIGNATURES)
        )
    found = []
    for path in paths:
        try:
            found.append(DetachedSignature.model_validate_json(read_bounded(path, _SIGNATURE_LIMIT)))
        except ValidationError:
            raise MalformedError(
                _("{path} is not a signature of ours").format(path=path), hint=_("remove it, or have it made again")
            ) from None
    return tuple(found)


def write_signature(folder: Path, signature: DetachedSignature) -> Path:
    """Put a signature into a draft folder; the same key's earlier one is replaced (P-256 never signs alike)."""
    target = make_dir(folder / SIGNATURES) / f"{signature.keyid}.sig.json"
    replace_file(target, signature.to_bytes())
    return target


def _parts(payload: bytes, data: bytes, briefing: bytes, catalogue: Catalogue) -> dict[str, bytes]:
    parts = {STATEMENT: payload, DATA: data, BRIEFING: briefing}
    if catalogue.sha256 != load_shipped().sha256:
        parts[CATALOGUE] = catalogue.to_bytes()
    return parts


def write_draft(folder: Path, payload: bytes, data: bytes, briefing: bytes, catalogue: Catalogue) -> bool:
    """Write a draft folder whole; where it stands already, check that it holds these very bytes.

    Made under another name and renamed, so that nobody ever finds half a draft.

    Returns:
        True where it was written, False where it stood there.

    Raises:
        StoreError: Another draft, or a changed one, lies there; nothing was touched.
    """
    parts = _parts(payload, data, briefing, catalogue)
    if folder.exists():
        _check_same(folder, parts)
        return False
    make_dir(folder.parent)
    making = folder.with_name(f".{folder.name}.making")
    if making.exists():
        shutil.rmtree(making)
    make_dir(making)
    for name, content in parts.items():
        replace_file(making / name, content)
    making.rename(folder)
    fsync_dir(folder.parent)
    return True


def _check_same(folder: Path, parts: dict[str, bytes]) -> None:
    for name, content in parts.items():
        path = folder / name
        if not path.exists() or read_bounded(path, CSV_LIMIT) != content:
            raise StoreError(
                _("{path} is not what was drafted").format(path=path),
                hint=_("move the folder away and draft again: the same bytes come back"),
            )


def remove_draft(folder: Path) -> None:
    """Remove a draft folder with its signatures; first out of sight by a rename, so that none stays half."""
    gone = folder.with_name(f".{folder.name}.gone")
    if folder.exists():
        if gone.exists():
            shutil.rmtree(gone)
        folder.rename(gone)
        fsync_dir(folder.parent)
    if gone.exists():
        shutil.rmtree(gone)


def find_drafts(top: Path) -> tuple[Path, ...]:
    """Return every draft folder at or below ``top``, in the order of their paths; hidden folders are left out.

    Raises:
        UsageError: None there, or more than a state can have.
    """
    inside = (path.parent for path in top.rglob(STATEMENT))
    found = sorted(path for path in inside if not any(part.startswith(".") for part in path.relative_to(top).parts))
    if not found or len(found) > _DRAFTS_LIMIT:
        raise UsageError(
            _("{folder}: {count} drafts lie here").format(folder=top, count=len(found)),
            hint=_("name the folder that holds the drafts, such as HOME/desk/drafts/2018"),
        )
    return tuple(found)
