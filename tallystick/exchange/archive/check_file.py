"""Checking one release: what ``tallystick verify FILE`` does, with the files that lie around it in a pack."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from tallystick.config.errors import MalformedError, StoreError
from tallystick.config.files import read_bounded
from tallystick.config.i18n import _
from tallystick.exchange.archive.ground import begin_report, known_roster, located, unanchored
from tallystick.exchange.archive.report import ReleaseReport
from tallystick.exchange.formats.checkpoint import origin, parse_checkpoint
from tallystick.exchange.formats.comparing import set_beside
from tallystick.exchange.formats.sdmxcsv import CSV_LIMIT
from tallystick.exchange.formats.tiles import ENTRY_LIMIT
from tallystick.exchange.formats.tlogproof import PROOF_LIMIT, parse_proof, verify_proof
from tallystick.exchange.verify.release import UnknownEntry, VerifiedRelease, catalogue_of, verify_data, verify_release
from tallystick.keys.roster_store import read_roster_folder
from tallystick.keys.roster_types import Roster
from tallystick.keys.words import Anchor

__all__ = ["examine_file", "verify_file"]

_ENVELOPE, _RECEIPT = ".dsse.json", ".tlog-proof"
_LEVELS_UP = 4


def verify_file(
    path: Path, anchor: Anchor | None, at: datetime, *, roster_files: Mapping[str, bytes] | None = None
) -> ReleaseReport:
    """Check one release with its receipt and its data.

    1. The roster, from the genesis that the caller names; it is found above the file or handed in.
    2. The receipt (``<name>.tlog-proof`` beside the file): the entry stands in the log, under a head that the log
       signed with both keys (``verify_proof``).
    3. The release: enough officers signed, for this federation, state, table and period (``verify_release``).
    4. The data (``../data/sha256/<digest>``, or beside the file under its digest or name): ``verify_data``.

    Args:
        path: A ``.dsse.json`` file.
        anchor: The federation that the caller trusts.
        at: The time as of which the roster is judged.
        roster_files: A roster that the caller has already, by name below the roster folder.

    Raises:
        UnanchoredError: Everything fits together, but no anchor was given.
        VerificationError: Something does not hold; the message says where.
        StoreError: A file is missing or cannot be read.
    """
    report = examine_file(path, anchor, at, roster_files=roster_files)
    if not report.pack.anchored:
        raise unanchored(str(path))
    return report


def examine_file(
    path: Path, anchor: Anchor | None, at: datetime, *, roster_files: Mapping[str, bytes] | None = None
) -> ReleaseReport:
    """Check one release; without an anchor, only that it fits together: the caller looks at ``anchored``."""
    if not path.name.endswith(_ENVELOPE):
        raise MalformedError(
            _("{path} is not a release").format(path=path),
            hint=_("give a .dsse.json file, or the folder of a whole pack"),
        )
    envelope = read_bounded(path, ENTRY_LIMIT)
    receipt = read_bounded(path.with_name(path.name.removesuffix(_ENVELOPE) + _RECEIPT), PROOF_LIMIT)
    roster, notes = known_roster(_roster_near(path), roster_files or {}, anchor, at)
    pack = begin_report(path, roster, anchor, at)
    pack.notes.extend(notes)
    with located(path.name):
        issuer = _issuer(receipt, roster)
        name, keys = origin(roster.federation_id, issuer), roster.state(issuer).log_keys
        index, head = verify_proof(receipt, envelope, name, keys)
        release = verify_release(envelope, index, None, roster, issuer)
    report = ReleaseReport(pack, issuer, index, head.size, release.payload_id)
    if isinstance(release, UnknownEntry):
        pack.notes.append(
            _(
                "an entry of a kind that this version does not know ({kind}): it stands in the log, no more is said"
            ).format(kind=release.predicate_type)
        )
        return report
    return _with_release(report, path, release, roster)


def _with_release(report: ReleaseReport, path: Path, release: VerifiedRelease, roster: Roster) -> ReleaseReport:
    data = _data_near(path, release)
    cells = verify_data(release.statement, data, catalogue_of(release.statement, roster))
    predicate = release.statement.predicate
    report.table, report.period = predicate.table.id, predicate.slice.period
    report.revision, report.officers = predicate.revision, list(release.officers)
    report.data_sha256 = release.data_sha256
    report.figures, report.withheld = predicate.audit.shown, predicate.audit.withheld
    report.method = {"id": predicate.method.id, "profile": predicate.method.profile, **predicate.method.parameters}
    report.comparisons = set_beside(predicate, cells)
    if predicate.metadata.censored:
        report.pack.notes.append(_("the rows behind these figures were already censored before they came in"))
    return report


def _issuer(receipt: bytes, roster: Roster) -> str:
    """Read off the receipt whose log it is of; everything is then checked against that state's own keys."""
    name = parse_checkpoint(parse_proof(receipt).checkpoint)[0].origin
    return roster.state(name.rpartition("/")[2]).code


def _around(path: Path) -> Iterator[Path]:
    folder = path.absolute().parent
    for _level in range(_LEVELS_UP):
        yield folder
        folder = folder.parent


def _roster_near(path: Path) -> dict[str, bytes]:
    for folder in _around(path):
        if (folder / "roster" / "metadata").is_dir():
            return read_roster_folder(folder / "roster")
    return {}


def _data_near(path: Path, release: VerifiedRelease) -> bytes:
    digest, folder = release.data_sha256, path.absolute().parent
    places = [
        folder.parent / "data" / "sha256" / digest,
        folder / digest,
        folder / release.statement.subject[0].name,
    ]
    for place in places:
        if place.exists():
            with located(place.name):
                return read_bounded(place, CSV_LIMIT)
    raise StoreError(
        _("the data file of {path} is missing").format(path=path.name),
        hint=_("it belongs at {place}").format(place=places[0]),
    )
