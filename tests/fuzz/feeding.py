"""What feeds parsers: how bytes become text, a file, a member of a roster or a pack; and the files that hold."""

import contextlib
import json
import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from tallystick.config.catalogue import Catalogue, load_shipped
from tallystick.config.clock import SystemClock
from tallystick.config.errors import TallystickError
from tallystick.exchange.archive.check import verify_tree
from tallystick.exchange.formats import note
from tallystick.exchange.formats.merkle import Frontier
from tallystick.exchange.log.head import head_bytes
from tallystick.exchange.log.static import StaticReader
from tallystick.exchange.pull.names import listed_names
from tallystick.exchange.service.server import _reader
from tallystick.exchange.spool import FileCursor, SpoolReader, frame
from tallystick.exchange.verify.logview import LogView, empty_view
from tallystick.keys import ceremony, proposal, roster, roster_store, shares, words
from tallystick.keys.card import make_card
from tallystick.keys.certificate import make_leaf
from tallystick.keys.roster_types import Roster
from tallystick.keys.signer import new_signer
from tallystick.keys.tuf_files import FileName, parse_name
from tallystick.proto.exchange.v1.exchange_pb2 import Chunk, FetchRequest, HeadResponse
from tallystick.proto.exchange.v1.spool_pb2 import SpoolMessage

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "vectors" / "golden"
PACK = GOLDEN / "pack"
AT = datetime(2021, 6, 1, tzinfo=UTC)
Run = Callable[[bytes, Path], object]
Seeds = Callable[[], list[bytes]]


@cache
def catalogue() -> Catalogue:
    return load_shipped()


@cache
def golden_roster() -> tuple[dict[str, bytes], Roster, words.Anchor]:
    files = roster_store.read_roster_folder(PACK / "roster")
    anchor = words.parse_anchor(str(GOLDEN / "pack.words"))
    return files, roster.load_roster(files, anchor=anchor, at=AT), anchor


def golden(pattern: str) -> Seeds:
    """Return the golden files of a name, smallest first."""
    return lambda: sorted((path.read_bytes() for path in GOLDEN.glob(pattern) if path.is_file()), key=len)


def given(*texts: str | bytes) -> Seeds:
    return lambda: [text.encode() if isinstance(text, str) else text for text in texts]


def text(read: Callable[[str], object]) -> Run:
    """Return what hands a parser of text the bytes as text."""
    return lambda data, _room: read(data.decode("utf-8", "surrogateescape"))


def plain(read: Callable[[bytes], object]) -> Run:
    return lambda data, _room: read(data)


def file(read: Callable[[Path], object], name: str = "file") -> Run:
    """Return what writes the bytes under a name and hands a parser the path."""

    def run(data: bytes, room: Path) -> object:
        path = room / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return read(path)

    return run


def first_of(reads: Iterable[Callable[[bytes], object]]) -> Run:
    """Return what tries several readings of the same bytes; refused is what all of them refuse."""
    tried = tuple(reads)

    def run(data: bytes, _room: Path) -> object:
        for read in tried[:-1]:
            with contextlib.suppress(TallystickError):
                return read(data)
        return tried[-1](data)

    return run


def page(read: Callable[[FileName, bytes], object], *roles: str) -> Run:
    """Return what reads the bytes as a roster file of one of ``roles``."""
    names = [
        parse_name("metadata/timestamp.json" if role == "timestamp" else f"metadata/1.{role}.json") for role in roles
    ]
    return first_of(partial(read, name) for name in names)


def in_roster(read: Callable[[dict[str, bytes]], object]) -> Run:
    """Return what puts the bytes in place of one file of the golden roster, by their first letters' hash."""

    def run(data: bytes, _room: Path) -> object:
        files = dict(golden_roster()[0])
        names = sorted(files)
        found = [name for name in names if name.startswith("metadata/") and _type(files[name]) == _type(data)]
        files[random.Random(data).choice(found or names)] = data
        return read(files)

    return run


def _type(data: bytes) -> str:
    at = data.find(b'"_type"')
    return data[at : at + 24].decode("latin-1") if at >= 0 else ""


def roster_in_folder(data: bytes, room: Path) -> object:
    return in_roster(lambda files: _written(files, room))(data, room)


def _written(files: dict[str, bytes], room: Path) -> object:
    for name, content in files.items():
        path = room / "roster" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return roster_store.RosterStore(room / "roster").load(golden_roster()[2], AT)


@cache
def _pack_files() -> dict[str, bytes]:
    return {str(path.relative_to(PACK)): path.read_bytes() for path in sorted(PACK.rglob("*")) if path.is_file()}


def into_pack(data: bytes, room: Path) -> object:
    """Put the bytes in place of the file of the pack that they resemble most by their first bytes and length."""
    files = _pack_files()
    name = min(files, key=lambda one: (files[one][:40] != data[:40], abs(len(files[one]) - len(data)), one))
    for one, content in files.items():
        path = room / one
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if one == name else content)
    return verify_tree(room, golden_roster()[2], AT)


def into_spool(data: bytes, room: Path) -> object:
    (room / "spool").mkdir()
    (room / "spool" / "00000007.log").write_bytes(data)
    reader = SpoolReader(room / "spool", FileCursor(room / "cursor"))
    return list(reader.read_new()), reader.problems


