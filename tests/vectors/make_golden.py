"""Write ``golden/``: a whole small federation, byte for byte, for our tests and for other implementations.

    .venv/bin/python tests/vectors/make_golden.py            # write what is missing, keep every frozen signature
    .venv/bin/python tests/vectors/make_golden.py --renew    # begin anew; every signature changes that can
    .venv/bin/python tests/vectors/make_golden.py spec       # put the example into docs/SPEC.md

Keys come from fixed seeds and times are fixed. ECDSA and ML-DSA sign with fresh randomness, so their signatures are
frozen in ``golden/frozen.json`` when they are first made, and so are the TLS leaves. A new kind of file is a function
that takes ``Golden``, put at the end of ``PARTS``.
"""

import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import rfc8785

from tallystick.config.catalogue import Catalogue, CellKey, load_shipped, parse_catalogue
from tallystick.config.clock import rfc3339
from tallystick.config.periods import parse_period
from tallystick.exchange.archive.pack import export_pack, words_path
from tallystick.exchange.archive.store import Archive
from tallystick.exchange.formats.checkpoint import Checkpoint, origin, sign_checkpoint
from tallystick.exchange.formats.note import vkey
from tallystick.exchange.formats.sdmxcsv import Observation, write_csv
from tallystick.exchange.formats.statement import (
    Audit,
    CatalogueReference,
    Commitment,
    Metadata,
    Method,
    ReleasePredicate,
    ReleaseStatement,
    SliceReference,
    TableReference,
    payload_id,
    subject_for,
)
from tallystick.exchange.log.tilelog import TileLog
from tallystick.exchange.verify.logview import advance, empty_view
from tallystick.exchange.verify.release import UnknownEntry, verify_release
from tallystick.keys.envelope import assemble, sign_payload
from tallystick.keys.roster import GENESIS, load_roster
from tallystick.keys.roster_types import Roster
from tallystick.keys.words import anchor_of
from tallystick.node.desk.evidence import commitment, exact_counts
from tallystick.node.desk.plan import plan_document
from tallystick.node.desk.statements import share_unknown
from tallystick.node.disclosure.profile import PEER
from tallystick.node.tables.cubes import Cube
from tests.vectors.golden_keys import Frozen, seed
from tests.vectors.golden_roster import READ_AT, log_signers, make_roster, officer

GOLDEN = Path(__file__).with_name("golden")
TIMESTAMP = 1_617_235_200
SPEC = Path(__file__).resolve().parents[2] / "docs" / "SPEC.md"
SHOWN = 1
"""Index in KAZ's log of the release that docs/SPEC.md shows."""
EARLY = 2
"""Entries of KAZ's log under its early head."""
_PLAIN = "register of identified victims"
_SCRIPTS = "Реестр пострадавших (register of victims), قربانیان می\u200cشوند"


@dataclass
class StateLog:
    """What one state released so far."""

    entries: list[bytes] = field(default_factory=list)
    payload_ids: list[str] = field(default_factory=list)
    data: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Golden:
    """What is being written, and what its parts share."""

    folder: Path
    frozen: Frozen
    catalogue: Catalogue
    roster_files: dict[str, bytes]
    roster: Roster
    logs: dict[str, StateLog] = field(default_factory=lambda: {"KAZ": StateLog(), "KGZ": StateLog()})
    expected: dict[str, Any] = field(default_factory=dict)

    def put(self, path: str, data: bytes) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


@dataclass(frozen=True)
class Slice:
    """One table of one state: what was counted, what is shown, who signs. A cell without a count has none."""

    state: str
    table_id: str
    period: str
    counts: Mapping[CellKey, int]
    shown: Mapping[CellKey, int]
    officers: tuple[int, int] = (1, 2)
    sources: str = _PLAIN


def _corridors(catalogue: Catalogue) -> tuple[dict[CellKey, int], dict[CellKey, int]]:
    """Return counts and shown figures of a corridor table: nine persons on one corridor, six on another."""
    counts: dict[CellKey, int] = {("KGZ", "KAZ"): 9, ("KGZ", "TUR"): 6, ("KGZ", "_T"): 15}
    counts |= {("_T", "KAZ"): 9, ("_T", "TUR"): 6}
    cells = catalogue.cells(catalogue.table("VICTIMS_CORRIDOR"))
    counts = {key: count for key, count in counts.items() if key in cells}
    return counts, {key: count + 1 for key, count in counts.items() if count > 6} | {("AFG", "AFG"): 0}


