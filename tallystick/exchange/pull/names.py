"""Which roster files a plain tree holds, read off TUF's index.

The index carries no trust and needs none: it only says what to ask for. Who could lie in it could as well withhold
the files.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from tallystick.config.errors import PeerError
from tallystick.config.i18n import _
from tallystick.keys.tuf_files import LIMITS

__all__ = ["TIMESTAMP", "index_digest", "listed_names"]

TIMESTAMP = "metadata/timestamp.json"
_ROLE = re.compile(r"(targets|[a-z]{3})\.json")
_CATALOGUE = re.compile(r"[0-9a-f]{64}")


def index_digest(files: Mapping[str, bytes]) -> str:
    """Return what stands for the whole roster where only its index was looked at; empty where there is none.

    Two nodes that hold the same versions write the same index (``keys.index``).
    """
    timestamp = files.get(TIMESTAMP)
    return f"index:{hashlib.sha256(timestamp).hexdigest()}" if timestamp else ""


def _signed(data: bytes | None, name: str) -> dict[str, Any]:
    try:
        signed: Any = json.loads(data or b"")["signed"]
        if isinstance(signed, dict):
            return signed
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    raise PeerError(_("{name} cannot be read").format(name=f"roster/{name}"))


def _version(value: object, name: str) -> int:
    found = value.get("version") if isinstance(value, dict) else value
    if not isinstance(found, int) or not 1 <= found <= LIMITS.versions * LIMITS.files:
        raise PeerError(_("{name} cannot be read").format(name=f"roster/{name}"))
    return found


def listed_names(timestamp: bytes, read: Callable[[str], bytes | None]) -> tuple[str, ...]:
    """Return the names of all roster files that the index implies, relative to ``roster/``.

    Args:
        timestamp: ``timestamp.json`` as it lies there.
        read: Gives a further roster file by its name, None where there is none.

    Raises:
        PeerError: The index cannot be read, or implies more files than a roster may have.
    """
    meta = _signed(timestamp, TIMESTAMP).get("meta")
    snapshot = meta.get("snapshot.json") if isinstance(meta, dict) else None
    total = _version(snapshot, TIMESTAMP)
    name = f"metadata/{total}.snapshot.json"
    roles = _signed(read(name), name).get("meta")
    if not isinstance(roles, dict):
        raise PeerError(_("{name} cannot be read").format(name=f"roster/{name}"))
    versions = {found[1]: _version(at, name) for role, at in roles.items() if (found := _ROLE.fullmatch(str(role)))}
    # keys.index: the snapshot's version is the sum of all roles' versions, so what is left over counts the roots.
    versions["root"] = max(total - sum(versions.values()), 1)
    if sum(versions.values()) > LIMITS.files:
        raise PeerError(_("its roster names more than {limit} files").format(limit=LIMITS.files))
    names = [f"metadata/{number}.{role}.json" for role, top in versions.items() for number in range(1, top + 1)]
    for version in range(1, versions.get("targets", 0) + 1):
        names += [name for name in _catalogue_names(read, version) if name not in names]
    return tuple(names)


def _catalogue_names(read: Callable[[str], bytes | None], version: int) -> tuple[str, ...]:
    """Return the name of the catalogue that one version of the targets agrees on; old releases follow old ones."""
    name = f"metadata/{version}.targets.json"
    data = read(name)
    targets = _signed(data, name).get("targets") if data else None
    if not isinstance(targets, dict):
        return ()
    hashes = [entry.get("hashes") for entry in targets.values() if isinstance(entry, dict)]
    digests = [str(found.get("sha256")) for found in hashes if isinstance(found, dict)]
    return tuple(f"targets/{digest}.catalogue.json" for digest in digests[:100] if _CATALOGUE.fullmatch(digest))
