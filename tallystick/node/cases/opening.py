"""The composition for desk commands: a home's sealed keys, opened, and its register."""

import json
from pathlib import Path

from tallystick.config.files import read_bounded
from tallystick.config.settings import DeskSettings, load_desk
from tallystick.keys.secrets import HUMAN, Secrets, Work, choose_secrets, open_secret, seal_secret
from tallystick.node.cases.erasing import DeskKeys, is_settled, settle
from tallystick.node.cases.rotation import finish, hold, use_sheets
from tallystick.node.cases.sqlstore import SqlCaseStore, create_register, open_register

__all__ = [
    "SECRET_PURPOSES",
    "SqlCaseStore",
    "ask_for",
    "create_register",
    "desk_keys",
    "open_desk_secret",
    "open_register",
    "open_store",
    "use_sheets",
]

SECRET_PURPOSES = {"register": "register key", "identity": "identity key", "noise": "noise secret"}
"""File stem in HOME/desk/secrets to the purpose under which the secret is sealed."""
_SEALED_LIMIT = 16 * 1024


def ask_for(settings: DeskSettings, passphrase_file: Path | None = None) -> Secrets:
    """Choose where a desk command gets its passphrase from: the flag's file, the settings', systemd, a terminal."""
    chosen = passphrase_file or settings.passphrase_file
    return choose_secrets(settings.resolve(chosen) if chosen and not passphrase_file else chosen)


def open_desk_secret(folder: Path, name: str, ask: Secrets) -> bytes:
    """Open one of a desk's secrets.

    Args:
        folder: HOME/desk.
        name: ``register``, ``identity`` or ``noise``.
        ask: Whoever knows the passphrase.

    Returns:
        32 raw bytes.

    Raises:
        StoreError: No such file.
        SignerError: Wrong passphrase, or nobody to ask for it.
    """
    blob = read_bounded(folder / "secrets" / f"{name}.secret", _SEALED_LIMIT)
    return open_secret(blob, ask, SECRET_PURPOSES[name])


def _work_of(blob: bytes) -> Work:
    try:
        return Work.model_validate(json.loads(blob)["work"])
    except (ValueError, KeyError, TypeError):
        return HUMAN


def desk_keys(folder: Path, register_key: bytes, ask: Secrets) -> DeskKeys:
    """Open the identity key that is in force; the caller ``hold``s, and nobody moves it meanwhile.

    An interrupted rotation is finished first.
    """
    finish(folder)
    blob = read_bounded(folder / "secrets" / "identity.secret", _SEALED_LIMIT)
    purpose = SECRET_PURPOSES["identity"]
    identity = open_secret(blob, ask, purpose)
    return DeskKeys(register_key, identity, lambda raw: seal_secret(raw, ask, purpose, work=_work_of(blob)))


def _open_settled(folder: Path, register_key: bytes, ask: Secrets) -> SqlCaseStore:
    """Open register and keyring; if an older one was put back, erase in it first whoever was erased since."""
    with hold(folder):
        keys = desk_keys(folder, register_key, ask)
        store = open_register(folder, register_key, keys.identity)
        try:
            if is_settled(folder, keys):
                return store
        except BaseException:
            store.close()
            raise
        store.close()
    settle(folder, keys)
    with hold(folder):
        keys = desk_keys(folder, register_key, ask)
        return open_register(folder, register_key, keys.identity)


def open_store(home: Path, ask: Secrets, *, with_identity: bool = True) -> SqlCaseStore:
    """Open the register of the home at ``home``.

    Args:
        home: The home's folder; its settings are HOME/desk/desk.toml.
        ask: Whoever knows the passphrase.
        with_identity: Open the keyring too; counting needs no names and leaves it shut.

    Raises:
        ConfigError: No home there, or settings that do not hold.
        SignerError: Wrong passphrase.
        StoreError: The register does not open.
    """
    folder = load_desk(home).folder
    register_key = open_desk_secret(folder, "register", ask)
    if with_identity:
        return _open_settled(folder, register_key, ask)
    return open_register(folder, register_key, None)
