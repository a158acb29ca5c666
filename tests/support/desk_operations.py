"""What happens at a desk, to be struck: import, draft, sign, refuse, publish, roster."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from tallystick.config.clock import FixedClock
from tallystick.exchange.log.tilelog import TileLog
from tallystick.keys.secrets import GENERATED
from tallystick.keys.signer import encrypted_pem
from tallystick.node.desk.desk import Desk
from tallystick.node.desk.folder import read_draft, read_signatures
from tallystick.node.desk.states import IN_LOG
from tests.support.catalogues import six_tables
from tests.support.desks import AT, PHRASE, DeskHome, Phrase, make_desk_home
from tests.support.operations import Operation, apart, shown, told

YEAR = "2018"
PLANNED = sum(table.where == "year" for table in six_tables().tables)
"""Tables of one year's plan."""


def _home(scene: Path) -> Path:
    return scene / "home"


def private(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def make_desk(scene: Path) -> DeskHome:
    """A desk with twelve cases of 2018, its passphrase in a file, and its officers' keys beside it."""
    made = make_desk_home(_home(scene), {2018: 12}, passphrase_file=Path("passphrase"))
    private(made.folder / "passphrase", PHRASE + b"\n")
    private(scene / "people" / "passphrase", PHRASE + b"\n")
    for number, signer in enumerate(made.officers):
        private(scene / "people" / f"officer-{number}.pem", encrypted_pem(signer.private, PHRASE, GENERATED))
    return made


def _run(scene: Path, *words: object) -> None:
    def command() -> None:
        code, _out, err = told([*words, "--home", _home(scene)])
        assert code == 0, err

    apart(command)


def make_drafts(scene: Path) -> DeskHome:
    made = make_desk(scene)
    _run(scene, "release", "draft", YEAR)
    return made


def make_signed(scene: Path) -> DeskHome:
    made = make_drafts(scene)
    made.sign(YEAR)
    return made


def make_half_published(scene: Path) -> None:
    """One release in the log, the others signed."""
    made = make_signed(scene)
    del made
    _run(scene, "release", "publish", YEAR, "VICTIMS")


def make_published(scene: Path) -> None:
    make_signed(scene)
    _run(scene, "release", "publish", "--all")


def _rows(desk: Desk) -> list[tuple[str, str]]:
    return sorted((one.release.table_id, one.release.state.value) for one in desk.list())


def _open(scene: Path) -> Desk:
    return Desk.open(_home(scene), Phrase(), FixedClock(AT))


def _drafts(scene: Path) -> dict[str, int]:
    """Return every draft folder in sight with its whole signatures; reading one checks each part against the others."""
    top = _home(scene) / "desk" / "drafts"
    found = [path.parent for path in sorted(top.glob(f"{YEAR}/[A-Z]*/statement.json"))]
    return {folder.name: len(read_signatures(read_draft(folder).path)) for folder in found}


def look_at_drafts(scene: Path) -> Any:
    with _open(scene) as desk:
        return [_rows(desk), _drafts(scene)]


def drafts_are_sound(scene: Path) -> None:
    """A folder in sight holds what the table holds; a period is drafted whole or not at all."""
    with _open(scene) as desk:
        rows = {one.release.table_id: one.release for one in desk.list()}
    assert len(rows) in {0, PLANNED}, sorted(rows)
    for name in _drafts(scene):
        assert read_draft(_home(scene) / "desk" / "drafts" / YEAR / name).payload == rows[name].payload


def look_at_releases(scene: Path) -> Any:
    with _open(scene) as desk:
        return _rows(desk)


def one_story(scene: Path) -> None:
    """Table and log tell one story: every logged row is the log's entry at its index, none is there twice."""
    folder = _home(scene) / "desk" / "log"
    with _open(scene) as desk:
        logged = [one.release for one in desk.list() if one.release.state in IN_LOG]
    logged.sort(key=lambda row: row.log_index or 0)
    if not (folder / "kaz.head.json").exists():
        assert logged == []
        return
    log = TileLog(folder, "kaz")
    size = log.size
    assert size >= len(logged), "the table knows more than the log"
    entries = log.entries(0, size)
    assert len(set(entries)) == size, "one release twice in the log"
    assert [row.envelope for row in logged] == entries[: len(logged)]


def recomputes(scene: Path) -> None:
    """Table, log and register agree, and what was published comes out again byte for byte."""
    one_story(scene)
    with _open(scene) as desk:
        logged = [one.release.table_id for one in desk.list() if one.release.state in IN_LOG]
    for table in logged[:1]:
        assert shown(["release", "recompute", YEAR, table, "--home", _home(scene)])


def any_states(*allowed: str) -> Any:
    """Between: every release is in one of these states."""
    return lambda look: all(state in allowed for _table, state in look)


def look_at_register(scene: Path) -> Any:
    counted = shown(["case", "count", "--home", _home(scene)])
    runs = _list_in(shown(["case", "runs", "--home", _home(scene)]))
    moved = [sum(one[what] for one in runs) for what in ("added", "replaced")]  # a run that finds all of it adds zeros
    return [counted["cases"], counted["persons_by_year"], *moved]


def _list_in(document: Any) -> list[Any]:
    return document if isinstance(document, list) else next(one for one in document.values() if isinstance(one, list))


def register_file(path: Path, numbers: Iterable[int], *, sex: str = "Feminine") -> Path:
    """Write an HTCDS file with so many cases of an agency that the register does not know yet."""
    lines = ["ext_CaseId,org_Name,prs_Gender,prs_FirstName,ext_RegistrationYear"]
    lines += [f"F-{number},Shelter,{sex},Айгүл{number},{YEAR}" for number in numbers]
    path.write_text("\n".join(lines) + "\n")
    return path


def _prepare_import(scene: Path) -> None:
    make_desk(scene)
    register_file(scene / "first.csv", range(1, 7))
    register_file(scene / "second.csv", range(4, 11), sex="Masculine")
    _run(scene, "case", "import", scene / "first.csv")


def _import(scene: Path) -> list[object]:
    return ["case", "import", scene / "second.csv", "--home", _home(scene)]


def _publish(scene: Path) -> list[object]:
    return ["release", "publish", "--all", "--home", _home(scene)]


def _sign(scene: Path) -> list[object]:
    people = scene / "people"
    return ["release", "sign", "--all", _home(scene) / "desk" / "drafts" / YEAR, "--key", people / "officer-2.pem",
            "--passphrase-file", people / "passphrase", "--yes"]  # fmt: skip


@cache
def desk_operations() -> dict[str, Operation]:
    """Return all of them by name."""
    found = [
        Operation("case import", _prepare_import, _import, look_at_register, points=20),
        Operation(
            "case edit",
            _prepare_import,
            lambda scene: ["case", "edit", "F-1", "--set", "prs_Gender=Masculine", "--home", _home(scene)],
            lambda scene: told(["case", "show", "F-1", "--json", "--home", _home(scene)])[1].count("Masculine"),
            again=frozenset({0, 2}),
            points=20,
        ),
        Operation(
            "release draft",
            lambda scene: make_desk(scene) and None,
            lambda scene: ["release", "draft", YEAR, "--home", _home(scene)],
            look_at_drafts,
            drafts_are_sound,
            between=lambda look: look[0] == [] or all(state == "drafted" for _table, state in look[0]),
            points=30,
        ),
        Operation(
            "release sign",
            lambda scene: make_drafts(scene) and None,
            _sign,
            _drafts,
            drafts_are_sound,
            between=lambda look: len(look) == PLANNED and set(look.values()) <= {0, 1},
            points=12,
        ),
        Operation(
            "release refuse",
            lambda scene: make_drafts(scene) and None,
            lambda scene: ["release", "refuse", YEAR, "VICTIMS", "--reason", "no", "--home", _home(scene)],
            look_at_drafts,
            between=lambda look: ["VICTIMS", "refused"] in [list(row) for row in look[0]],
            points=6,
        ),
        Operation(
            "release publish",
            lambda scene: make_signed(scene) and None,
            _publish,
            look_at_releases,
            recomputes,
            between=any_states("drafted", "signed", "logged"),
            points=40,
        ),
        Operation(
            "release publish, second",
            make_half_published,
            _publish,
            look_at_releases,
            recomputes,
            between=any_states("drafted", "signed", "logged"),
            points=30,
        ),
    ]
    return {one.name: one for one in found}
