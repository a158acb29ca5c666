"""Synthetic cases: invented people in three scripts, as many as were published, structured as a state's cases may be.

Shares are invented and say so; nothing is censored. The same state, year and seed give the same cases for ever, and
a year's cases do not depend on which other years were asked for.
"""

import csv
import io
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from tallystick.config.errors import MalformedError, UsageError
from tallystick.config.i18n import _
from tallystick.node.cases.circumstances import controls_of, relationship_of
from tallystick.node.cases.coding import PERSON_ID_BYTES, CodedColumns, encode
from tallystick.node.cases.record import UNKNOWN, CaseRecord
from tallystick.node.cases.store import CaseStore, ImportRun, IngestReport
from tallystick.node.intake.ages import band_of
from tallystick.node.intake.htcds import HtcdsParser
from tallystick.node.intake.reading import Row
from tallystick.node.intake.rejections import Rejections
from tallystick.node.intake.totals import YearTotal, synthetic_data, year_totals

__all__ = ["HEADER", "csv_bytes", "generate_cases", "generate_into", "generate_rows", "synthetic_columns"]

HEADER = (
    *("ext_CaseId", "ext_RegistrationDate", "ext_CountryOfExploitation", "org_Name", "org_Type"),
    *("prs_FirstName", "prs_MiddleName", "prs_SecondName", "prs_Birthdate", "prs_Gender", "prs_Citizenship"),
    *("prs_IdentityNumber", "prs_MobilePhone", "prs_MailingCity", "vic_TraffickingStatus"),
    *("vic_RelationshipToTrafficker", "vic_MethodsOfControl", "vic_TypeOfExploitation", "cas_Status"),
    *("cco_CaseComment", "con_Consent"),
)
"""Columns of a generated file, all of HTCDS 2.0 or our extensions."""

_GENDER = {"F": "Feminine", "M": "Masculine", "_O": "NonConforming", UNKNOWN: "NonSpecifiedUnknown"}
_TYPES = {
    "SX": ("SexualExploitation",),
    "FL": ("ForcedLabour",),
    "OG": ("OrganRemoval",),
    "OP": ("ForcedBegging",),
    "MULTI": ("SexualExploitation", "ForcedLabour"),
    UNKNOWN: (),
}
_FORMS = {"MULTI": frozenset({"SX", "FL"}), UNKNOWN: frozenset[str]()}


@dataclass(frozen=True)
class _Drawn:
    """A person's classification before anybody has a name; ``age`` in years or None."""

    sex: str
    age: int | None
    form: str
    area: str
    citizenship: str


def _pick(rng: random.Random, weights: Mapping[str, float]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]


def _profile(state: str) -> Mapping[str, Any]:
    data = synthetic_data()
    found: Mapping[str, Any] = data["states"].get(state, data["default"])
    return found


def _draw(rng: random.Random, state: str, profile: Mapping[str, Any]) -> _Drawn:
    """Draw sex, then age by sex, form by both, area, and citizenship by area: exploited abroad means own citizens."""
    sex = _pick(rng, profile["sex"])
    side = sex if sex in {"F", "M"} else rng.choice("FM")
    child = rng.random() < profile["child"][side]
    years = int(rng.triangular(3, 17.99, 16)) if child else int(rng.triangular(18, 62, 24))
    known = rng.random() >= profile["age_unknown"]
    form = _pick(rng, profile["form"]["child" if child else side])
    area = _pick(rng, profile["area"])
    at_home = area in {"own", UNKNOWN}
    citizenship = _pick(rng, profile["citizenship"] if at_home else {"own": 0.97, UNKNOWN: 0.03})
    own = {"own": state}
    return _Drawn(sex, years if known else None, form, own.get(area, area), own.get(citizenship, citizenship))


def _rng(seed: int, state: str, year: int) -> random.Random:
    return random.Random(f"tallystick synthetic 1|{seed}|{state}|{year}")  # noqa: S311 - invented people, no secret


def generate_rows(state: str, year: int, persons: int, seed: int) -> Iterator[dict[str, str]]:
    """Yield one year's synthetic cases as HTCDS rows, field id to text."""
    rng, profile = _rng(seed, state, year), _profile(state)
    for number in range(1, persons + 1):
        drawn = _draw(rng, state, profile)
        registered = date(year, rng.randint(1, 12), rng.randint(1, 28))
        yield {
            "ext_CaseId": f"S{seed}-{state}-{year}-{number:05}",
            "ext_RegistrationDate": registered.isoformat(),
            **_classification(drawn, registered, rng),
            **_person(drawn, _pick(rng, profile["script"]), rng),
            **_circumstances(rng),
        }


def _classification(drawn: _Drawn, registered: date, rng: random.Random) -> dict[str, str]:
    row = {"prs_Gender": _GENDER[drawn.sex], "vic_TypeOfExploitation": ";".join(_TYPES[drawn.form])}
    if drawn.area != UNKNOWN:
        row["ext_CountryOfExploitation"] = drawn.area
    if drawn.citizenship != UNKNOWN:
        row["prs_Citizenship"] = drawn.citizenship
    if drawn.age is not None:
        youngest = registered.replace(year=registered.year - drawn.age - 1)
        row["prs_Birthdate"] = (youngest + timedelta(days=rng.randint(1, 365))).isoformat()
    return row


