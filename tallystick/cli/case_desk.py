"""What the commands on single cases share: the open register, who sits at it, which case is meant."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tallystick.config.errors import MalformedError, UsageError
from tallystick.config.i18n import _

if TYPE_CHECKING:
    from tallystick.config.settings import DeskSettings
    from tallystick.node.cases.opening import SqlCaseStore
    from tallystick.node.cases.store import StoredCase

__all__ = ["HomeFlag", "PassphraseFlag", "Sitting", "officer", "one_case", "read_texts", "sit_down"]

HomeFlag = typer.Option(Path(), "--home", envvar="TALLYSTICK_HOME", metavar="DIR", help="The state's home.")
PassphraseFlag = typer.Option(
    None, "--passphrase-file", metavar="FILE", help="File whose first line is the passphrase (mode 0600)."
)
_FILE_LIMIT = 1 << 20


@dataclass(frozen=True)
class Sitting:
    """One command of one officer over the open register."""

    store: "SqlCaseStore"
    settings: "DeskSettings"
    at: datetime
    who: str

    @property
    def rules(self) -> dict[str, Any]:
        """What the parser needs to know of the register."""
        return {"state": self.settings.state, "last_year": self.at.year}


def officer() -> str:
    """Return the name of the operating system's user; behind sudo also who became that user."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    before = os.environ.get("SUDO_USER", "")
    return f"{before} ({name})" if before and before != name else name


@contextmanager
def sit_down(home: Path, passphrase_file: Path | None, *, with_identity: bool = True) -> Iterator[Sitting]:
    """Open the register for one command.

    Args:
        home: The home's folder.
        passphrase_file: As the flag.
        with_identity: Open the keyring too.
    """
    from tallystick.config.clock import SystemClock
    from tallystick.config.settings import load_desk
    from tallystick.node.cases.opening import ask_for, open_store

    settings = load_desk(home)
    with open_store(home, ask_for(settings, passphrase_file), with_identity=with_identity) as store:
        yield Sitting(store, settings, SystemClock().now(), officer())


def one_case(store: "SqlCaseStore", number: str, agency: str | None) -> "StoredCase":
    """Return the current version of the case that is meant.

    Raises:
        UsageError: There is none, or several agencies have that number and none was named.
    """
    from tallystick.node.cases.store import CaseQuery

    agencies = [agency] if agency else [line.agency for line in store.find(CaseQuery(number=number))]
    if len(agencies) > 1:
        raise UsageError(
            _("several agencies have a case of that number"),
            hint=_("--agency says which: {names}").format(names=", ".join(agencies)),
        )
    found = store.get(agencies[0], number) if agencies else None
    if found is None:
        raise UsageError(_("the register holds no such case"), hint=_("tallystick case find lists cases"))
    return found


def read_texts(path: Path) -> dict[str, str]:
    """Read one case from a JSON object of field id (or label) to value; a list holds several values.

    Raises:
        StoreError: The file cannot be read.
        MalformedError: Not such an object.
        UsageError: A field that there is not.
    """
    import json

    from tallystick.config.files import read_bounded
    from tallystick.node.intake.entry import field_named

    try:
        loaded = json.loads(read_bounded(path, _FILE_LIMIT).decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise MalformedError(_("{path} is not JSON").format(path=path)) from None
    if not isinstance(loaded, dict):
        raise MalformedError(
            _("{path}: one JSON object is expected, field to value").format(path=path),
            hint='{"ext_CaseId": "P-1", "prs_Gender": "Feminine"}',
        )
    texts = {field_named(name).id: _text(path, name, value) for name, value in loaded.items()}
    if len(texts) < len(loaded):
        raise UsageError(_("{path}: a field stands twice").format(path=path))
    return texts


def _text(path: Path, name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int):
        return str(value).strip()
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ";".join(value)
    raise MalformedError(
        _("{path}: {field} is neither text, number, yes or no, nor a list of texts").format(path=path, field=name[:40])
    )
