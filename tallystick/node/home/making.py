"""The two machines of a state: what each is given, and nothing that belongs to the other (DESIGN, section 3).

Desk: register key, identity key, noise secret, log keys, the register and its keyring.
Border: a TLS key with its leaf, a witness key. Nothing that could sign a release or a checkpoint of its own log.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError

from tallystick.config.clock import Clock
from tallystick.config.errors import SignerError, UsageError
from tallystick.config.files import PRIVATE_DIR, PRIVATE_FILE, SHARED_FILE, make_dir, write_new
from tallystick.config.i18n import _
from tallystick.config.settings import BorderSettings, DeskSettings, dump_settings
from tallystick.keys.card import CardKeyRole, make_card
from tallystick.keys.certificate import make_leaf
from tallystick.keys.secrets import HUMAN, Secrets, Work, seal_secret
from tallystick.keys.shares import fingerprint
from tallystick.keys.signer import Signer, generate_key

__all__ = ["BORDER_CARD", "DESK_CARD", "FINGERPRINTS", "LEAF_DAYS", "HomePlan", "make_border", "make_desk"]

DESK_CARD, BORDER_CARD = "node-desk.card.json", "node-border.card.json"
FINGERPRINTS = "fingerprints.json"
"""In HOME/desk: by which a recovered secret is recognised; public, says nothing about it."""
LEAF_DAYS = 2 * 365
SettingsT = TypeVar("SettingsT", DeskSettings, BorderSettings)
_PART_DIR, _SPOOL_DIR = 0o710, 0o750
"""A part can be walked through by its group, not listed, so that the other user reaches the spool in it."""


@dataclass(frozen=True)
class HomePlan:
    """What is asked for.

    Attributes:
        state: Alpha-3, upper case.
        name: The institution's name.
        demo: Stamp DEMO into settings and cards.
        outbox: The desk's spool where it is not HOME/desk/outbox.
        inbox: The border's spool where it is not HOME/border/inbox.
        passphrase_file: Written into the settings, for machines that start unattended.
        listen: HOST:PORT of the peer port.
        endpoints: URLs under which peers reach it; ``grpcs://LISTEN`` where none is given.
    """

    state: str
    name: str
    demo: bool = False
    outbox: Path | None = None
    inbox: Path | None = None
    passphrase_file: Path | None = None
    listen: str | None = None
    endpoints: tuple[str, ...] = ()

    def given(self) -> dict[str, object]:
        """Return the settings that both machines share, unset ones left out."""
        found: dict[str, object] = {"state": self.state, "name": self.name, "demo": self.demo}
        paths = {"outbox": self.outbox, "inbox": self.inbox, "passphrase_file": self.passphrase_file}
        return found | {key: path for key, path in paths.items() if path is not None}


def _folders(part: Path, spool: str | None) -> Path:
    make_dir(part, _PART_DIR).chmod(_PART_DIR)
    make_dir(part / "secrets", PRIVATE_DIR)
    if spool is not None:
        make_dir(part / spool, _SPOOL_DIR)
    return part / "secrets"


def make_desk(
    part: Path,
    plan: HomePlan,
    ask: Secrets,
    *,
    work: Work = HUMAN,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> dict[str, bytes]:
    """Make the desk's part of a home in the folder ``part``.

    Returns:
        What the recovery sheets are made from, by name (``register``, ``identity``, ``noise``); kept nowhere else.

    Raises:
        SignerError: No usable passphrase, or the parts of the ``home`` extra are not installed.
    """
    try:
        from tallystick.node.cases.opening import (  # noqa: PLC0415 - needs the extra
            SECRET_PURPOSES,
            create_register,
            use_sheets,
        )
    except ImportError as error:
        raise SignerError(
            _("a desk needs a part that is not installed: {name}").format(name=error.name),
            hint=_("install it with: pip install 'tallystick[home]'"),
        ) from None
    secrets = _folders(part, None if plan.outbox else "outbox")
    make_dir(part / "officers", PRIVATE_DIR)
    raw = {name: random_bytes(32) for name in SECRET_PURPOSES}
    # What the sheets hold of the identity key outlives every rotation, so it is another value (cases.escrow).
    used = {**raw, "identity": random_bytes(32)}
    for name, purpose in SECRET_PURPOSES.items():
        write_new(secrets / f"{name}.secret", seal_secret(used[name], ask, purpose, work=work), PRIVATE_FILE)
    prints = {name: fingerprint(SECRET_PURPOSES[name], secret) for name, secret in raw.items()}
    write_new(part / FINGERPRINTS, json.dumps(prints, indent=1).encode() + b"\n", SHARED_FILE)
    classical = generate_key(secrets / "log-ed25519.pem", "ed25519", ask, _("log key"), work=work)
    quantum = generate_key(secrets / "log-mldsa44.pem", "mldsa44", ask, _("log key"), work=work)
    card = make_card("node", plan.state, plan.name, [("log", classical), ("log", quantum)], demo=plan.demo)
    write_new(part / DESK_CARD, card, SHARED_FILE)
    create_register(part, used["register"], used["identity"])
    use_sheets(part, used["identity"], raw["identity"])
    write_new(part / "desk.toml", dump_settings(_settings(DeskSettings, plan.given())), SHARED_FILE)
    return raw


def _settings(model: type[SettingsT], given: dict[str, object]) -> SettingsT:
    """Build settings from what was typed.

    Raises:
        UsageError: Something is out of bounds; the setting is named.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UsageError(_("{key}: {what}").format(key=key, what=first["msg"])) from None


