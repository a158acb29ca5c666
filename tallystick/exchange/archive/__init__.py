"""The archive: every state's verified releases as the static tree that was served, and an index to ask questions of.

    archive = Archive(home / "border" / "archive")
    archive.accept("kaz", view, entries, releases, data)
    with closing(archive.open_index()) as index: ...

Stored thing, whether it is trusted, and what who controls it can do:

- ``<cc>/checkpoint``, ``<cc>/tile/*``, ``<cc>/data/sha256/*``: not trusted by anybody who checks signatures; who can
  write there can remove releases, never alter one unnoticed. ``rebuild`` and ``tallystick verify`` check all of it.
- ``index.sqlite``: trusted by queries on this machine; who can write it can show an analyst anything. It is derived,
  holds public figures only, is replaced as one whole file, and is opened immutable.

Life of an ``accept``, and what a crash after each step leaves behind:

1. data files: files that nothing names; the next ``accept`` finds them and does not write them again.
2. bundles and tiles: the same; the old checkpoint does not reach them.
3. ``<cc>/checkpoint``: the tree shows the new head and holds all of it; the index is still the old one, and the
   same ``accept`` is made once more.
4. ``index.sqlite`` renamed over the old one: done.
5. partial tiles of smaller trees removed: leftovers are harmless.

``check`` and ``pack`` need no database and are imported by name.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tallystick.exchange.archive.store import Archive

__all__ = ["Archive"]


def __getattr__(name: str) -> object:
    """Load the database only for those who ask for it (PEP 562): verifying a pack needs none."""
    if name == "Archive":
        from tallystick.exchange.archive.store import Archive  # noqa: PLC0415 - lazy on purpose

        return Archive
    raise AttributeError(name)
