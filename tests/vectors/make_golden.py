"""Write ``golden/``: small files of every format, byte for byte, for our tests and for other implementations.

    .venv/bin/python tests/vectors/make_golden.py            # write what is missing, keep every frozen signature
    .venv/bin/python tests/vectors/make_golden.py --renew    # begin anew; every signature changes that can

Keys come from fixed seeds and times are fixed. ECDSA and ML-DSA sign with fresh randomness, so their signatures are
frozen in ``golden/frozen.json`` when they are first made. A new kind of file is a function that takes ``Golden``,
put at the end of ``PARTS``.
"""

import base64
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import rfc8785
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tallystick.config.catalogue import Catalogue, CellKey, load_shipped, parse_catalogue
from tallystick.config.periods import parse_period
from tallystick.exchange.formats.checkpoint import Checkpoint, origin, sign_checkpoint
from tallystick.exchange.formats.note import vkey
from tallystick.exchange.formats.policy import write_policy
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
from tallystick.exchange.formats.tlogproof import encode_proof
from tallystick.exchange.log.tilelog import TileLog
from tallystick.keys.envelope import assemble, sign_payload
from tallystick.keys.roster_types import RosterKey
from tallystick.keys.signer import Signer

GOLDEN = Path(__file__).with_name("golden")
STATE, TIMESTAMP = "KAZ", 1_617_235_200
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_HEDGED = ("ecdsa-p256", "mldsa44")


@dataclass
class Frozen:
    """Signatures that come out otherwise each time, by the digest of key and message."""

    known: dict[str, str]
    growing: bool = False

    def sign(self, signer: Signer, data: bytes) -> bytes:
        place = hashlib.sha256(bytes.fromhex(signer.keyid) + data).hexdigest()
        if place not in self.known:
            if not self.growing:
                raise LookupError(f"no frozen {signer.algorithm} signature over these bytes: they have changed")
            self.known[place] = base64.b64encode(signer.sign(data)).decode()
        return base64.b64decode(self.known[place])


@dataclass(frozen=True)
class FrozenSigner:
    """Signs like ``keys.signer.Signer``, with the bytes that were frozen where the algorithm is hedged."""

    real: Signer
    frozen: Frozen

    @property
    def algorithm(self) -> str:
        return self.real.algorithm

    @property
    def public(self) -> bytes:
        return self.real.public

    @property
    def keyid(self) -> str:
        return self.real.keyid

    def sign(self, data: bytes) -> bytes:
        return self.frozen.sign(self.real, data) if self.algorithm in _HEDGED else self.real.sign(data)


def _fixed_signer(name: str, algorithm: str) -> Signer:
    seed = hashlib.sha256(f"tallystick golden vector: {name}".encode()).digest()
    if algorithm == "ed25519":
        key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        return Signer(algorithm, key.public_key().public_bytes_raw(), key)
    if algorithm == "mldsa44":
        post_quantum = mldsa.MLDSA44PrivateKey.from_seed_bytes(seed)
        return Signer(algorithm, post_quantum.public_key().public_bytes_raw(), post_quantum)
    curve = ec.derive_private_key(int.from_bytes(seed, "big") % (_P256_ORDER - 1) + 1, ec.SECP256R1())
    point = curve.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return Signer(algorithm, point, curve)


@dataclass
class Golden:
    """What is being written, and what its parts share."""

    folder: Path
    frozen: Frozen
    catalogue: Catalogue
    federation_id: str = hashlib.sha256(b"tallystick golden vector: federation").hexdigest()
    keys: list[RosterKey] = field(default_factory=list)
    entries: list[bytes] = field(default_factory=list)
    expected: dict[str, Any] = field(default_factory=dict)

    def put(self, path: str, data: bytes) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def signer(self, name: str, algorithm: str) -> Signer:
        """Return a fixed key; ``cast``, since whoever signs asks for no more than ``FrozenSigner`` has."""
        return cast("Signer", FrozenSigner(_fixed_signer(name, algorithm), self.frozen))

    def named(self, role: str, name: str, algorithm: str) -> Signer:
        """Return a fixed key that the roster names."""
        signer = self.signer(name, algorithm)
        self.keys.append(RosterKey(cast("Any", role), algorithm, signer.public, name))
        return signer


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def put_catalogue(golden: Golden) -> None:
    golden.put("catalogue.json", golden.catalogue.to_bytes())


def _release(golden: Golden, table_id: str, period: str, values: Mapping[CellKey, int]) -> bytes:
    """Write the data file of one table; return the payload."""
    table, when = golden.catalogue.table(table_id), parse_period(period)
    cells = [Observation(key, values.get(key), key not in values) for key in golden.catalogue.cells(table)]
    data = write_csv(golden.catalogue, table, STATE, when, cells)
    golden.put(f"kaz/data/sha256/{hashlib.sha256(data).hexdigest()}", data)
    withheld = sum(cell.withheld for cell in cells)
    predicate = ReleasePredicate(
        federation=golden.federation_id,
        issuer=STATE,
        demo=True,
        table=TableReference(id=table.id, version=table.version),
        catalogue=CatalogueReference(version=golden.catalogue.version, sha256=golden.catalogue.sha256),
        slice=SliceReference(period=when.text, freq=cast("Any", when.freq)),
        revision=1,
        supersedes=None,
        audience="federation",
        handling="TLP:GREEN",
        method=Method(id="keyed", profile="peer", parameters={"D": 3, "V": 1, "k": 5, "width": 5}),
        plan=hashlib.sha256(b"tallystick golden vector: plan").hexdigest(),
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
            sources="Реестр пострадавших (register of victims), قربانیان می\u200cشوند",
            legal_definition=None,
            share_unknown="under 10 %",
            censored=False,
            notes="",
        ),
        commitment=Commitment(algorithm="sha256", value=hashlib.sha256(data + b"salt").hexdigest()),
    )
    return ReleaseStatement(subject=(subject_for(data),), predicate=predicate).to_payload()


