"""Signing by files: who must still sign what, one person's signatures, and copies put together.

A proposal is a roster folder in which some files lack signatures. It is carried to each person's own device; what
comes back is one small file of signatures. Nothing is adopted here: that is ``keys.merge``, which believes nobody.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from securesystemslib.signer import Signature

from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _
from tallystick.keys.chains import (
    Link,
    RootLink,
    StateLink,
    TargetsLink,
    governing_grant,
    governing_root,
    read_root,
    read_state,
    read_targets,
)
from tallystick.keys.profile import ProfileField
from tallystick.keys.root_page import RootPage
from tallystick.keys.roster import GENESIS, load_chains
from tallystick.keys.signer import Signer
from tallystick.keys.targets_page import STATE_THRESHOLD
from tallystick.keys.tuf_files import LIMITS, FileName, canonical_json, parse_name, read_file, write_file
from tallystick.keys.tuf_keys import OfflineKey
from tallystick.keys.unite import texts_of, united_texts
from tallystick.keys.words import anchor_of

__all__ = ["Draft", "Pending", "attach", "combine", "detached", "pending", "read_draft", "sign_files", "waiting_for"]

_FORMAT = "tallystick-roster-signatures-1"
SIGNATURES_LIMIT = 64 * 1024


@dataclass(frozen=True)
class Draft:
    """A proposal's files as they read; no signature was looked at."""

    roots: tuple[RootLink, ...]
    targets: tuple[TargetsLink, ...]
    states: Mapping[str, tuple[StateLink, ...]]

    def links(self) -> list[Link[Any]]:
        """Return every file: roots, targets, then states, each by version."""
        pages: list[StateLink] = [link for chain in self.states.values() for link in chain]
        return [*self.roots, *self.targets, *pages]


@dataclass(frozen=True)
class Pending:
    """One file and its signatures so far.

    Attributes:
        link: The file.
        signers: Everybody whose signature counts on it: TUF key id to ``(state, key)``.
        signed: TUF key ids whose signature is there and holds.
        quorums: Each a set of TUF key ids and how many of them must sign; a root that changes members has two.
    """

    link: Link[Any]
    signers: Mapping[str, tuple[str, OfflineKey]]
    signed: frozenset[str]
    quorums: Sequence[tuple[frozenset[str], int]]

    @property
    def complete(self) -> bool:
        """True where enough have signed."""
        return all(len(self.signed & keyids) >= needed for keyids, needed in self.quorums)

    @property
    def needed(self) -> int:
        """How many must sign, in the larger of the quorums."""
        return max(needed for _keyids, needed in self.quorums)

    @property
    def missing(self) -> tuple[tuple[str, OfflineKey], ...]:
        """States and keys that have not signed."""
        return tuple(self.signers[keyid] for keyid in sorted(self.signers) if keyid not in self.signed)


def read_draft(files: Mapping[str, bytes]) -> Draft:
    """Read a proposal.

    Raises:
        MalformedError: A file is not of the profile, or a version is missing.
    """
    names = sorted((parse_name(text) for text in files), key=lambda name: (name.role, name.version))
    states = sorted({name.role for name in names if name.is_state})
    draft = Draft(
        roots=tuple(read_root(name, files[name.text]) for name in names if name.role == "root"),
        targets=tuple(read_targets(name, files[name.text]) for name in names if name.role == "targets"),
        states={cc: tuple(read_state(name, files[name.text]) for name in names if name.role == cc) for cc in states},
    )
    chains: list[Sequence[Link[Any]]] = [draft.roots, draft.targets, *draft.states.values()]
    for chain in chains:
        _check_gapless(chain)
    if not draft.roots or not draft.targets:
        raise MalformedError(_("a proposal needs at least {names}").format(names="1.root.json, 1.targets.json"))
    return draft


def _check_gapless(chain: Sequence[Link[Any]]) -> None:
    for number, link in enumerate(chain, 1):
        if link.page.version != number:
            raise MalformedError(
                _("{name}: version {wanted} is missing before it").format(name=link.name.text, wanted=number)
            )


_Keys = Mapping[str, tuple[str, OfflineKey]]


def _voters(page: RootPage) -> dict[str, tuple[str, OfflineKey]]:
    return {key.tuf_keyid: (code, key) for code, key in page.members}


def _quorum(keys: _Keys, needed: int) -> tuple[frozenset[str], int]:
    return frozenset(keys), needed


def _who(draft: Draft, link: Link[Any]) -> tuple[_Keys, list[tuple[frozenset[str], int]]]:
    """Say whose signatures count on a file and how many are needed, by the proposal's own word."""
    if link.name.text == GENESIS:
        return _voters(link.page), [_quorum(_voters(link.page), len(link.page.members))]
    if link.name.role == "root":
        before = draft.roots[link.page.version - 2].page
        old, new = _voters(before), _voters(link.page)
        return old | new, [_quorum(old, before.threshold), _quorum(new, link.page.threshold)]
    if link.name.role == "targets":
        root = governing_root(draft.roots, link.page.version).page
        return _voters(root), [_quorum(_voters(root), root.threshold)]
    found = governing_grant(draft.targets, link.page.code, link.page.version)
    keys = {key.tuf_keyid: (link.page.code, key) for key in (found[1].keys if found else ())}
    return keys, [_quorum(keys, STATE_THRESHOLD)]


