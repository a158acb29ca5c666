"""Cells that a spreadsheet shows and does not run.

A cell that begins with ``=``, ``+``, ``-``, ``@`` (or their full-width forms), a tab or a line end is run by Excel and
its kin as a formula (CWE-1236). A CSV file with commas is cut at semicolons by an Excel whose region writes decimal
commas (Russian, Turkish), so what follows a semicolon inside a text begins a cell there.
"""

import re

__all__ = ["harmless", "is_formula"]

_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_FIRST = re.compile(rf"[{_SIGNS}\t\r\n]")
_AFTER_SEMICOLON = re.compile(rf"(;[\s\"']*)(?=[{_SIGNS}])")


def is_formula(text: str) -> bool:
    """Tell whether a spreadsheet would run ``text``."""
    return _FIRST.match(text) is not None


def harmless(text: str) -> str:
    """Return ``text`` with an apostrophe before whatever a spreadsheet would run when it opens a CSV file."""
    inner = _AFTER_SEMICOLON.sub(r"\1'", text)
    return f"'{inner}" if is_formula(inner) else inner
