"""What lies in a tree, sorted by what it claims to be; nothing is opened yet."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tallystick.config.errors import MalformedError, StoreError
from tallystick.config.i18n import _
from tallystick.exchange.formats.tree import parse_tree_path

__all__ = ["StateFiles", "Survey", "survey"]

_FILES_LIMIT = 5_000_000
_DEPTH_LIMIT = 16
"""Folders inside folders; a log of 10**12 entries needs seven."""
_RELEASE = re.compile(r"([a-z]{3})/releases/([0-9a-f]{64})\.(dsse\.json|tlog-proof)")
_POLICY = re.compile(r"policies/([a-z]{3})\.policy")
# A node's own files beside the tree: derived from it (the index), or not for others to read (locks, the log's head).
_OWN = re.compile(r"index\.sqlite|\..*|[a-z]{3}\.(?:head\.json|lock)|.*/\.[^/]*")


@dataclass
class StateFiles:
    """One state's files, by what they are.

    Attributes:
        checkpoint: True where a signed head lies there.
        tiles: Paths below the state's folder of hash tiles and entry bundles.
        data: Hex digests that data files bear as their names.
        envelopes: Payload ids of ``releases/*.dsse.json``.
        receipts: Payload ids of ``releases/*.tlog-proof``.
    """

    checkpoint: bool = False
    tiles: list[str] = field(default_factory=list)
    data: set[str] = field(default_factory=set)
    envelopes: set[str] = field(default_factory=set)
    receipts: set[str] = field(default_factory=set)


@dataclass
class Survey:
    """All files of a tree.

    Attributes:
        states: By state code, lower case.
        policies: State codes of ``policies/<cc>.policy``.
        roster: True where there is a roster folder.
        own: A node's own files, which belong to no pack.
        strange: Paths that no tree has.
    """

    states: dict[str, StateFiles] = field(default_factory=dict)
    policies: set[str] = field(default_factory=set)
    roster: bool = False
    own: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)


def survey(folder: Path) -> Survey:
    """Sort every file below ``folder``.

    Raises:
        StoreError: The folder cannot be read.
        MalformedError: A link or a special file lies in it, or far too many files.
    """
    found = Survey()
    for count, path in enumerate(_walk(folder, "")):
        if count >= _FILES_LIMIT:
            raise MalformedError(_("{folder}: more than {limit} files").format(folder=folder, limit=_FILES_LIMIT))
        _sort_in(found, path)
    found.states = dict(sorted(found.states.items()))
    return found


def _walk(folder: Path, below: str) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder / below), key=lambda entry: entry.name)
    except OSError as error:
        raise StoreError(_("cannot read {path}: {reason}").format(path=folder / below, reason=error.strerror)) from None
    for entry in entries:
        path = below + entry.name
        if entry.is_dir(follow_symlinks=False):
            if path.count("/") >= _DEPTH_LIMIT:
                raise MalformedError(_("{path}: folders too deep for any pack").format(path=folder / path))
            yield from _walk(folder, f"{path}/")
        elif entry.is_file(follow_symlinks=False):
            yield path
        else:
            raise MalformedError(
                _("{path} is a link or a special file, which no pack holds").format(path=folder / path),
                hint=_("copy the pack with its files, not with links to them"),
            )


def _sort_in(found: Survey, path: str) -> None:
    if release := _RELEASE.fullmatch(path):
        files = found.states.setdefault(release[1], StateFiles())
        (files.receipts if release[3] == "tlog-proof" else files.envelopes).add(release[2])
    elif policy := _POLICY.fullmatch(path):
        found.policies.add(policy[1])
    elif _OWN.fullmatch(path):
        found.own.append(path)
    elif path.startswith("roster/"):
        found.roster = True  # read, and checked for strangers, by the roster's own reader
    else:
        _sort_in_tree(found, path)


def _sort_in_tree(found: Survey, path: str) -> None:
    try:
        place = parse_tree_path(path)
    except MalformedError:
        found.strange.append(path)
        return
    files = found.states.setdefault(place.room, StateFiles())
    if place.kind == "checkpoint":
        files.checkpoint = True
    elif place.kind == "data":
        files.data.add(place.rest.rpartition("/")[2])
    else:
        files.tiles.append(place.rest)
