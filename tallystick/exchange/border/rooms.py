"""What lies in ``HOME/border``, opened: shared by the running border and by a command in the foreground."""

from dataclasses import dataclass
from pathlib import Path

from tallystick.config.clock import Clock
from tallystick.config.files import make_dir
from tallystick.config.settings import BorderSettings, load_border
from tallystick.exchange.border.inbox import DeskOutlet
from tallystick.exchange.border.keeper import Keeper
from tallystick.exchange.border.outbox import DeskIntake
from tallystick.exchange.border.state import BorderState
from tallystick.exchange.spool.writer import SHARED_DIR

__all__ = ["Rooms", "open_rooms"]


@dataclass(frozen=True)
class Rooms:
    """One border's parts.

    Attributes:
        settings: From ``border.toml``.
        state: Its memory.
        keeper: Roster and archive.
        intake: Reads the desk's outbox.
        outlet: Writes the desk's inbox.
    """

    settings: BorderSettings
    state: BorderState
    keeper: Keeper
    intake: DeskIntake
    outlet: DeskOutlet


def open_rooms(home: Path, clock: Clock) -> Rooms:
    """Open them; the caller holds the border's lock.

    Raises:
        ConfigError: The settings are not what they must be.
        StoreError: The border's memory cannot be opened.
    """
    settings = load_border(home)
    inbox = make_dir(settings.resolve(settings.inbox), SHARED_DIR)
    state = BorderState(settings.folder / "state.db")
    keeper = Keeper(settings.folder, clock, state)
    intake = DeskIntake(settings.resolve(settings.outbox), keeper, settings.state, clock)
    return Rooms(settings, state, keeper, intake, DeskOutlet(inbox, keeper, settings.state))
