"""The policy file that C2SP verifiers read."""

from dataclasses import replace

import pytest

from tallystick.config.errors import MalformedError
from tallystick.exchange.formats.note import ED25519, MLDSA44_COSIGNATURE, parse_vkey
from tallystick.exchange.formats.policy import write_policy
from tests.support.federation import Federation

KAZ = Federation.make(("KAZ",)).state("KAZ")


def test_a_policy_names_both_log_keys_and_no_witness() -> None:
    lines = write_policy(KAZ.origin, KAZ.log_keys(), comment="Kazakhstan\nDEMO").decode("ascii").splitlines()
    assert lines[:2] == ["# Kazakhstan", "# DEMO"]
    assert lines[-1] == "quorum none"
    keys = [parse_vkey(line.removeprefix("log ")) for line in lines[2:-1]]
    assert [key.signature_type for key in keys] == [ED25519, MLDSA44_COSIGNATURE]
    assert {key.name for key in keys} == {KAZ.origin}
    assert {key.public for key in keys} == {key.public for key in KAZ.log_keys()}


def test_refused_keys_and_keys_of_another_role_are_left_out() -> None:
    first, second = KAZ.log_keys()
    policy = write_policy(KAZ.origin, [first, replace(second, refused_from=5), replace(second, role="witness")])
    assert policy.count(b"log ") == 1


def test_a_log_without_keys_has_no_policy() -> None:
    with pytest.raises(MalformedError, match="no log key"):
        write_policy(KAZ.origin, [])


def test_a_comment_cannot_add_a_line_that_counts() -> None:
    policy = write_policy(KAZ.origin, KAZ.log_keys(), comment="harmless\nquorum any\u2028log x").decode()
    assert [line for line in policy.splitlines() if not line.startswith("#")][-1] == "quorum none"
    assert policy.count("\nquorum") == 1
    with pytest.raises(MalformedError, match="control character"):
        write_policy(KAZ.origin, KAZ.log_keys(), comment="one\x0btwo")
