"""A file, a register in memory, and one call that imports the one into the other."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tallystick.node.cases.memory import MemoryCaseStore
from tallystick.node.cases.record import CaseRecord
from tallystick.node.intake.run import ImportReport, import_file
from tests.support.cases import AT


def as_csv(rows: Sequence[Mapping[str, str]], delimiter: str = ",") -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


class Desk:
    """A register in memory and the folder that files come from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = MemoryCaseStore()

    def put(self, content: str | bytes, name: str = "cases.csv") -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def take(self, content: Any, file_format: str = "htcds", **options: Any) -> ImportReport:
        """Import rows, text or bytes."""
        text = as_csv(content) if isinstance(content, list) else content
        options = {"state": "KAZ", "at": AT, "agency": "Shelter", **options}
        return import_file(self.store, self.put(text), file_format, **options)

    def record(self, number: str = "1", agency: str = "Shelter") -> CaseRecord:
        *_earlier, current = self.store.versions(agency, number)
        return current.record


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def row() -> Callable[..., dict[str, str]]:
    """Make an HTCDS row that can be taken, with changes."""

    def make(number: int = 1, **changes: str) -> dict[str, str]:
        return {"ext_CaseId": str(number), "ext_RegistrationYear": "2019", **changes}

    return make