def _slices(catalogue: Catalogue) -> tuple[Slice, ...]:
    counts, shown = _corridors(catalogue)
    sexes = {("F",): 26, ("M",): 18, ("_O",): 2}
    most = 1_000_000_000
    return (
        Slice("KAZ", "VICTIMS", "2018", {(): 46}, {(): 44}),
        Slice("KAZ", "VICTIMS_SEX", "2018", sexes, {("F",): 27, ("M",): 17}),
        Slice(
            *("KAZ", "VICTIMS_AGE", "2019", {("Y0T17",): most - 2}, {("Y_GE18",): 0, ("Y0T17",): most}),
            officers=(2, 3),
            sources=_SCRIPTS,
        ),
        Slice("KGZ", "VICTIMS_CORRIDOR", "2018-2020", counts, shown),
    )


def _observations(golden: Golden, one: Slice) -> list[Observation]:
    cells = golden.catalogue.cells(golden.catalogue.table(one.table_id))
    return [Observation(key, one.shown.get(key), key not in one.shown) for key in cells]


def _evidence(golden: Golden, one: Slice) -> tuple[bytes, bytes]:
    """Return salt and exact counts, which the statement commits to."""
    table, when = golden.catalogue.table(one.table_id), parse_period(one.period)
    counts = np.array([one.counts.get(key, 0) for key in golden.catalogue.cells(table)], dtype=np.int64)
    cube = Cube(table.id, when, counts, np.zeros(len(counts), dtype=np.uint64))
    salt = seed(f"salt {one.state} {one.table_id} {one.period}")
    return salt, exact_counts(golden.catalogue, table, one.state, cube)


def _plan(golden: Golden, one: Slice) -> bytes:
    return plan_document(golden.catalogue, one.state, parse_period(one.period), method="keyed", profile=PEER.id)


def _statement(golden: Golden, one: Slice, data: bytes, committed: str) -> ReleaseStatement:
    table, when = golden.catalogue.table(one.table_id), parse_period(one.period)
    cells = _observations(golden, one)
    withheld = sum(cell.withheld for cell in cells)
    predicate = ReleasePredicate(
        federation=golden.roster.federation_id,
        issuer=one.state,
        demo=True,
        table=TableReference(id=table.id, version=table.version),
        catalogue=CatalogueReference(version=golden.catalogue.version, sha256=golden.catalogue.sha256),
        slice=SliceReference(period=when.text, freq=cast("Any", when.freq)),
        revision=1,
        supersedes=None,
        audience="federation",
        handling="TLP:GREEN",
        method=Method(id="keyed", profile=PEER.id, parameters=dict(PEER.parameters)),
        plan=hashlib.sha256(_plan(golden, one)).hexdigest(),
        audit=Audit(
            intervals="passed",
            likelihood="not run",
            shown=len(cells) - withheld,
            withheld=withheld,
            repaired=0,
            systems=1,
        ),
        metadata=Metadata(
            unit=table.unit,
            reference_date_basis=table.reference_date_basis,
            cut_off="2021-03-31",
            sources=one.sources,
            legal_definition=table.legal_definition,
            share_unknown=share_unknown(golden.catalogue, table, cells),
            censored=False,
            notes="",
        ),
        commitment=Commitment(algorithm="sha256", value=committed),
    )
    return ReleaseStatement(subject=(subject_for(data),), predicate=predicate)


def _publish(golden: Golden, state: str, payload: bytes, officers: Sequence[int]) -> str:
    """Let two officers sign a payload; return its id."""
    signers = [golden.frozen.signer(officer(state, number)) for number in officers]
    log, identity = golden.logs[state], payload_id(payload)
    log.entries.append(assemble(payload, [sign_payload(payload, signer) for signer in signers]))
    log.payload_ids.append(identity)
    golden.put(f"statements/{identity}.json", payload)
    return identity