def _person(drawn: _Drawn, script: str, rng: random.Random) -> dict[str, str]:
    names = synthetic_data()["names"][script]
    side = drawn.sex if drawn.sex in {"F", "M"} else rng.choice("FM")
    middle = names["middle"][side]
    return {
        "prs_FirstName": rng.choice(names["given"][side]),
        "prs_MiddleName": rng.choice(middle) if middle else "",
        "prs_SecondName": rng.choice(names["family"][side]),
        "prs_IdentityNumber": f"SYN{rng.randrange(10**9):09}",
        "prs_MobilePhone": f"+000 {rng.randrange(10**8):08}",
        "prs_MailingCity": rng.choice(names["city"]),
        "cco_CaseComment": rng.choice(names["comment"]),
    }


def _circumstances(rng: random.Random) -> dict[str, str]:
    data = synthetic_data()
    name, kind, _share = rng.choices(data["agencies"], [agency[2] for agency in data["agencies"]])[0]
    controls = [control for control, share in data["controls"].items() if rng.random() < share]
    return {
        "org_Name": name,
        "org_Type": kind,
        "vic_TraffickingStatus": "ActualVictimOfTrafficking",
        "vic_RelationshipToTrafficker": _pick(rng, data["relationship"]),
        "vic_MethodsOfControl": ";".join(controls),
        "cas_Status": _pick(rng, data["status"]),
        "con_Consent": rng.choice(("yes", "no")),
    }


def generate_cases(
    state: str, years: Sequence[int], seed: int, totals: Mapping[int, int] | None = None
) -> Iterator[CaseRecord]:
    """Yield synthetic case records; they pass through the same parser as an agency's file.

    Args:
        state: Alpha-3 code.
        years: Calendar years.
        seed: Same seed, same cases.
        totals: Persons by year; by default ``year_totals(state, years)``.

    Raises:
        MalformedError: A generated row was rejected: the generator and the parser disagree.
    """
    rejections = Rejections()
    parser = HtcdsParser(HEADER, state=state, agency=None, last_year=max(years, default=0), rejections=rejections)
    persons = totals if totals is not None else {found.year: found.persons for found in year_totals(state, years)}
    for year in years:
        for number, row in enumerate(generate_rows(state, year, persons[year], seed), 2):
            record = parser.parse(Row(number, tuple(row.get(name, "") for name in HEADER)))
            if record is None:
                raise MalformedError(_("a generated row was rejected: {reason}").format(reason=rejections.first[-1]))
            yield record


def csv_bytes(state: str, totals: Sequence[YearTotal], seed: int) -> bytes:
    """Return synthetic cases as an HTCDS file in UTF-8 with a mark, as spreadsheets want it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADER, restval="")
    writer.writeheader()
    for total in totals:
        writer.writerows(generate_rows(state, total.year, total.persons, seed))
    return text.getvalue().encode("utf-8-sig")


def generate_into(store: CaseStore, state: str, totals: Sequence[YearTotal], seed: int, at: datetime) -> IngestReport:
    """Put synthetic cases into a register; what was assumed is kept with the run.

    Args:
        store: A DEMO register; whether it is one is the caller's to know.
        state: Alpha-3 code.
        totals: Persons by year, with what was assumed.
        seed: Same seed, same cases: the same call twice adds nothing.
        at: Now.

    Raises:
        UsageError: A year already holds other cases; two inventions in one year would count double.
    """
    source = f"generate {state} --seed {seed}"
    held = store.counts_by_year()
    mine = {run.source for run in store.runs() if run.format == "synthetic"} == {source}
    crowded = [
        total.year for total in totals if held.get(total.year) and not (mine and held[total.year] == total.persons)
    ]
    if crowded:
        raise UsageError(
            _("the register already holds other cases of {year}").format(year=crowded[0]),
            hint=_("use the same --seed and --n as before, other years, or a fresh demo home"),
        )
    notes = (
        _("all people, shares and names are invented"),
        *dict.fromkeys(found.assumption for found in totals if found.assumption),
    )
    persons = {found.year: found.persons for found in totals}
    return store.ingest(ImportRun(source, "synthetic", at, notes), generate_cases(state, list(persons), seed, persons))


def synthetic_columns(n: int, seed: int, state: str) -> CodedColumns:
    """Return ``n`` synthetic persons of one year as coded columns, for benchmarks and simulations.

    Args:
        n: Persons.
        seed: Same seed, same persons and person ids.
        state: Alpha-3 code, which chooses the profile.
    """
    rng, profile = _rng(seed, state, 0), _profile(state)
    more, data = _rng(seed, f"{state} circumstances", 0), synthetic_data()

    def coded() -> Iterator[tuple[bytes, Any]]:
        for number in range(n):
            drawn = _draw(rng, state, profile)
            age = band_of(drawn.age) if drawn.age is not None else UNKNOWN
            forms = _FORMS.get(drawn.form, frozenset({drawn.form}))
            record = CaseRecord(
                "synthetic",
                str(number + 1),
                2000,
                sex=drawn.sex,
                age=age,
                citizenship=drawn.citizenship,
                exploitation_area=drawn.area,
                forms=forms,
                relationship=relationship_of({"vic_RelationshipToTrafficker": _pick(more, data["relationship"])}),
                controls=controls_of(
                    {"vic_MethodsOfControl": tuple(m for m, share in data["controls"].items() if more.random() < share)}
                ),
            )
            yield rng.randbytes(PERSON_ID_BYTES), encode(record)

    return CodedColumns.from_coded(coded())
