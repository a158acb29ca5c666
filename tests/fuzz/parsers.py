"""Every function that meets bytes from outside, in one table: what runs it, what it is fed, what it may cost.

A new parser is one line in ``PARSERS`` (here what faces peers, in ``parsers_home`` what stays home);
``test_complete.py`` fails until it stands there or in ``EXPLAINED``.
"""

from dataclasses import dataclass
from functools import partial

from tallystick.config.catalogue import parse_catalogue
from tallystick.config.errors import TallystickError
from tallystick.config.periods import parse_period
from tallystick.config.settings import load_border, load_desk, load_peers
from tallystick.exchange.border.outbox import _read_message
from tallystick.exchange.formats import checkpoint, note, sdmxcsv, statement, tiles, tlogproof, tree
from tallystick.exchange.log.head import read_head
from tallystick.exchange.spool import frame
from tallystick.keys import chains, envelope, proposal, roster, words
from tallystick.keys.card import read_card
from tallystick.keys.certificate import check_leaf
from tallystick.keys.merge import merge
from tallystick.keys.tuf_files import parse_name, read_file
from tests.fuzz import feeding as feed
from tests.fuzz.feeding import AT, Run, Seeds, file, first_of, given, golden, page, plain, text


@dataclass(frozen=True)
class Parser:
    """One parser under test.

    Attributes:
        name: As ``pytest -k`` finds it.
        run: Reads the bytes; the folder is empty and the parser's own.
        seeds: Files that hold, to be spoilt.
        covers: Names of the functions that it stands for, below ``tallystick``.
        refuses: What it may raise.
        seconds: Of processor time, the most that one file may cost; far above what any costs.
    """

    name: str
    run: Run
    seeds: Seeds
    covers: tuple[str, ...] = ()
    refuses: tuple[type[Exception], ...] = (TallystickError,)
    seconds: float = 3.0


METADATA = golden("pack/roster/metadata/*.json")
ROOTS, TARGETS, PAGES = (golden(f"pack/roster/metadata/*.{name}.json") for name in ("root", "targets", "[kt][gau][zr]"))
STATEMENTS = golden("statements/*.json")