def spool_message(kind: str, fill: Callable[[Any], object]) -> bytes:
    message = SpoolMessage(format=1)
    fill(getattr(message, kind))
    found: bytes = message.SerializeToString(deterministic=True)
    return found


def spool_messages() -> list[bytes]:
    files, entry = golden_roster()[0], golden("pack/kaz/releases/*.dsse.json")()[0]
    return [
        spool_message(
            "roster", lambda part: [part.files.add(name=f"roster/{name}", data=data) for name, data in files.items()]
        ),
        spool_message(
            "log", lambda part: (part.entries.append(entry), part.data.add(name="kaz/data/sha256/00", data=b"x"))
        ),
        spool_message("receipts", lambda part: part.files.add(name="kaz/releases/00.tlog-proof", data=b"x")),
    ]


def spool_frames() -> list[bytes]:
    return [frame.encode(7, "log", message) for message in spool_messages()]


def seed_messages() -> list[bytes]:
    paths = ["kaz/checkpoint", "roster/metadata/1.root.json", "kaz/tile/entries/000"]
    return [
        FetchRequest(paths=paths).SerializeToString(),
        HeadResponse(checkpoint=b"x" * 99, roster_digest="0" * 64, roster_files=paths).SerializeToString(),
        Chunk(index=1, data=b"x" * 99, last=True).SerializeToString(),
    ]


def messages_of_peers(data: bytes, _room: Path) -> object:
    return [_reader(kind)(data) for kind in (FetchRequest, HeadResponse, Chunk)]  # type: ignore[type-var]


def seed_vkeys() -> list[bytes]:
    return [vkey.encode() for vkey in json.loads((GOLDEN / "keys.json").read_text()) if isinstance(vkey, str)] + [
        note.vkey("example.org/log", "ed25519", bytes(range(32))).encode()
    ]


def join_shares(data: bytes, _room: Path) -> object:
    return shares.join(data.decode("utf-8", "surrogateescape").splitlines())


@cache
def seed_shares() -> bytes:
    return "\n".join(shares.split(bytes(range(32)))[:2]).encode()


def index_names(data: bytes, _room: Path) -> object:
    files = golden_roster()[0]
    return listed_names(data, files.get), listed_names(files["metadata/timestamp.json"], lambda _name: data)


DESK = b'state = "KAZ"\nname = "Agency"\ndemo = true\n\n[metadata]\nsources = "register"\nhandling = "TLP:GREEN"\n'
BORDER = b'state = "KAZ"\nname = "Agency"\nlisten = "127.0.0.1:7001"\ndemo = true\npull_seconds = 5\n'
PEERS = b'[peers]\nKGZ = "grpcs://127.0.0.1:7002"\nTUR = "file:///mnt/stick"\n'


def stored_view(data: bytes, _room: Path) -> object:
    try:
        stored = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return LogView.from_dict(stored) if isinstance(stored, dict) else None


def seed_views() -> list[bytes]:
    reader = StaticReader(PACK, "kaz")
    frontier = Frontier().extend(reader.leaf_hashes(4))
    origin = json.loads((GOLDEN / "expected.json").read_text())["kaz"]["origin"]
    full = LogView(origin, 4, frontier, (PACK / "kaz" / "checkpoint").read_bytes(), tuple(reader.leaf_hashes(4)))
    return [json.dumps(full.to_dict()).encode(), json.dumps(empty_view(origin).to_dict()).encode()]


def seed_heads() -> list[bytes]:
    origin = json.loads((GOLDEN / "expected.json").read_text())["kaz"]["origin"]
    return [head_bytes(origin, Frontier().extend(StaticReader(PACK, "kaz").leaf_hashes(4)))]


def detached_signatures(data: bytes, _room: Path) -> object:
    return ceremony.attach(golden_roster()[0], data)


def seed_signatures() -> list[bytes]:
    name = "metadata/1.root.json"
    given_ = json.loads(golden_roster()[0][name])["signatures"][0]
    entry = {"file": name, "sig": given_["sig"]}
    shape = {"format": "tallystick-roster-signatures-1", "keyid": given_["keyid"], "signatures": [entry]}
    return [json.dumps(shape).encode()]


def into_proposal(data: bytes, room: Path) -> object:
    (room / "signatures").mkdir()
    (room / "signatures" / "kaz.sig.json").write_bytes(data)
    for name, content in golden_roster()[0].items():
        path = room / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return proposal.read_proposals([room])


def seed_cards() -> list[bytes]:
    tls = new_signer("ecdsa-p256")
    leaf = make_leaf("KAZ", [], tls.private, SystemClock(), 365)  # type: ignore[arg-type]
    held: list[tuple[Any, Any]] = [("tls", tls), ("witness", new_signer("ed25519"))]
    node = make_card("node", "KAZ", "Border", signers=held, certificate=leaf, endpoints=["grpcs://192.0.2.1:8443"])
    return [make_card("officer", "KAZ", "Анна Б.", signers=[("officer", new_signer("ed25519"))]), node]


@cache
def seed_leaves() -> list[bytes]:
    tls = new_signer("ecdsa-p256")
    return [make_leaf("KAZ", [], tls.private, SystemClock(), 365)]  # type: ignore[arg-type]


def in_home(load: Callable[[Path], object], name: str) -> Run:
    return file(lambda path: load(path.parent.parent), name)