def _holds(key: OfflineKey, link: Link[Any], signature: Signature) -> bool:
    try:
        key.to_tuf().verify_signature(signature, link.signed_bytes)
    except Exception:  # noqa: BLE001 - whatever it is, it is no signature of that key
        return False
    return True


def pending(files: Mapping[str, bytes]) -> list[Pending]:
    """Say for every file who has signed and who has not. Raises ``MalformedError`` as ``read_draft`` does."""
    draft = read_draft(files)
    found = []
    for link in draft.links():
        signers, quorums = _who(draft, link)
        signed = {
            keyid
            for keyid, entry in link.metadata.signatures.items()
            if keyid in signers and _holds(signers[keyid][1], link, entry)
        }
        found.append(Pending(link, signers, frozenset(signed), quorums))
    return found


def waiting_for(files: Mapping[str, bytes], key: OfflineKey) -> list[Pending]:
    """Return the incomplete files that wait for ``key``."""
    return [
        item
        for item in pending(files)
        if not item.complete and key.tuf_keyid in item.signers and key.tuf_keyid not in item.signed
    ]


class _Entry(ProfileField):
    file: str = Field(max_length=120)
    sig: Annotated[str, Field(pattern=r"^(?:[0-9a-f]{2}){1,160}$")]


class _Detached(ProfileField):
    format: Literal["tallystick-roster-signatures-1"]
    keyid: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    signatures: list[_Entry] = Field(max_length=LIMITS.signatures)


def check_context(files: Mapping[str, bytes], items: Sequence[Pending]) -> None:
    """Check that later versions follow from files that are signed: a change is shown against what came before.

    Without this, a forged version before could hide what the new one brings in.

    Raises:
        VerificationError: The signed files of the proposal do not hold together under its own genesis.
    """
    later = [item.link.name for item in items if item.link.name.version > 1]
    if not later:
        return
    signed = {item.link.name.text: files[item.link.name.text] for item in pending(files) if item.complete}
    catalogues = {text: data for text, data in files.items() if parse_name(text).digest}
    load_chains(signed | catalogues, anchor=anchor_of(files[GENESIS]))
    for name in later:
        before = f"metadata/{name.version - 1}.{name.role}.json"
        if before not in signed:
            raise MalformedError(_("{name}: {before} must be signed first").format(name=name.text, before=before))


def detached(files: Mapping[str, bytes], signer: Signer) -> bytes:
    """Sign everything that waits for this key; return the signatures as one small file.

    Raises:
        MalformedError: The proposal does not read.
        VerificationError: It changes something that is not itself signed; see ``check_context``.
    """
    items = waiting_for(files, OfflineKey(signer.algorithm, signer.public))
    check_context(files, items)
    key = OfflineKey(signer.algorithm, signer.public)
    entries = [{"file": item.link.name.text, "sig": signer.sign(item.link.signed_bytes).hex()} for item in items]
    return canonical_json({"format": _FORMAT, "keyid": key.tuf_keyid, "signatures": entries})


def attach(files: Mapping[str, bytes], signatures: bytes) -> dict[str, bytes]:
    """Put one person's signatures on the files they are for.

    Raises:
        MalformedError: Not such a file, or a signature that does not hold on this proposal.
    """
    try:
        document = _Detached.model_validate(json.loads(signatures[: SIGNATURES_LIMIT + 1]))
    except (ValidationError, ValueError, RecursionError):
        raise MalformedError(_("this is no file of roster signatures")) from None
    by_name = {item.link.name.text: item for item in pending(files)}
    signed = dict(files)
    for entry in document.signatures:
        item = by_name.get(entry.file)
        signature = Signature(document.keyid, entry.sig)
        if (
            item is None
            or document.keyid not in item.signers
            or not _holds(item.signers[document.keyid][1], item.link, signature)
        ):
            raise MalformedError(
                _("a signature on {name} does not belong to this proposal").format(name=entry.file),
                hint=_("it was made on another version of the proposal; sign again"),
            )
        item.link.metadata.signatures[document.keyid] = signature
        signed[entry.file] = write_file(item.link.metadata)
    return signed


def sign_files(files: Mapping[str, bytes], signer: Signer) -> dict[str, bytes]:
    """Sign everything that waits for this key and return the files with those signatures on them."""
    return attach(files, detached(files, signer))


def combine(one: Mapping[str, bytes], two: Mapping[str, bytes]) -> dict[str, bytes]:
    """Put two copies of a proposal together; each may lack what the other has.

    Raises:
        MalformedError: They differ in what is to be signed.
    """
    both = dict(one)
    for text, data in two.items():
        both[text] = data if text not in both else _combined(parse_name(text), both[text], data)
    return both


def _combined(name: FileName, one: bytes, two: bytes) -> bytes:
    if one == two or name.is_index:
        return one
    if not name.digest:
        first, second = read_file(name, one), read_file(name, two)
        if first.signed_bytes == second.signed_bytes:
            return write_file(first, united_texts(texts_of(first), texts_of(second)))
    raise MalformedError(
        _("{name}: the copies differ in what is to be signed").format(name=name.text),
        hint=_("one of them was made from another proposal; start again from one copy"),
    )