def put_releases(golden: Golden) -> None:
    """Releases by a file key and a token's kind of key, before and after an officer left, with their evidence."""
    for one in _slices(golden.catalogue):
        table = golden.catalogue.table(one.table_id)
        data = write_csv(golden.catalogue, table, one.state, parse_period(one.period), _observations(golden, one))
        golden.logs[one.state].data[hashlib.sha256(data).hexdigest()] = data
        salt, counts = _evidence(golden, one)
        payload = _statement(golden, one, data, commitment(salt, counts)).to_payload()
        identity = _publish(golden, one.state, payload, one.officers)
        golden.put(f"evidence/{identity}.salt", salt)
        golden.put(f"evidence/{identity}.counts.json", counts)
        golden.put(f"evidence/{one.state.lower()}.2018-2020.plan.json", _plan(golden, one))


def put_remark(golden: Golden) -> None:
    """An entry of a kind that nobody knows yet."""
    remark = {"_type": "https://in-toto.io/Statement/v1", "predicateType": "urn:x-tallystick:remark:1"}
    subject = [{"name": "statement", "digest": {"sha256": golden.logs["KAZ"].payload_ids[0]}}]
    payload = rfc8785.dumps({**remark, "subject": subject, "predicate": {"text": "an example"}})
    _publish(golden, "KAZ", payload, (2, 3))


def _signed_log(golden: Golden, state: str, desk: Path) -> bytes:
    """Write a state's log as its desk does, keeping an early head; return the newest."""
    log_key, post_quantum = log_signers(state)
    frozen_key = golden.frozen.signer(post_quantum)

    def sign(head: Checkpoint) -> bytes:
        return sign_checkpoint(head, log_key, frozen_key, timestamp=TIMESTAMP + head.size)

    entries, log = golden.logs[state].entries, TileLog.create(desk, origin(golden.roster.federation_id, state))
    if len(entries) > EARLY:
        golden.put(f"{state.lower()}.checkpoint.{EARLY}", log.append(entries[:EARLY], sign))
    return log.append(entries, sign)


def _archive(golden: Golden, state: str, signed: bytes, archive: Archive) -> None:
    log, listed = golden.logs[state], golden.roster.state(state)
    name = origin(golden.roster.federation_id, state)
    view = advance(empty_view(name), signed, log.entries, listed.log_keys)
    archive.accept(listed.cc, view, log.entries, _verified(golden, state), log.data)
    golden.expected[listed.cc] = {
        "origin": name,
        "size": view.size,
        "root": view.root.hex(),
        "timestamp": TIMESTAMP + view.size,
        "payload_ids": log.payload_ids,
    }


def put_pack(golden: Golden) -> None:
    """Both logs as their desks write them, verified into an archive and exported as a pack."""
    with tempfile.TemporaryDirectory() as scratch:
        desk, pack, archive = Path(scratch) / "desk", Path(scratch) / "pack", Archive(Path(scratch) / "archive")
        desk.mkdir()
        for state in golden.logs:
            _archive(golden, state, _signed_log(golden, state, desk), archive)
        export_pack(archive, golden.roster_files, pack, golden.roster)
        for path in (words_path(pack), *sorted(pack.rglob("*"))):
            if path.is_file():
                golden.put(path.relative_to(scratch).as_posix(), path.read_bytes())


def _verified(golden: Golden, state: str) -> list[Any]:
    found = []
    log = golden.logs[state]
    for index, entry in enumerate(log.entries):
        bare = verify_release(entry, index, None, golden.roster, state)
        data = None if isinstance(bare, UnknownEntry) else log.data[bare.data_sha256]
        found.append(verify_release(entry, index, data, golden.roster, state))
    return found


def put_keys(golden: Golden) -> None:
    """Public keys in hex with the ids that are computed from them, for whoever reads no roster."""
    listed = [
        {"state": code, "role": key.role, "name": key.name, "algorithm": key.algorithm, "public": key.public.hex()}
        | {"keyid": key.keyid, "refused_from": key.refused_from}
        | ({"vkey": vkey(f"{golden.expected[state.cc]['origin']}", key.algorithm, key.public)} if logs else {})
        for code, state in golden.roster.states.items()
        for key in state.keys
        for logs in [key.role == "log" and state.cc in golden.expected]
    ]
    golden.put("keys.json", _json(listed))
    federation = {"federation": golden.roster.federation_id, "words": golden.roster.words, "at": rfc3339(READ_AT)}
    golden.put("expected.json", _json(federation | golden.expected))


