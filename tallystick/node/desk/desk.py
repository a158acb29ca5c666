"""The desk: the one place where real keys, files and clock are put together for releasing.

    with Desk.open(home, ask, SystemClock()) as desk:
        desk.draft(parse_period("2018"))
        ...                                  # two officers sign the folders on their own computers
        desk.publish()

``show`` and ``sign`` are not here: they need a draft folder and a key, no desk (``folder``, ``showing``, ``signing``).
"""

import os
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from tallystick.config.clock import Clock
from tallystick.config.errors import ConfigError, KeyNotTrustedError, StoreError, UsageError
from tallystick.config.i18n import _
from tallystick.config.periods import Period
from tallystick.config.settings import DeskSettings, load_desk
from tallystick.exchange.formats.checkpoint import Checkpoint, sign_checkpoint
from tallystick.keys.roster_store import RosterStore
from tallystick.keys.roster_types import Roster
from tallystick.keys.secrets import Secrets
from tallystick.keys.signer import Signer, load_signer
from tallystick.node.cases.opening import open_desk_secret, open_register
from tallystick.node.desk.bench import Bench
from tallystick.node.desk.database import DESK_DB, create_database, open_database
from tallystick.node.desk.drafting import draft_period
from tallystick.node.desk.listing import Listed, list_releases
from tallystick.node.desk.mailbox import SyncReport, read_inbox, tell_roster
from tallystick.node.desk.protecting import Progress
from tallystick.node.desk.publication import Publication
from tallystick.node.desk.publishing import Published, publish, refuse
from tallystick.node.desk.recomputing import Recomputed, recompute
from tallystick.node.desk.restored import require_confirmed
from tallystick.node.known.room import Known
from tallystick.node.tables.noise import period_secret

__all__ = ["Desk"]

_LOG_KEYS = ("log-ed25519", "log-mldsa44")
_REASON_LIMIT = 2000


class Desk:
    """A state's desk, open.

    Args:
        bench: Its tools.
        store: Its own verified roster.
        ask: Whoever knows the passphrase.
    """

    def __init__(self, bench: Bench, store: RosterStore, ask: Secrets) -> None:
        self._bench = bench
        self._store = store
        self._ask = ask

    @classmethod
    def open(cls, home: Path, ask: Secrets, clock: Clock, *, random: Callable[[int], bytes] = os.urandom) -> Self:
        """Open the desk of a home.

        Args:
            home: The home's folder.
            ask: Whoever knows the passphrase.
            clock: Tells the time.
            random: Gives so many random bytes.

        Raises:
            ConfigError: No home there.
            SignerError: Wrong passphrase.
            StoreError: ``desk.db`` does not open, or is missing although there is a log.
        """
        settings = load_desk(home)
        register_key = open_desk_secret(settings.folder, "register", ask)
        if not (settings.folder / DESK_DB).exists():
            _require_no_log(settings)
            create_database(settings.folder, register_key)
        store = RosterStore(settings.folder / "roster")
        master = cache(lambda: open_desk_secret(settings.folder, "noise", ask))
        bench = Bench(
            settings=settings,
            database=open_database(settings.folder, register_key),
            clock=clock,
            random=random,
            roster=lambda: _load_roster(store, settings, clock),
            noise_secret=lambda period: period_secret(master(), period),
            open_register=lambda: open_register(settings.folder, register_key, None),
        )
        return cls(bench, store, ask)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of ``desk.db``."""
        self._bench.database.close()

    @property
    def settings(self) -> DeskSettings:
        """HOME/desk/desk.toml."""
        return self._bench.settings

    @property
    def known(self) -> Known:
        """Figures that others published; see ``known.room``."""
        return Known(self._bench)

    def draft(
        self,
        period: Period,
        without: Iterable[str] = (),
        *,
        no_cases: bool = False,
        rehearse: bool = False,
        progress: Progress | None = None,
    ) -> tuple[Publication, ...]:
        """Freeze and draft a period; see ``drafting.draft_period``."""
        return draft_period(
            self._bench, period, without=without, no_cases=no_cases, rehearse=rehearse, progress=progress
        )

    def draft_folder(self, period: Period) -> Path:
        """Return the folder that holds a period's drafts."""
        return self._bench.draft_folder(period)

    def list(self) -> tuple[Listed, ...]:
        """Return every release with where it stands and who signed; see ``listing``."""
        return list_releases(self._bench)

    def publish(self, period: Period | None = None, table_id: str | None = None) -> Published:
        """Publish what two officers signed, and tell the border; see ``publishing.publish``."""
        require_confirmed(self.settings.folder)
        done = publish(self._bench, self._signer(), period, table_id)
        self.tell()
        return done

    def refuse(self, period: Period, table_id: str, reason: str) -> Publication:
        """Refuse a draft for good; see ``publishing.refuse``."""
        if not 0 < len(reason.strip()) <= _REASON_LIMIT:
            raise UsageError(_("a reason of 1 to {limit} characters is needed").format(limit=_REASON_LIMIT))
        return refuse(self._bench, self._signer(), period, table_id, reason.strip())

    def recompute(self, period: Period, table_id: str, progress: Progress | None = None) -> Recomputed:
        """Make a release again from its sealed evidence and compare; see ``recomputing.recompute``."""
        return recompute(self._bench, period, table_id, progress)

    def sync(self) -> SyncReport:
        """Take in what the border left in the inbox, and tell it of the roster where that changed."""
        with self._bench.locked():
            report = read_inbox(self._bench, self._store)
        self.tell()
        return report

    def tell(self) -> bool:
        """Put the roster into the outbox if the border was not told of it yet; say whether it was put there."""
        with self._bench.locked():
            return tell_roster(self._bench, self._store)

    def _signer(self) -> Callable[[Checkpoint], bytes]:
        """Return what signs heads; the log's keys are opened when the first head is there to be signed."""
        keys = cache(self._log_keys)

        def sign(head: Checkpoint) -> bytes:
            require_confirmed(self.settings.folder)
            ed25519, mldsa44 = keys()
            return sign_checkpoint(head, ed25519, mldsa44, timestamp=int(self._bench.clock.now().timestamp()))

        return sign

    def _log_keys(self) -> tuple[Signer, Signer]:
        """Open the log's two keys; they must be those that the roster names.

        Raises:
            KeyNotTrustedError: The roster names others.
        """
        roster = self._bench.roster()
        listed = {key.keyid for key in roster.state(self.settings.state).log_keys}
        folder = self.settings.folder / "secrets"
        ed25519, mldsa44 = (load_signer(folder / f"{name}.pem", self._ask, role=_("log key")) for name in _LOG_KEYS)
        if not {ed25519.keyid, mldsa44.keyid} <= listed:
            raise KeyNotTrustedError(
                _("the log keys of this home are not in the roster"),
                hint=_("carry node-desk.card.json to the next rotation: tallystick roster rotate"),
            )
        return ed25519, mldsa44


def _require_no_log(settings: DeskSettings) -> None:
    head = settings.folder / "log" / f"{settings.state.lower()}.head.json"
    if head.exists():
        raise StoreError(
            _("{path} is missing, but this desk has a log").format(path=settings.folder / DESK_DB),
            hint=_("put desk.db back from its newest backup; a new one would not know what was released"),
        )


def _load_roster(store: RosterStore, settings: DeskSettings, clock: Clock) -> Roster:
    if not store.adopted:
        raise ConfigError(
            _("{folder}: this desk belongs to no federation yet").format(folder=store.folder),
            hint=_("apply a roster first: tallystick roster apply DIR"),
        )
    roster = store.load(None, clock.now())
    roster.state(settings.state)
    return roster
