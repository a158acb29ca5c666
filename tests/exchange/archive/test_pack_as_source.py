"""A pack on a stick is a peer like any other: what it holds is pulled, verified and archived again."""

from contextlib import closing
from pathlib import Path

from tallystick.exchange.archive import Archive
from tallystick.exchange.archive.check import verify_tree
from tallystick.exchange.archive.pack import export_pack
from tallystick.exchange.pull import DataStep, Known, LogStep, open_source, pull_peer
from tests.support.federation import AT, Federation


def content(archive: Archive) -> list[tuple[object, ...]]:
    with closing(archive.open_index()) as index:
        return [
            *index.execute("SELECT state, log_index, payload_id, status, statement FROM releases ORDER BY 1, 2"),
            *index.execute("SELECT state, payload_id, key, value FROM observations ORDER BY 1, 2, 3"),
        ]


def pull(pack: Path, archive: Archive, federation: Federation, cc: str) -> None:
    known = Known(federation.roster, federation.roster_files, view=archive.view(cc))
    for step in pull_peer(open_source(f"file://{pack}", cc=cc, tls=None), cc, known, at=AT):
        if isinstance(step, DataStep):
            archive.store_data(cc, step.data)
        elif isinstance(step, LogStep):
            archive.accept(cc, step.view, step.entries, step.releases, {})


def test_pulling_from_a_pack_gives_the_archive_that_it_was_made_of(tmp_path: Path) -> None:
    federation = Federation.make(("KAZ", "KGZ"))
    for code in federation.states:
        for year in ("2018", "2019"):
            federation.release(code, "VICTIMS", year, {(): 80})
            federation.release(code, "VICTIMS_SEX", year, {("F",): 44})
    first = Archive(tmp_path / "first")
    for state in federation.states.values():
        first.accept(state.cc, state.view(), state.entries, federation.verified(state.code), state.data)
    export_pack(first, federation.roster_files, tmp_path / "pack", federation.roster)
    second = Archive(tmp_path / "second")
    for cc in ("kaz", "kgz"):
        pull(tmp_path / "pack", second, federation, cc)
    assert content(second) == content(first)
    export_pack(second, federation.roster_files, tmp_path / "again", federation.roster)
    report = verify_tree(tmp_path / "again", federation.anchor, AT)
    assert report.total("releases") == 8
    files = {path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*") if path.is_file()}
    for name in files:
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "pack" / name).read_bytes(), name
