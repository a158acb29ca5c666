"""What lies in a folder, for tests."""

from pathlib import Path


def names_in(folder: Path) -> list[str]:
    """Return the names in a folder, hidden ones too, in order."""
    return sorted(entry.name for entry in folder.iterdir())
