"""Trees held in memory, served through a ``Source`` that can be told to misbehave."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tallystick.config.errors import PeerError
from tallystick.exchange.pull import HeadInfo, Known, known_digests
from tallystick.exchange.pull.steps import PullStep
from tallystick.exchange.verify.slices import SliceRules
from tallystick.keys.roster import load_roster, roster_digest
from tests.support.wire import NOW, Wire


@dataclass
class MemorySource:
    """Files by path; ``asked`` remembers what was fetched."""

    files: dict[str, bytes]
    cc: str
    breaks_after: int | None = None
    asked: list[str] = field(default_factory=list)

    def head(self) -> HeadInfo:
        roster = {name.removeprefix("roster/"): data for name, data in self.files.items() if name.startswith("roster/")}
        return HeadInfo(self.files.get(f"{self.cc}/checkpoint", b""), roster_digest(roster))

    def roster_files(self) -> tuple[str, ...]:
        return tuple(name.removeprefix("roster/") for name in self.files if name.startswith("roster/"))

    def fetch(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        for path in paths:
            if self.breaks_after is not None:
                if self.breaks_after == 0:
                    raise PeerError("the connection broke")
                self.breaks_after -= 1
            self.asked.append(path)
            yield path, self.files.get(path)

    def close(self) -> None:
        pass


def source_of(wire: Wire, folder: Path, code: str, size: int | None = None) -> MemorySource:
    """A state's tree at ``size`` entries, written to ``folder`` and read back."""
    tree = wire.tree(folder, code, size)
    files = {
        str(path.relative_to(tree)): path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.name != "index.sqlite"
    }
    return MemorySource(files, code.lower())


@dataclass
class Store:
    """What a pull handed over, kept as a border would keep it."""

    wire: Wire
    code: str
    files: dict[str, bytes]
    known: Known
    data: dict[str, bytes] = field(default_factory=dict)
    entries: list[bytes] = field(default_factory=list)
    releases: list[object] = field(default_factory=list)
    missing: int = 0

    @classmethod
    def empty(cls, wire: Wire, code: str) -> "Store":
        files = wire.roster_files
        roster = load_roster(files, anchor=wire.ceremony.anchor, at=NOW)
        made = cls(wire, code, files, Known(roster, files))
        made._update()
        return made

    def keep(self, step: PullStep) -> None:
        from dataclasses import replace

        if hasattr(step, "theirs"):
            self.files = step.result.files
            self.known = replace(self.known, roster=step.result.roster, roster_files=self.files)
        elif hasattr(step, "view"):
            self.entries += step.entries
            kept = {one.index: one for one in self.releases} | {one.index: one for one in step.releases}
            self.releases = [kept[index] for index in sorted(kept)]
            self.missing = step.missing
            self.known = replace(self.known, view=step.view)
        else:
            self.data |= step.data
        self._update()

    def _update(self) -> None:
        from dataclasses import replace

        verified = [one for one in self.releases if hasattr(one, "statement")]
        incomplete = tuple((one.index, one.envelope) for one in verified if one.observations is None)
        self.known = replace(
            self.known,
            seen_rosters=known_digests(self.files),
            rules=lambda: SliceRules.of(self.code, verified),
            read_data=self.data.get,
            incomplete=incomplete,
        )
