"""What every step of the desk works with, put together once by ``desk.Desk``."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tallystick.config.catalogue import Catalogue
from tallystick.config.clock import Clock
from tallystick.config.errors import ConfigError, StoreError
from tallystick.config.i18n import _
from tallystick.config.periods import Period
from tallystick.config.settings import DeskSettings
from tallystick.exchange.formats.checkpoint import origin
from tallystick.exchange.log.tilelog import TileLog
from tallystick.keys.roster_types import Roster
from tallystick.node.cases.store import CaseStore
from tallystick.node.desk.database import Database
from tallystick.node.desk.evidence import Evidence
from tallystick.node.desk.publication import PublicationTable

__all__ = ["Bench"]


@dataclass(frozen=True)
class Bench:
    """The desk's tools.

    Attributes:
        settings: HOME/desk/desk.toml.
        database: The open ``desk.db``.
        clock: Tells the time.
        random: Gives so many random bytes.
        roster: Loads the desk's own verified roster.
        noise_secret: Gives the noise secret of a period; asks for the passphrase when it is first needed.
        open_register: Opens the register without its names; only freezing a year does.
    """

    settings: DeskSettings
    database: Database = field(repr=False)
    clock: Clock
    random: Callable[[int], bytes] = field(repr=False)
    roster: Callable[[], Roster] = field(repr=False)
    noise_secret: Callable[[Period], bytes] = field(repr=False)
    open_register: Callable[[], CaseStore] = field(repr=False)

    @cached_property
    def publications(self) -> PublicationTable:
        """The publication table."""
        return PublicationTable(self.database)

    @cached_property
    def evidence(self) -> Evidence:
        """The sealed evidence."""
        return Evidence(self.database)

    @property
    def state(self) -> str:
        """Alpha-3, upper case."""
        return self.settings.state

    @property
    def cc(self) -> str:
        """Alpha-3, lower case, as paths have it."""
        return self.settings.state.lower()

    @property
    def log_folder(self) -> Path:
        """HOME/desk/log."""
        return self.settings.folder / "log"

    def draft_folder(self, period: Period, table_id: str | None = None) -> Path:
        """HOME/desk/drafts/PERIOD, or the one of a table below it."""
        folder = self.settings.folder / "drafts" / period.text
        return folder if table_id is None else folder / table_id

    def catalogue(self, roster: Roster) -> Catalogue:
        """Return the catalogue that the federation agreed.

        Raises:
            ConfigError: Its file is not here.
        """
        if roster.catalogue is None:
            raise ConfigError(
                _("the federation's table catalogue is not on this machine"),
                hint=_("apply the roster again with its targets folder: tallystick roster apply DIR"),
            )
        return roster.catalogue

    def log(self, roster: Roster, *, begin: bool = False) -> TileLog | None:
        """Return the state's own log; None where nothing was ever published.

        Args:
            roster: The federation that the log belongs to.
            begin: Begin the log where the publication table knows of no entry either.

        Raises:
            StoreError: The log is lost, or is another federation's.
        """
        wanted = origin(roster.federation_id, self.state)
        if not (self.log_folder / f"{self.cc}.head.json").exists() and self.publications.logged_size() == 0:
            if not begin:
                return None
            self.log_folder.mkdir(mode=0o700, exist_ok=True)
            return TileLog.create(self.log_folder, wanted)
        found = TileLog(self.log_folder, self.cc)
        if found.origin != wanted:
            raise StoreError(
                _("{folder} holds the log {found}, not {wanted}").format(
                    folder=self.log_folder, found=found.origin, wanted=wanted
                ),
                hint=_("a home belongs to one federation for life; make another home for another federation"),
            )
        return found

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one command at a time change what the desk holds; others wait for it."""
        path = self.settings.folder / ".desk.lock"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
