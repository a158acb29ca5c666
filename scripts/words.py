"""Keeps the word catalogues true: ``update`` collects messages and compiles, ``check`` fails where Russian is missing.

Uses Babel. The ``.po`` file is for people, the ``.mo`` beside it is what gettext reads; both are committed.
"""

import ast
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from tallystick.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "tallystick"
LOCALE = SOURCE / "config" / "locale"
LANGUAGES = ("ru",)
PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def messages(path: Path) -> Iterator[str | tuple[str, str]]:
    """Yield what a source file says to people; parsed as Python, so that words inside f-strings are found too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        if node.func.id == "_" and len(texts) == 1:
            yield texts[0]
        elif node.func.id == "ngettext" and len(texts) == 2:
            yield texts[0], texts[1]


def collect() -> Catalog:
    """Gather every message of the sources and of the command table."""
    catalogue = Catalog(project="tallystick", charset="utf-8", fuzzy=False)
    for path in sorted(SOURCE.rglob("*.py")):
        for message in messages(path):
            if message:
                catalogue.add(message)
    for _target, text in COMMANDS.values():
        catalogue.add(text)
    return catalogue


def folder(language: str) -> Path:
    """Return where a language's files lie."""
    return LOCALE / language / "LC_MESSAGES"


def load(language: str) -> Catalog:
    """Read a language's catalogue, empty if there is none yet."""
    path = folder(language) / "tallystick.po"
    if not path.exists():
        return Catalog(locale=language, project="tallystick", charset="utf-8")
    with path.open("rb") as stream:
        return read_po(stream, locale=language)


def compiled(catalogue: Catalog) -> bytes:
    """Return the bytes of the ``.mo`` file."""
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def update() -> int:
    """Bring the catalogues up to the sources and compile them."""
    fresh = collect()
    for language in LANGUAGES:
        catalogue = load(language)
        catalogue.update(fresh, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        for message in catalogue:
            message.locations = []
        folder(language).mkdir(parents=True, exist_ok=True)
        with (folder(language) / "tallystick.po").open("wb") as stream:
            write_po(stream, catalogue, sort_output=True, width=0, no_location=True, omit_header=False)
        (folder(language) / "tallystick.mo").write_bytes(compiled(catalogue))
        missing = [message.id for message in catalogue if message.id and not message.string]
        print(f"{language}: {len(catalogue)} messages, {len(missing)} without words")
    return 0


def problems(language: str) -> list[str]:
    """List what is wrong with a language's catalogue."""
    wanted = {message.id for message in collect() if message.id}
    catalogue = load(language)
    have = {message.id: message.string for message in catalogue if message.id}
    found = [f"{language}: not translated: {text!r}" for text in sorted(wanted, key=str) if not filled(have.get(text))]
    found += [f"{language}: no longer used: {text!r}" for text in sorted(set(have) - wanted, key=str)]
    found += [
        f"{language}: other placeholders than the English: {text!r}"
        for text in sorted(wanted & set(have), key=str)
        if filled(have[text]) and not same_placeholders(text, have[text])
    ]
    path = folder(language) / "tallystick.mo"
    if not path.exists() or path.read_bytes() != compiled(catalogue):
        found.append(f"{language}: tallystick.mo is not compiled from tallystick.po (make words)")
    return found


def filled(string: object) -> bool:
    """Tell whether a translation, or every plural form of one, is there."""
    return bool(string) and (not isinstance(string, (list, tuple)) or all(string))


def same_placeholders(english: str | tuple[str, ...], words: str | tuple[str, ...]) -> bool:
    """Tell whether a translation names the same ``{values}`` as its English."""
    source = english if isinstance(english, str) else english[-1]
    targets = [words] if isinstance(words, str) else list(words)
    wanted = set(PLACEHOLDER.findall(source))
    return all(set(PLACEHOLDER.findall(target)) == wanted for target in targets)


def check() -> int:
    """Report what is missing; 1 if anything is."""
    found = [line for language in LANGUAGES for line in problems(language)]
    print("\n".join(found) or "words: complete")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit({"update": update, "check": check}[sys.argv[1]]())
