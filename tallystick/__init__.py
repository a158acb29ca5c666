"""tallystick: a federated node for reporting trafficking in persons across borders.

Cases stay home; only counts that were protected, signed by two officers and logged cross a border.
Importing this package loads nothing heavy; its rooms are ``proto``, ``config``, ``keys``, ``exchange``, ``node``
and ``cli``.

    import tallystick
    tallystick.open_archive("demo/kgz").query("VICTIMS_SEX", states="KAZ")
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tallystick.exchange.query.frames import open_archive

__all__ = ["__version__", "open_archive"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Load what reads archives only for those who ask for it (PEP 562)."""
    if name == "open_archive":
        from tallystick.exchange.query.frames import open_archive  # noqa: PLC0415 - lazy on purpose

        return open_archive
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
