"""Words in the reader's language: gettext catalogues in ``config/locale``, English wording as the key.

``_`` is called when a message is made, never at import, so that ``--lang`` and ``LANG`` both work.
"""

import gettext
import os
from functools import cache
from pathlib import Path

__all__ = ["LANGUAGES", "_", "current_language", "ngettext", "set_language"]

LANGUAGES = ("en", "ru")
_LOCALE = Path(__file__).with_name("locale")
_chosen: list[str] = []


def _from_environment() -> str:
    for name in ("TALLYSTICK_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return value[:2].lower() if value[:2].lower() in LANGUAGES else "en"
    return "en"


def current_language() -> str:
    """Return the two-letter code in force: what was set, else what the environment asks for, else ``en``."""
    return _chosen[0] if _chosen else _from_environment()


def set_language(language: str | None) -> None:
    """Choose one of ``LANGUAGES`` for this process; None goes back to the environment's."""
    _chosen.clear()
    if language is not None:
        _chosen.append(language if language in LANGUAGES else "en")


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation("tallystick", localedir=_LOCALE, languages=[language], fallback=True)


def _(message: str) -> str:
    """Translate a message."""
    return _catalogue(current_language()).gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """Translate a message that depends on a number."""
    return _catalogue(current_language()).ngettext(singular, plural, number)
