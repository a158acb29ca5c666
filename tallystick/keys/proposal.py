"""A proposal on disk: a roster folder that is carried around, and the signatures that come back beside it.

DIR/metadata/..., DIR/targets/...     what is proposed; nobody changes it on the way
DIR/signatures/<key id>.sig.json      one small file per signer
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from tallystick.config.errors import MalformedError, StoreError, UsageError
from tallystick.config.files import SHARED_FILE, make_dir, read_bounded, write_new
from tallystick.config.i18n import _
from tallystick.keys.card import MAX_CARD, Card, read_card
from tallystick.keys.ceremony import SIGNATURES_LIMIT, attach, combine, detached
from tallystick.keys.roster import GENESIS
from tallystick.keys.roster_store import read_roster_folder
from tallystick.keys.signer import Signer

__all__ = ["read_cards", "read_proposal", "read_proposals", "write_proposal", "write_signatures"]

_SIGNERS = 512
_CARDS = 1_000
_FOLDER_MODE = 0o750


def read_cards(places: Iterable[Path]) -> list[Card]:
    """Read public cards: files, and every ``*.card.json`` below folders; one card found twice is taken once.

    Raises:
        UsageError: There is none, or more than a ceremony has.
        MalformedError: A card is not one, or a proof of possession does not hold; the file is named.
    """
    paths = [path for place in places for path in (sorted(place.rglob("*.card.json")) if place.is_dir() else [place])]
    if not paths or len(paths) > _CARDS:
        raise UsageError(
            _("{count} cards were found").format(count=len(paths)), hint=_("a public card's name ends in .card.json")
        )
    found: dict[bytes, Card] = {}
    for path in paths:
        data = read_bounded(path, MAX_CARD)
        try:
            found[data] = read_card(data)
        except MalformedError as error:
            raise MalformedError(f"{path}: {error.message}", hint=error.hint) from None
    return list(found.values())


def write_proposal(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a proposal to a folder that holds none yet.

    Raises:
        StoreError: Something is there already; nothing was changed.
    """
    if folder.exists() and any(folder.iterdir()):
        raise StoreError(
            _("{folder} is not empty and was not touched").format(folder=folder), hint=_("name a new folder with --out")
        )
    for name, data in files.items():
        make_dir((folder / name).parent, _FOLDER_MODE)
        write_new(folder / name, data, SHARED_FILE)


def read_proposal(folder: Path) -> dict[str, bytes]:
    """Read a proposal with the signatures that lie beside it on its files; the index is left out.

    Raises:
        UsageError: The folder holds no roster.
        MalformedError: A file is not what it must be, or a signature does not belong to it; the file is named.
    """
    files = {name: data for name, data in read_roster_folder(folder).items() if not _is_index(name)}
    if GENESIS not in files:
        raise UsageError(
            _("{folder} holds no roster").format(folder=folder),
            hint=_("name the folder that tallystick roster genesis or rotate wrote"),
        )
    paths = sorted((folder / "signatures").glob("*.sig.json"))
    if len(paths) > _SIGNERS:
        raise MalformedError(_("{folder}: too many signatures").format(folder=folder))
    for path in paths:
        try:
            files = attach(files, read_bounded(path, SIGNATURES_LIMIT))
        except MalformedError as error:
            raise MalformedError(f"{path}: {error.message}", hint=error.hint) from None
    return files


def _is_index(name: str) -> bool:
    return name.endswith((".snapshot.json", "/timestamp.json"))


def read_proposals(folders: Iterable[Path]) -> dict[str, bytes]:
    """Read several copies of one proposal and put them together; see ``ceremony.combine``."""
    whole: dict[str, bytes] = {}
    for folder in folders:
        whole = combine(whole, read_proposal(folder))
    return whole


def write_signatures(folder: Path, files: Mapping[str, bytes], signer: Signer) -> Path:
    """Sign what waits for this key and put the signatures beside the proposal.

    Args:
        folder: The proposal's folder.
        files: What ``read_proposal`` returned for it.
        signer: The person's key.

    Returns:
        The file that was written.

    Raises:
        StoreError: This key's signatures lie there already.
    """
    make_dir(folder / "signatures", _FOLDER_MODE)
    path = folder / "signatures" / f"{signer.keyid[:16]}.sig.json"
    write_new(path, detached(files, signer), SHARED_FILE)
    return path
