import inspect

from tallystick.config import errors


def test_every_error_keeps_its_exit_code() -> None:
    wanted = {"UsageError": 2, "ConfigError": 10, "SignerError": 20, "VerificationError": 30, "UnanchoredError": 31}
    wanted |= {"DisclosureError": 40, "StoreError": 50, "PeerError": 60, "SplitViewError": 30, "RollbackError": 30}
    assert {name: getattr(errors, name).exit_code for name in wanted} == wanted
    tree = [kind for _name, kind in inspect.getmembers(errors, inspect.isclass)]
    assert all(issubclass(kind, errors.TallystickError) for kind in tree)


def test_a_split_view_keeps_its_evidence_out_of_its_words() -> None:
    error = errors.SplitViewError("two heads", evidence=(b"one", b"two"))
    assert error.evidence == (b"one", b"two")
    assert "one" not in str(error)
