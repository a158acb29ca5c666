"""A home's settings: one TOML file a machine, typed and bounded.

An error names file, key, what was expected, and a hint.
"""

from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from tallystick.config.errors import ConfigError
from tallystick.config.files import read_bounded
from tallystick.config.i18n import _
from tallystick.config.tomltext import parse_toml

__all__ = [
    "BORDER_FILE",
    "DESK_FILE",
    "BorderSettings",
    "DeskSettings",
    "PeerSettings",
    "TableMetadata",
    "dump_settings",
    "load_border",
    "load_desk",
    "load_peers",
]

DESK_FILE = Path("desk") / "desk.toml"
BORDER_FILE = Path("border") / "border.toml"
PEERS_FILE = Path("border") / "peers.toml"
SETTINGS_LIMIT = 64 * 1024

StateCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 3166-1 alpha-3, upper case")]
Words = Annotated[str, Field(min_length=1, max_length=200)]
Prose = Annotated[str, Field(max_length=2000)]
Listen = Annotated[
    str,
    Field(pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$", description="HOST:PORT", max_length=260),
]
Model = TypeVar("Model", bound="_Settings")


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    _folder: Path = PrivateAttr(default=Path())

    @property
    def folder(self) -> Path:
        """The folder that holds the settings file; relative paths start there."""
        return self._folder

    def resolve(self, path: Path) -> Path:
        """Return ``path`` as it stands, or below the settings' own folder if it is relative."""
        return path if path.is_absolute() else self._folder / path


class TableMetadata(_Settings):
    """What a statistician must know beside every table of this state."""

    sources: Prose = "national register of identified victims"
    legal_definition: Prose | None = None
    reference_date_basis: Prose | None = None
    contact: Prose | None = None
    handling: Annotated[str, Field(pattern=r"^TLP:(CLEAR|GREEN|AMBER)$")] = "TLP:GREEN"


class DeskSettings(_Settings):
    """HOME/desk/desk.toml: the machine that holds the register. ``secrets`` and databases lie beside it."""

    state: StateCode
    name: Words
    demo: bool = False
    outbox: Path = Path("outbox")
    inbox: Path = Path("../border/inbox")
    passphrase_file: Path | None = None
    metadata: TableMetadata = TableMetadata()


class BorderSettings(_Settings):
    """HOME/border/border.toml: the machine that peers reach. It names no case store, because it may know of none."""

    state: StateCode
    name: Words
    demo: bool = False
    listen: Listen
    outbox: Path = Path("../desk/outbox")
    inbox: Path = Path("inbox")
    passphrase_file: Path | None = None
    pull_seconds: Annotated[int, Field(ge=1, le=86_400)] = 300


class PeerSettings(_Settings):
    """HOME/border/peers.toml: where other states' nodes are, by alpha-3 code."""

    peers: dict[StateCode, Annotated[str, Field(pattern=r"^(grpcs|https|file):", max_length=2000)]] = {}


def _load(model: type[Model], path: Path) -> Model:
    if not path.is_file():
        raise ConfigError(
            _("{path}: there are no settings here").format(path=path),
            hint=_("make a home first: tallystick init, or name one with --home"),
        )
    document = parse_toml(read_bounded(path, SETTINGS_LIMIT), path)
    try:
        settings = model.model_validate(document)
    except ValidationError as error:
        raise _explain(model, path, error) from None
    settings._folder = path.parent.absolute()  # noqa: SLF001 - set once, by the loader
    return settings


def _explain(model: type[_Settings], path: Path, error: ValidationError) -> ConfigError:
    first = error.errors(include_url=False, include_input=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        hint = _("known keys: {keys}").format(keys=", ".join(model.model_fields))
        return ConfigError(_("{path}: {key}: no such setting").format(path=path, key=key), hint=hint)
    if first["type"] == "missing":
        return ConfigError(
            _("{path}: {key}: missing").format(path=path, key=key), hint=_("add a line: {key} = ...").format(key=key)
        )
    field = model.model_fields.get(str(first["loc"][0]))
    wanted = (field.description if field else None) or first["msg"]
    return ConfigError(
        _("{path}: {key}: {what}").format(path=path, key=key, what=first["msg"]),
        hint=_("expected: {wanted}").format(wanted=wanted),
    )


def load_desk(home: Path) -> DeskSettings:
    """Read HOME/desk/desk.toml.

    Raises:
        ConfigError: Absent, not TOML, or a key missing, unknown or out of bounds.
    """
    return _load(DeskSettings, home / DESK_FILE)


def load_border(home: Path) -> BorderSettings:
    """Read HOME/border/border.toml; raises as ``load_desk``."""
    return _load(BorderSettings, home / BORDER_FILE)


def load_peers(home: Path) -> PeerSettings:
    """Read HOME/border/peers.toml; no file means no peers yet."""
    if not (home / PEERS_FILE).exists():
        return PeerSettings()
    return _load(PeerSettings, home / PEERS_FILE)


def _toml_value(value: Any) -> str:  # noqa: ANN401 - any scalar that TOML knows
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    escaped = "".join(
        "\\" + char if char in '\\"' else char if char.isprintable() else f"\\U{ord(char):08x}" for char in text
    )
    return f'"{escaped}"'


def dump_settings(settings: _Settings) -> bytes:
    """Write settings as TOML that ``load_*`` reads back; unset keys are left out."""
    document = settings.model_dump(mode="json", exclude_none=True)
    plain = {key: value for key, value in document.items() if not isinstance(value, dict)}
    lines = [f"{key} = {_toml_value(value)}" for key, value in plain.items()]
    for section, values in document.items():
        if isinstance(values, dict):
            lines += ["", f"[{section}]", *(f"{key} = {_toml_value(value)}" for key, value in values.items())]
    return ("\n".join(lines) + "\n").encode()
