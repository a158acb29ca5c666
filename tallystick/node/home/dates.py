"""Clock and expiry: is the machine's time plausible, and what ends soon."""

import base64
import binascii
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import tallystick
from tallystick.config.errors import ConfigError, TallystickError, VerificationError
from tallystick.config.files import read_bounded
from tallystick.config.i18n import _
from tallystick.keys.certificate import MAX_CERTIFICATE, check_leaf
from tallystick.keys.genesis import VALIDITY
from tallystick.keys.roster_store import RosterStore
from tallystick.node.home.findings import Finding, from_error

__all__ = ["check_clock", "check_leaf_dates", "check_roster", "installed_at", "signed_times"]

_DAY, _YEAR = timedelta(days=1), timedelta(days=366)
_SOON = timedelta(days=60)
_CHECKPOINT_LIMIT = 65_536
_TIMED_SIGNATURE = 4 + 8 + 2420
"""Key id, POSIX seconds, ML-DSA-44 signature: c2sp.org/tlog-cosignature."""


def _times(path: Path) -> Iterator[datetime]:
    """Read the times in a checkpoint's timed signatures; not verified, it is a hint about the clock."""
    for line in read_bounded(path, _CHECKPOINT_LIMIT).decode("utf-8", "replace").splitlines():
        if not line.startswith("\u2014 "):
            continue
        try:
            raw = base64.b64decode(line.rsplit(" ", 1)[-1], validate=True)
        except (binascii.Error, ValueError):
            continue
        if len(raw) == _TIMED_SIGNATURE and raw[4:8] == b"\0\0\0\0":
            yield datetime.fromtimestamp(int.from_bytes(raw[4:12], "big"), UTC)


def signed_times(parts: Sequence[Path]) -> list[tuple[datetime, Path]]:
    """Return when the checkpoints in this home were signed, oldest first."""
    found = []
    for part in parts:
        for path in (*part.glob("log/**/checkpoint"), *part.glob("archive/*/checkpoint")):
            try:
                found += [(moment, path) for moment in _times(path)]
            except TallystickError:
                continue
    return sorted(found)


def installed_at() -> datetime:
    """Return when this tallystick was put on this machine: the date of its own file."""
    return datetime.fromtimestamp(Path(tallystick.__file__).stat().st_mtime, UTC)


def check_clock(parts: Sequence[Path], now: datetime, installed: datetime) -> list[Finding]:
    """Compare the clock with when tallystick was installed and with what others signed."""
    code = ConfigError.exit_code
    hint = _("set the clock, and let chrony or systemd-timesyncd keep it")
    if now < installed - _DAY:
        return [
            Finding(
                "error",
                _("the clock says {now}, before tallystick was installed here ({installed})").format(
                    now=now.date(), installed=installed.date()
                ),
                hint,
                code,
            )
        ]
    signed = signed_times(parts)
    if not signed:
        return []
    newest, path = signed[-1]
    words = {"now": now.date(), "path": path, "signed": newest.date()}
    if newest > now + _DAY:
        what = _("the clock says {now}, but {path} was signed on {signed}").format(**words)
        return [Finding("error", what, hint, code)]
    if newest < now - _YEAR:
        what = _("the clock says {now}; the newest checkpoint here is of {signed} ({path})").format(**words)
        return [Finding("warning", what, _("either nothing came for a year, or the clock is ahead"))]
    return []


def _ending(what: str, ends: datetime, now: datetime, *, over: str, hint: str) -> list[Finding]:
    if ends <= now:
        return [Finding("error", over.format(day=ends.date()), hint, VerificationError.exit_code)]
    if ends < now + _SOON:
        return [Finding("warning", what.format(day=ends.date(), count=(ends - now).days), hint)]
    return []


def check_roster(folder: Path, now: datetime) -> list[Finding]:
    """Verify a part's roster and look at its end."""
    store = RosterStore(folder)
    if not store.adopted:
        what = _("{folder}: no roster was adopted yet").format(folder=folder)
        return [Finding("note", what, _("tallystick roster apply, with the federation's words"))]
    try:
        expires = store.load(None, now).expires
    except TallystickError as error:
        return [Finding("error", f"{folder}: {error.message}", error.hint, error.exit_code)]
    if expires > now + VALIDITY + _DAY:
        what = _("the roster is good until {day}, longer than any can be: the clock ({now}) is behind").format(
            day=expires.date(), now=now.date()
        )
        return [Finding("error", what, _("set the clock"), ConfigError.exit_code)]
    return _ending(
        _("the roster ends on {day}, in {count} days"),
        expires,
        now,
        over=_("the roster ended on {day}: no roster change is taken, releases still verify"),
        hint=_("the members sign a new root and targets: tallystick roster"),
    )


def check_leaf_dates(border: Path, state: str, now: datetime) -> list[Finding]:
    """Check the border's TLS leaf and how long it is good."""
    try:
        leaf = check_leaf(read_bounded(border / "tls.crt", MAX_CERTIFICATE), state=state)
    except TallystickError as error:
        return [from_error(error)]
    if leaf.not_valid_before_utc > now:
        what = _("the TLS certificate is good from {day} only: the clock ({now}) is behind").format(
            day=leaf.not_valid_before_utc.date(), now=now.date()
        )
        return [Finding("error", what, _("set the clock"), ConfigError.exit_code)]
    return _ending(
        _("the TLS certificate ends on {day}, in {count} days"),
        leaf.not_valid_after_utc,
        now,
        over=_("the TLS certificate ended on {day}: no peer can connect"),
        hint=_(
            "make another with init --border --home ELSEWHERE and the same passphrase, rotate its card into the roster,"
            " then move its tls.crt and secrets/tls.pem here"
        ),
    )
