"""The specification's example is the golden release, byte for byte where it is not shortened."""

import json
import re

import pytest

from tests.vectors.make_golden import SPEC, spec_block, with_block


def test_the_example_in_the_page_is_what_the_vectors_hold() -> None:
    page = SPEC.read_text()
    assert with_block(page) == page, "run: .venv/bin/python tests/vectors/make_golden.py spec"


def test_the_example_reads_as_what_it_shows() -> None:
    fenced = re.findall(r"```(\w*)\n(.*?)\n```", spec_block(), re.DOTALL)
    assert [kind for kind, _text in fenced] == ["", "json", "json", "", ""]
    data, statement, envelope, head, words = (text for _kind, text in fenced)
    assert data.startswith("STRUCTURE,")
    federation = json.loads(statement)["predicate"]["federation"]
    assert len(json.loads(envelope)["signatures"]) == 2
    assert head.startswith(f"tallystick/{federation}/kaz\n")
    assert len(words.split()) == 24


def test_a_page_without_the_markers_is_not_written_over() -> None:
    with pytest.raises(LookupError, match="golden:begin"):
        with_block("# A page\n")
