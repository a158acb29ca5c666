"""Look through a home for what will bite. Reads only; asks for no passphrase."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tallystick.config.clock import Clock
from tallystick.config.errors import ConfigError, TallystickError
from tallystick.config.i18n import _
from tallystick.config.settings import BorderSettings, DeskSettings, load_border, load_desk
from tallystick.node.home.backup_dates import check_backups
from tallystick.node.home.dates import check_clock, check_leaf_dates, check_roster, installed_at
from tallystick.node.home.findings import Finding, from_error
from tallystick.node.home.officers import list_officers
from tallystick.node.home.permissions import check_modes, check_one_user, check_people, check_sheets

__all__ = ["TOPICS", "examine"]

TOPICS = (
    "settings",
    "permissions",
    "people's keys",
    "recovery sheets",
    "clock",
    "roster",
    "TLS certificate",
    "officers",
    "keyring backup",
)
_OFFICERS = 3


@dataclass(frozen=True)
class _Home:
    home: Path
    desk: DeskSettings | None
    border: BorderSettings | None
    problems: tuple[Finding, ...]

    @property
    def parts(self) -> list[Path]:
        return [self.home / name for name in ("desk", "border") if _is_mine(self.home / name)]


def _is_mine(part: Path) -> bool:
    """Say whether a part is there and this user may look at it; the other user's is for the other user's doctor."""
    return part.is_dir() and os.access(part, os.R_OK | os.X_OK)


def _load(home: Path) -> _Home:
    """Read both settings; what does not hold is a finding, not the end."""
    desk, border, problems = None, None, []
    try:
        desk = load_desk(home) if _is_mine(home / "desk") else None
    except TallystickError as error:
        problems.append(from_error(error))
    try:
        border = load_border(home) if _is_mine(home / "border") else None
    except TallystickError as error:
        problems.append(from_error(error))
    found = _Home(home, desk, border, tuple(problems))
    if not found.parts:
        raise ConfigError(
            _("{home}: there is no home here").format(home=home.absolute()),
            hint=_("make one with tallystick init, or name one with --home"),
        )
    return found


def _settings(found: _Home) -> Iterator[Finding]:
    yield from found.problems
    desk, border = found.desk, found.border
    if desk and border and desk.state != border.state:
        what = _("the desk is of {desk}, the border of {border}").format(desk=desk.state, border=border.state)
        yield Finding("error", what, _("one home holds one state"))
    for settings in filter(None, (desk, border)):
        for name in ("outbox", "inbox"):
            folder = settings.resolve(getattr(settings, name))
            if not os.access(folder, os.R_OK | os.X_OK):
                what = _("{name}: {folder} is not there").format(name=name, folder=folder)
                yield Finding("warning", what, _("mount it, make it, or correct the settings"))
    if any(settings.demo for settings in (desk, border) if settings):
        yield Finding("note", _("this home is stamped DEMO"), _("no real case belongs in it"))


def _permissions(found: _Home) -> Iterator[Finding]:
    files = [
        settings.resolve(settings.passphrase_file)
        for settings in (found.desk, found.border)
        if settings and settings.passphrase_file
    ]
    yield from check_modes(found.parts, dict.fromkeys(files))
    if len(found.parts) > 1:
        yield from check_one_user(found.home / "desk", found.home / "border")


def _officers(found: _Home) -> Iterator[Finding]:
    if found.desk is None:
        return
    try:
        enrolled = list_officers(found.desk.folder)
    except TallystickError as error:
        yield from_error(error)
        return
    if len(enrolled) < _OFFICERS:
        what = _("{count} of {wanted} officers are enrolled").format(count=len(enrolled), wanted=_OFFICERS)
        yield Finding("warning", what, _("two must sign, a third lets one be away: tallystick officer enrol CARD"))


def examine(
    home: Path, clock: Clock, *, look_in: Sequence[Path] = (), installed: datetime | None = None
) -> dict[str, list[Finding]]:
    """Look through a home.

    Args:
        home: Its folder.
        clock: The machine's.
        look_in: Further folders to look for people's keys in.
        installed: When tallystick came onto this machine; its own file's date where not given.

    Returns:
        Findings by topic (``TOPICS``), every topic that was looked at being there.

    Raises:
        ConfigError: There is no home at all.
    """
    found, now = _load(home), clock.now()
    topics: dict[str, Callable[[], Iterator[Finding] | list[Finding]]] = {
        "settings": lambda: _settings(found),
        "permissions": lambda: _permissions(found),
        "people's keys": lambda: check_people(home, look_in),
        "recovery sheets": lambda: check_sheets(home),
        "clock": lambda: check_clock(found.parts, now, installed or installed_at()),
        "roster": lambda: [finding for part in found.parts for finding in check_roster(part / "roster", now)],
    }
    border = found.border
    if border is not None:
        topics["TLS certificate"] = lambda: check_leaf_dates(border.folder, border.state, now)
    if found.desk is not None:
        topics["officers"] = lambda: _officers(found)
        topics["keyring backup"] = lambda: check_backups(home, now)
    return {topic: list(dict.fromkeys(look())) for topic, look in topics.items()}