PARTS: tuple[Callable[[Golden], None], ...] = (put_releases, put_remark, put_pack, put_keys)


def build(folder: Path, frozen: Frozen, catalogue: Catalogue) -> None:
    """Write everything below ``folder``."""
    files = make_roster(frozen, catalogue)
    roster = load_roster(files, anchor=anchor_of(files[GENESIS]), at=READ_AT)
    golden = Golden(folder, frozen, catalogue, files, roster)
    for part in PARTS:
        part(golden)
    golden.put("frozen.json", _json(frozen.known))


def read_frozen() -> tuple[Frozen, Catalogue]:
    """Return what was frozen, and the catalogue that the vectors were made with."""
    known = json.loads((GOLDEN / "frozen.json").read_bytes())
    (catalogue,) = (GOLDEN / "pack" / "roster" / "targets").iterdir()
    return Frozen(known), parse_catalogue(catalogue.read_bytes())


def main(*, renew: bool) -> None:
    if renew or not GOLDEN.exists():
        frozen, catalogue = Frozen({}), load_shipped()
    else:
        frozen, catalogue = read_frozen()
    frozen.growing = True
    with tempfile.TemporaryDirectory() as scratch:
        build(Path(scratch) / "golden", frozen, catalogue)
        shutil.rmtree(GOLDEN, ignore_errors=True)
        shutil.copytree(Path(scratch) / "golden", GOLDEN)


def _shortened(text: str, most: int = 48) -> str:
    return text if len(text) <= most else f"{text[:most]}..."


def _fenced(text: str, kind: str = "") -> str:
    return f"```{kind}\n{text.strip()}\n```"


def spec_block() -> str:
    """Return the example of docs/SPEC.md: the golden release ``SHOWN`` of KAZ, as it lies in the pack."""
    expected = json.loads((GOLDEN / "expected.json").read_bytes())
    identity, kaz = expected["kaz"]["payload_ids"][SHOWN], GOLDEN / "pack" / "kaz"
    payload = json.loads((GOLDEN / "statements" / f"{identity}.json").read_bytes())
    digest = payload["subject"][0]["digest"]["sha256"]
    envelope = json.loads((kaz / "releases" / f"{identity}.dsse.json").read_bytes())
    envelope["payload"] = _shortened(envelope["payload"])
    for signature in envelope["signatures"]:
        signature["sig"] = _shortened(signature["sig"])
    body, signatures = (kaz / "checkpoint").read_text().split("\n\n")
    lines = [" ".join([*line.split()[:2], _shortened(line.split()[2], 24)]) for line in signatures.splitlines()]
    return "\n\n".join(
        [
            f"One release of tests/vectors/golden/pack. Its figures, `kaz/data/sha256/{digest}`:",
            _fenced((kaz / "data" / "sha256" / digest).read_text()),
            "Its statement, pretty-printed (the bytes that officers sign are RFC 8785, on one line):",
            _fenced(json.dumps(payload, indent=1, ensure_ascii=False), "json"),
            f"Its envelope, pretty-printed and shortened, `kaz/releases/{identity}.dsse.json`:",
            _fenced(json.dumps(envelope, indent=1), "json"),
            "The head of the log that holds the envelope, shortened, `kaz/checkpoint` (Ed25519, then ML-DSA-44):",
            _fenced("\n".join([body, "", *lines])),
            "The federation's words, which whoever checks all this has on paper from elsewhere:",
            _fenced((GOLDEN / "pack.words").read_text()),
        ]
    )


def with_block(page: str) -> str:
    """Return a page with the example between its two markers."""
    before, begin, rest = page.partition("<!-- golden:begin")
    marker, closed, rest = rest.partition("-->\n")
    _old, end, after = rest.partition("<!-- golden:end -->")
    if not (begin and closed and end):
        raise LookupError("the page has no place for the example: golden:begin, golden:end")
    return f"{before}{begin}{marker}{closed}{spec_block()}\n{end}{after}"


def rewrite_spec() -> None:
    SPEC.write_text(with_block(SPEC.read_text()))


if __name__ == "__main__":
    if sys.argv[1:] == ["spec"]:
        rewrite_spec()
    else:
        main(renew="--renew" in sys.argv[1:])
