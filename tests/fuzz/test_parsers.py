"""Whatever bytes come from outside, a parser returns or refuses in the tree's own words, in bounded time and memory."""

import base64
import itertools
import json
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import parsers, parsers_home
from tests.fuzz.mutation import mutated
from tests.fuzz.parsers import Parser
from tests.fuzz.running import FindingError, bombs, examples, feed, peak_memory

PARSERS = (*parsers.PARSERS, *parsers_home.PARSERS)
FEW, MANY_SECONDS = 60, 8.0
MEMORY = 400 * 1024 * 1024
every_parser = pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)


@every_parser
def test_what_holds_is_taken_and_what_is_spoilt_is_refused_in_words(parser: Parser, tmp_path: Path) -> None:
    assert [feed(parser, seed, tmp_path) for seed in parser.seeds()[:1]] == [True]
    for data in itertools.islice(examples(parser, seed=1), FEW):
        feed(parser, data, tmp_path)


@every_parser
@settings(max_examples=15)
@given(data=st.binary(max_size=300) | st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_bytes_of_no_kind_are_refused_in_words(
    parser: Parser, tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    feed(parser, data, tmp_path_factory.getbasetemp())


@pytest.mark.slow
@every_parser
def test_many_spoilt_files_are_refused_in_words(parser: Parser, tmp_path: Path) -> None:
    before, end = peak_memory(), time.monotonic() + MANY_SECONDS
    for count, data in enumerate(examples(parser, seed=2)):
        feed(parser, data, tmp_path)
        if time.monotonic() > end and count > FEW:
            break
    assert peak_memory() - before < MEMORY


@pytest.mark.slow
@every_parser
def test_what_is_dear_to_read_costs_little(parser: Parser, tmp_path: Path) -> None:
    before = peak_memory()
    for data in bombs(parser):
        feed(parser, data, tmp_path)
    assert peak_memory() - before < MEMORY


def _wrong(data: bytes, _room: Path) -> object:
    return {}[data[:1]] if data[:1] == b"{" else None


def _slow(_data: bytes, _room: Path) -> object:
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    return None


def test_a_parser_with_another_error_or_without_bounds_would_be_found(tmp_path: Path) -> None:
    with pytest.raises(FindingError, match="KeyError"):
        feed(Parser("wrong", _wrong, lambda: [b"{}"]), b"{}", tmp_path)
    with pytest.raises(FindingError, match=r"s of 0\.01"):
        feed(Parser("slow", _slow, lambda: [b"{}"], seconds=0.01), b"{}", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_payload_is_spoilt_inside_its_envelope(tmp_path: Path) -> None:
    parser = next(parser for parser in PARSERS if parser.name == "envelope")
    seed = parser.seeds()[0]
    inside = 0
    for number in range(200):
        try:
            document = json.loads(mutated(seed, random.Random(number)))
            payload = json.loads(base64.b64decode(document["payload"]))
        except (ValueError, KeyError, TypeError):
            continue
        inside += payload != json.loads(base64.b64decode(json.loads(seed)["payload"]))
    assert inside > 10
