"""A draft folder made by hand: what an officer's computer gets, without a node that drafted it."""

import hashlib
import json
from pathlib import Path

from tallystick.config.catalogue import Catalogue, load_shipped
from tallystick.config.periods import parse_period
from tallystick.exchange.formats.sdmxcsv import Observation, write_csv
from tallystick.exchange.formats.statement import ReleaseStatement, payload_id, subject_for
from tallystick.node.desk.folder import write_draft

FEDERATION = hashlib.sha256(b"a federation").hexdigest()


def observations(catalogue: Catalogue, table_id: str, shown: dict[str, int]) -> tuple[Observation, ...]:
    """Every cell of a table; those named in ``shown`` (codes joined by ``|``) carry a figure."""
    keys = catalogue.cells(catalogue.table(table_id))
    return tuple(Observation(key, shown.get("|".join(key)), "|".join(key) not in shown) for key in keys)


def statement_for(
    data: bytes, seen: tuple[Observation, ...], table_id: str, period: str, state: str = "KAZ", **changes: object
) -> ReleaseStatement:
    """A statement over ``data``; ``changes`` replace fields of the predicate."""
    catalogue = load_shipped()
    table = catalogue.table(table_id)
    withheld = sum(cell.withheld for cell in seen)
    predicate: dict[str, object] = {
        "federation": FEDERATION,
        "issuer": state,
        "demo": True,
        "table": {"id": table.id, "version": table.version},
        "catalogue": {"version": catalogue.version, "sha256": catalogue.sha256},
        "slice": {"period": period, "freq": parse_period(period).freq},
        "revision": 1,
        "supersedes": None,
        "audience": "federation",
        "handling": "TLP:GREEN",
        "method": {"id": "keyed", "profile": "peer", "parameters": {"D": 3, "V": 1, "k": 5, "width": 5}},
        "plan": "ab" * 32,
        "audit": {
            "intervals": "passed",
            "likelihood": "not run",
            "shown": len(seen) - withheld,
            "withheld": withheld,
            "repaired": 0,
            "systems": 4,
        },
        "metadata": {
            "unit": table.unit,
            "reference_date_basis": table.reference_date_basis,
            "cut_off": "2021-03-01",
            "sources": "national register of identified victims",
            "legal_definition": table.legal_definition,
            "share_unknown": None,
            "censored": False,
            "notes": "",
        },
        "commitment": {"algorithm": "sha256", "value": "cd" * 32},
    } | changes
    document = {"subject": [subject_for(data).model_dump()], "predicate": predicate}
    return ReleaseStatement.model_validate_json(
        json.dumps(
            {"_type": "https://in-toto.io/Statement/v1", "predicateType": "urn:x-tallystick:release:1", **document}
        )
    )


def sample_draft(
    folder: Path,
    table_id: str = "VICTIMS_SEX",
    period: str = "2018",
    shown: dict[str, int] | None = None,
    persons_shown: int | None = 98,
    **changes: object,
) -> Path:
    """Write a draft folder at ``folder/<period>/<table>``; return it."""
    catalogue = load_shipped()
    seen = observations(catalogue, table_id, {"F": 61, "M": 25} if shown is None else shown)
    data = write_csv(catalogue, catalogue.table(table_id), "KAZ", parse_period(period), seen)
    payload = statement_for(data, seen, table_id, period, **changes).to_payload()
    briefing = json.dumps({"payload_sha256": payload_id(payload), "persons_shown": persons_shown}).encode()
    target = folder / period / table_id
    write_draft(target, payload, data, briefing, catalogue)
    return target