def put_releases(golden: Golden) -> None:
    """Three releases by a file key and a token's kind of key, and an entry of a kind that nobody knows yet."""
    officers = (golden.named("officer", "officer 1", "ed25519"), golden.named("officer", "officer 2", "ecdsa-p256"))
    golden.named("officer", "officer 3", "ed25519")
    payloads = [
        _release(golden, "VICTIMS", "2018", {(): 44}),
        _release(golden, "VICTIMS_SEX", "2018", {("F",): 27, ("M",): 17}),
        _release(golden, "VICTIMS_AGE", "2019", {("Y_GE18",): 0, ("Y0T17",): 1_000_000_000}),
    ]
    remark = {"_type": "https://in-toto.io/Statement/v1", "predicateType": "urn:x-tallystick:remark:1"}
    subject = [{"name": "statement", "digest": {"sha256": payload_id(payloads[0])}}]
    payloads.append(rfc8785.dumps({**remark, "subject": subject, "predicate": {"text": "an example"}}))
    golden.expected["payload_ids"] = [payload_id(payload) for payload in payloads]
    for payload in payloads:
        envelope = assemble(payload, [sign_payload(payload, officer) for officer in officers])
        golden.entries.append(envelope)
        golden.put(f"kaz/releases/{payload_id(payload)}.statement.json", payload)
        golden.put(f"kaz/releases/{payload_id(payload)}.dsse.json", envelope)


def put_log(golden: Golden) -> None:
    """The log after two and after all four entries, as the desk writes it; receipts, and the policy."""
    log_key, post_quantum = golden.named("log", "log", "ed25519"), golden.named("log", "log, ML-DSA", "mldsa44")
    name = origin(golden.federation_id, STATE)

    def sign(head: Checkpoint) -> bytes:
        return sign_checkpoint(head, log_key, post_quantum, timestamp=TIMESTAMP + head.size)

    with tempfile.TemporaryDirectory() as scratch:
        log = TileLog.create(Path(scratch), name)
        golden.put("kaz.checkpoint.2", log.append(golden.entries[:2], sign))
        checkpoint = log.append(golden.entries, sign)
        for path, data in log.files().items():
            golden.put(f"kaz/{path}", data)
        golden.put("kaz/checkpoint", checkpoint)
        for index, identity in enumerate(golden.expected["payload_ids"]):
            golden.put(f"kaz/releases/{identity}.tlog-proof", encode_proof(index, log.inclusion(index), checkpoint))
        head = log.head()
    assert head is not None
    golden.put("policies/kaz.policy", write_policy(name, golden.keys, comment="golden vector"))
    golden.expected |= {"origin": name, "size": head.size, "root": head.root.hex(), "timestamp": TIMESTAMP + head.size}


def put_keys(golden: Golden) -> None:
    """Public keys in hex with the ids that are computed from them, for whoever has no roster."""
    name = golden.expected["origin"]
    golden.put(
        "keys.json",
        _json(
            [
                {"role": key.role, "name": key.name, "algorithm": key.algorithm, "public": key.public.hex()}
                | {"keyid": key.keyid}
                | ({"vkey": vkey(name, key.algorithm, key.public)} if key.role == "log" else {})
                for key in golden.keys
            ]
        ),
    )
    golden.put("expected.json", _json({"federation": golden.federation_id, **golden.expected}))


PARTS: tuple[Callable[[Golden], None], ...] = (put_catalogue, put_releases, put_log, put_keys)


def build(folder: Path, frozen: Frozen, catalogue: Catalogue) -> None:
    """Write everything below ``folder``."""
    golden = Golden(folder, frozen, catalogue)
    for part in PARTS:
        part(golden)
    golden.put("frozen.json", _json(frozen.known))


def read_frozen() -> tuple[Frozen, Catalogue]:
    """Return the frozen signatures and the catalogue that the vectors were made with."""
    known = json.loads((GOLDEN / "frozen.json").read_bytes())
    return Frozen(known), parse_catalogue((GOLDEN / "catalogue.json").read_bytes())


def main(renew: bool) -> None:
    if renew or not GOLDEN.exists():
        frozen, catalogue = Frozen({}), load_shipped()
    else:
        frozen, catalogue = read_frozen()
    frozen.growing = True
    with tempfile.TemporaryDirectory() as scratch:
        build(Path(scratch) / "golden", frozen, catalogue)
        shutil.rmtree(GOLDEN, ignore_errors=True)
        shutil.copytree(Path(scratch) / "golden", GOLDEN)


if __name__ == "__main__":
    main("--renew" in sys.argv[1:])