def _check_listen(listen: str) -> None:
    port = listen.rpartition(":")[2]
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65_535):
        raise UsageError(_("'{listen}' is not HOST:PORT").format(listen=listen), hint=_("such as 192.0.2.1:8443"))


def _reachable(plan: HomePlan, listen: str) -> tuple[str, ...]:
    """Return the URLs for peers; an address that means "every interface" is none of them."""
    if plan.endpoints:
        return plan.endpoints
    if listen.startswith(("0.0.0.0:", "[::]:")):
        raise UsageError(
            _("peers cannot reach {listen}").format(listen=listen),
            hint=_("say under which URL they can: --endpoint grpcs://HOST:PORT"),
        )
    return (f"grpcs://{listen}",)


def make_border(part: Path, plan: HomePlan, ask: Secrets, clock: Clock, *, listen: str, work: Work = HUMAN) -> None:
    """Make the border's part of a home in the folder ``part``.

    Args:
        part: The folder.
        plan: What is asked for.
        ask: Who is asked for the new passphrase.
        clock: Dates the TLS leaf, which is valid for ``LEAF_DAYS``.
        listen: HOST:PORT, chosen once and kept in the settings.
        work: What one guess at the passphrase shall cost.

    Raises:
        UsageError: Not an address, or one that peers cannot reach.
        SignerError: No usable passphrase.
    """
    _check_listen(listen)
    endpoints = _reachable(plan, listen)
    settings = _settings(BorderSettings, {**plan.given(), "listen": listen})
    secrets = _folders(part, None if plan.inbox else "inbox")
    make_dir(part / "archive", _SPOOL_DIR)
    tls = generate_key(secrets / "tls.pem", "ecdsa-p256", ask, _("border key"), work=work)
    witness = generate_key(secrets / "witness-ed25519.pem", "ed25519", ask, _("border key"), work=work)
    hosts = [host for url in endpoints if (host := urlsplit(url).hostname)]
    leaf = make_leaf(plan.state, hosts, tls.p256, clock, LEAF_DAYS)
    write_new(part / "tls.crt", leaf, SHARED_FILE)
    keys: list[tuple[CardKeyRole, Signer]] = [("tls", tls), ("witness", witness)]
    card = make_card("node", plan.state, plan.name, keys, demo=plan.demo, endpoints=endpoints, certificate=leaf)
    write_new(part / BORDER_CARD, card, SHARED_FILE)
    write_new(part / "border.toml", dump_settings(settings), SHARED_FILE)