PARSERS: tuple[Parser, ...] = (
    Parser(
        "envelope",
        plain(envelope.parse_envelope),
        golden("pack/*/releases/*.dsse.json"),
        ("keys.envelope.parse_envelope",),
    ),
    Parser("statement", plain(statement.parse_payload), STATEMENTS, ("exchange.formats.statement.parse_payload",)),
    Parser(
        "sdmxcsv",
        plain(lambda data: sdmxcsv.parse_csv(data, feed.catalogue())),
        golden("pack/*/data/sha256/*"),
        ("exchange.formats.sdmxcsv.parse_csv",),
    ),
    Parser("note", plain(note.parse_note), golden("pack/*/checkpoint"), ("exchange.formats.note.parse_note",)),
    Parser(
        "checkpoint",
        plain(checkpoint.parse_checkpoint),
        golden("pack/*/checkpoint"),
        ("exchange.formats.checkpoint.parse_checkpoint",),
    ),
    Parser(
        "receipt",
        plain(tlogproof.parse_proof),
        golden("pack/*/releases/*.tlog-proof"),
        ("exchange.formats.tlogproof.parse_proof",),
    ),
    Parser("vkey", text(note.parse_vkey), feed.seed_vkeys, ("exchange.formats.note.parse_vkey",)),
    Parser(
        "base64",
        text(lambda one: note.decode_base64(one, lambda: "x")),
        given("AAEC", "AAE="),
        ("exchange.formats.note.decode_base64",),
    ),
    Parser(
        "tree-path",
        text(tree.parse_tree_path),
        given("kaz/checkpoint", "kaz/tile/0/x001/000.p/7", "kaz/data/sha256/" + "0" * 64),
        ("exchange.formats.tree.parse_tree_path",),
    ),
    Parser(
        "tile-path",
        text(tiles.parse_path),
        given("tile/0/x001/000.p/7", "tile/entries/000"),
        ("exchange.formats.tiles.parse_path",),
    ),
    Parser(
        "entries",
        first_of(partial(tiles.decode_entries, count=count) for count in (1, 4, 256)),
        golden("pack/*/tile/entries/000.p/*"),
        ("exchange.formats.tiles.decode_entries",),
    ),
    Parser(
        "tile",
        first_of(partial(tiles.decode_tile, width=width) for width in (1, 4, 256)),
        golden("pack/*/tile/0/000.p/*"),
        ("exchange.formats.tiles.decode_tile",),
    ),
    Parser("spool-header", plain(frame.parse_header), feed.spool_frames, ("exchange.spool.frame.parse_header",)),
    Parser(
        "spool-frame",
        plain(lambda data: frame.decode(7, "log", data)),
        feed.spool_frames,
        ("exchange.spool.frame.decode",),
    ),
    Parser(
        "spool-names",
        text(lambda one: (frame.parse_name(one), frame.parse_temporary(one))),
        given("00000007.log", ".00000007.log." + "0" * 64 + ".tmp"),
        ("exchange.spool.frame.parse_name", "exchange.spool.frame.parse_temporary"),
    ),
    Parser("spool", feed.into_spool, feed.spool_frames, ("exchange.spool.reader.SpoolReader.read_new",)),
    Parser(
        "spool-message",
        first_of(partial(_read_message, kind) for kind in ("log", "roster")),
        feed.spool_messages,
        ("exchange.border.outbox._read_message",),
    ),
    Parser("grpc-messages", feed.messages_of_peers, feed.seed_messages),
    Parser("index-names", feed.index_names, METADATA),
    Parser("stored-view", feed.stored_view, feed.seed_views, ("exchange.archive.index.read_view",)),
    Parser("log-head", file(lambda path: read_head(path, None)), feed.seed_heads, ("exchange.log.head.read_head",)),
    Parser("pack", feed.into_pack, golden("pack/**/*"), seconds=10),
    Parser("words", text(words.anchor_from_words), golden("pack.words")),
    Parser(
        "anchor",
        file(lambda path: words.parse_anchor(str(path))),
        lambda: golden("pack.words")() + ROOTS(),
        ("keys.words.parse_anchor",),
    ),
    Parser(
        "roster-file",
        page(read_file, "root", "targets", "kaz", "snapshot", "timestamp"),
        METADATA,
        ("keys.tuf_files.read_file",),
    ),
    Parser("root", page(chains.read_root, "root"), ROOTS, ("keys.chains.read_root", "keys.tuf_keys.read_keys")),
    Parser("targets", page(chains.read_targets, "targets"), TARGETS, ("keys.chains.read_targets",)),
    Parser("state-page", page(chains.read_state, "kaz", "kgz", "tur"), PAGES, ("keys.chains.read_state",)),
    Parser(
        "roster-name",
        text(parse_name),
        given("metadata/1.root.json", "targets/" + "0" * 64 + ".catalogue.json"),
        ("keys.tuf_files.parse_name",),
    ),
    Parser(
        "roster",
        feed.in_roster(lambda files: roster.load_roster(files, anchor=feed.golden_roster()[2], at=AT)),
        METADATA,
        ("keys.roster.load_roster", "keys.roster.load_chains"),
    ),
    Parser("roster-folder", feed.roster_in_folder, METADATA, ("keys.roster_store.read_roster_folder",)),
    Parser(
        "merge",
        feed.in_roster(lambda files: merge(feed.golden_roster()[0], files, at=AT, anchor=feed.golden_roster()[2])),
        METADATA,
    ),
    Parser("draft", feed.in_roster(feed.ceremony.read_draft), METADATA, ("keys.ceremony.read_draft",)),
    Parser("signatures", feed.detached_signatures, feed.seed_signatures),
    Parser(
        "proposal",
        feed.into_proposal,
        feed.seed_signatures,
        ("keys.proposal.read_proposal", "keys.proposal.read_proposals"),
    ),
    Parser("card", plain(read_card), feed.seed_cards, ("keys.card.read_card",)),
    Parser("cards", file(lambda path: proposal.read_cards([path])), feed.seed_cards, ("keys.proposal.read_cards",)),
    Parser("leaf", plain(lambda data: check_leaf(data, state="KAZ")), feed.seed_leaves),
    Parser("shares", feed.join_shares, lambda: [feed.seed_shares()]),
    Parser("catalogue", plain(parse_catalogue), golden("pack/roster/targets/*"), ("config.catalogue.parse_catalogue",)),
    Parser("period", text(parse_period), given("2018", "2018-2020"), ("config.periods.parse_period",)),
    Parser(
        "desk.toml",
        feed.in_home(load_desk, "desk/desk.toml"),
        lambda: [feed.DESK],
        ("config.settings.load_desk", "config.tomltext.parse_toml"),
    ),
    Parser(
        "border.toml",
        feed.in_home(load_border, "border/border.toml"),
        lambda: [feed.BORDER],
        ("config.settings.load_border",),
    ),
    Parser(
        "peers.toml",
        feed.in_home(load_peers, "border/peers.toml"),
        lambda: [feed.PEERS],
        ("config.settings.load_peers",),
    ),
)
"""One entry a parser."""

EXPLAINED = {
    "config.catalogue.load_shipped": "reads the catalogue of this package",
    "config.files.read_bounded": "returns bytes and looks at none; its bounds have tests of their own",
    "exchange.border.identity.load_leaf": "a node's own files, 0600; check_leaf, which judges the leaf, is there",
    "keys.secrets.read_private": "a node's own secret, 0600; returns its bytes",
    "keys.signer.load_signer": "a person's own encrypted key, 0600; each try costs a key derivation",
}
"""Why a function of such a name is not in the table."""
