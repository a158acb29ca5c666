"""What a verification checked, in numbers, for people and as JSON. It exists only where everything held."""

from dataclasses import asdict, dataclass, field
from typing import Any

from tallystick.config.i18n import _
from tallystick.exchange.formats.comparing import said_of

__all__ = ["LogReport", "ReleaseReport", "Report"]


@dataclass
class LogReport:
    """What was checked of one state's log.

    Attributes:
        state: Alpha-3, upper case.
        size: Entries under the signed head.
        releases: Entries that are releases of tables; the others are of kinds this version does not know.
        unknown: Predicate types of those others.
        officer_signatures: Officers' signatures that count.
        checkpoints: Signed heads: the newest, and older ones that receipts stand on.
        hash_tiles: Hash tiles compared with the recomputed hashes.
        bundles: Entry bundles compared with the entries.
        data_files: Data files whose digest an officer's statement names.
        figures: Cells with a figure.
        withheld: Withheld cells.
        comparisons: Figures that are public elsewhere, set beside the state's own in what it signed.
        envelopes: Release files compared with the log's entries.
        receipts: Receipts that prove their entry.
        policy: True where the C2SP policy was compared with the roster.
    """

    state: str
    size: int = 0
    releases: int = 0
    unknown: list[str] = field(default_factory=list)
    officer_signatures: int = 0
    checkpoints: int = 0
    hash_tiles: int = 0
    bundles: int = 0
    data_files: int = 0
    figures: int = 0
    withheld: int = 0
    comparisons: int = 0
    envelopes: int = 0
    receipts: int = 0
    policy: bool = False


@dataclass
class Report:
    """What was checked of a whole pack.

    Attributes:
        folder: What was checked, as it was named.
        federation: Federation id in hex.
        anchored: True where the caller named the federation that he trusts; else all this is only self-consistent.
        demo: The federation is stamped DEMO.
        at: The time as of which the roster was judged, RFC 3339.
        roster: Versions of root and targets, and when they expire.
        states: Codes that the roster names.
        logs: One per state that has a log here.
        notes: What whoever relies on this must know.
    """

    folder: str
    federation: str
    anchored: bool
    demo: bool
    at: str
    roster: dict[str, Any]
    states: list[str]
    logs: list[LogReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def total(self, name: str) -> int:
        """Return the sum of one of the logs' numbers."""
        return sum(int(getattr(log, name)) for log in self.logs)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return {"verified": True} | asdict(self)

    def roster_rows(self) -> list[tuple[str, str]]:
        """Return what was checked of the roster as label and sentence."""
        named = _("named by --root") if self.anchored else _("NOT ANCHORED, by its own word only")
        return [
            (_("federation"), f"{self.federation[:16]}... {named}" + (", DEMO" if self.demo else "")),
            (
                _("roster"),
                _("root version {root}, targets version {targets}, {states} states, as of {at}").format(
                    root=self.roster["root_version"],
                    targets=self.roster["targets_version"],
                    states=len(self.states),
                    at=self.at[:10],
                ),
            ),
        ]

    def rows(self) -> list[tuple[str, str]]:
        """Return what was checked as label and sentence."""
        total = self.total
        beside = _("{n} figures that are public elsewhere stand beside them").format(n=total("comparisons"))
        return [
            *self.roster_rows(),
            (
                _("logs"),
                _("{logs} logs with {entries} entries; {heads} signed heads, Ed25519 and ML-DSA-44").format(
                    logs=len(self.logs), entries=total("size"), heads=total("checkpoints")
                ),
            ),
            (
                _("tiles"),
                _("{tiles} hash tiles and {bundles} bundles of entries, all recomputed").format(
                    tiles=total("hash_tiles"), bundles=total("bundles")
                ),
            ),
            (
                _("releases"),
                _("{releases} releases with {signatures} officers' signatures").format(
                    releases=total("releases"), signatures=total("officer_signatures")
                ),
            ),
            (
                _("data"),
                _("{files} files: {figures} figures, {withheld} withheld cells").format(
                    files=total("data_files"), figures=total("figures"), withheld=total("withheld")
                ),
            ),
            *([(_("beside"), beside)] if total("comparisons") else []),
            (
                _("receipts"),
                _("{receipts} receipts and {envelopes} release files, {policies} policies").format(
                    receipts=total("receipts"), envelopes=total("envelopes"), policies=total("policy")
                ),
            ),
        ]


@dataclass
class ReleaseReport:
    """What was checked of one release.

    Attributes:
        pack: What was checked of the roster, and the notes.
        state: Alpha-3 of the state whose log it stands in.
        index: Log index.
        size: Entries under the signed head that the receipt stands on.
        payload_id: Identity: SHA-256 of the statement, hex.
        table: Table id; None for an entry of a kind that this version does not know, like all that follows.
        period: Year or block.
        revision: 1 for the first.
        officers: Whose signatures count.
        data_sha256: Digest of the data file.
        figures: Cells with a figure.
        withheld: Withheld cells.
        method: Method, profile and parameters as the statement tells them.
        comparisons: Figures that are public elsewhere, set beside the release's own: key, official, source, here,
            explanation.
    """

    pack: Report
    state: str
    index: int
    size: int
    payload_id: str
    table: str | None = None
    period: str | None = None
    revision: int | None = None
    officers: list[str] = field(default_factory=list)
    data_sha256: str | None = None
    figures: int = 0
    withheld: int = 0
    method: dict[str, Any] = field(default_factory=dict)
    comparisons: list[dict[str, str]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        release = asdict(self)
        pack = release.pop("pack")
        pack.pop("logs")
        return {"verified": True, **pack, "release": release}

    def rows(self) -> list[tuple[str, str]]:
        """Return what was checked as label and sentence."""
        found = [
            *self.pack.roster_rows(),
            (_("release"), f"{self.payload_id[:16]}..."),
            (
                _("log"),
                _("{state}, entry {index} of {size}; head signed with Ed25519 and ML-DSA-44").format(
                    state=self.state, index=self.index, size=self.size
                ),
            ),
        ]
        if self.table is None:
            return found
        told = ", ".join(f"{name}={value}" for name, value in self.method.items() if name not in {"id", "profile"})
        return [
            *found,
            (_("table"), f"{self.table} {self.state} {self.period}, " + _("revision {n}").format(n=self.revision)),
            (_("signed by"), ", ".join(self.officers)),
            (_("data"), _("{n} figures, {m} withheld cells").format(n=self.figures, m=self.withheld)),
            (_("method"), f"{self.method['id']}, {self.method['profile']} ({told})"),
            *((_("beside"), _sentence(one)) for one in self.comparisons),
        ]


def _sentence(one: dict[str, str]) -> str:
    return f"{one['key']}: {said_of(one['official'], one['source'], one['here'], one['explanation'])}"
