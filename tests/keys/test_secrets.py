"""Passphrases: where they may come from, and that they never show."""

import json
import os
from pathlib import Path

import pytest

from tallystick.config.errors import MalformedError, SignerError
from tallystick.keys import secrets
from tallystick.keys.secrets import (
    CREDENTIAL,
    GENERATED,
    HUMAN,
    FileSecrets,
    PromptSecrets,
    SystemdSecrets,
    choose_secrets,
    open_secret,
    read_private,
    seal_secret,
)

PHRASE = "seven quiet rivers cross"


@pytest.fixture
def phrase_file(tmp_path: Path) -> Path:
    path = tmp_path / "phrase"
    path.write_text(PHRASE + "\n")
    path.chmod(0o600)
    return path


def typed(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    asked: list[str] = []
    waiting = list(answers)

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return waiting.pop(0)

    monkeypatch.setattr(secrets.getpass, "getpass", answer)
    return asked


def test_a_file_gives_its_first_line(phrase_file: Path) -> None:
    assert FileSecrets(phrase_file).passphrase("anything", new=True) == PHRASE.encode()
    phrase_file.write_bytes(PHRASE.encode() + b"\r\nsecond line")
    assert FileSecrets(phrase_file).passphrase("anything") == PHRASE.encode()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_passphrase_file_that_others_can_read_is_refused_with_the_command_that_mends_it(
    phrase_file: Path, mode: int
) -> None:
    phrase_file.chmod(mode)
    with pytest.raises(SignerError, match="other users") as caught:
        FileSecrets(phrase_file).passphrase("x")
    assert f"chmod 600 {phrase_file}" in str(caught.value.hint)
    assert PHRASE not in str(caught.value)


def test_an_absent_empty_linked_or_endless_passphrase_file_is_refused(tmp_path: Path, phrase_file: Path) -> None:
    link, empty, long = tmp_path / "link", tmp_path / "empty", tmp_path / "long"
    link.symlink_to(phrase_file)
    for path, content in ((empty, b"\n"), (long, b"x" * 5000)):
        path.write_bytes(content)
        path.chmod(0o600)
    for path in (tmp_path / "none", link, empty, long, tmp_path):
        with pytest.raises(SignerError):
            FileSecrets(path).passphrase("x")


def test_a_new_passphrase_must_not_be_short_but_an_old_one_may_be(phrase_file: Path) -> None:
    phrase_file.write_text("short")
    with pytest.raises(SignerError, match="too short"):
        FileSecrets(phrase_file).passphrase("x", new=True)
    assert FileSecrets(phrase_file).passphrase("x") == b"short"


def test_systemd_credentials_are_found_and_their_absence_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(SignerError):
        SystemdSecrets().passphrase("x")
    (tmp_path / CREDENTIAL).write_text(PHRASE)
    assert isinstance(choose_secrets(None), SystemdSecrets)
    assert SystemdSecrets().passphrase("x") == PHRASE.encode()
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    with pytest.raises(SignerError):
        SystemdSecrets().passphrase("x")


def test_a_named_file_goes_before_systemd(tmp_path: Path, phrase_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / CREDENTIAL).write_text("another one entirely")
    assert choose_secrets(phrase_file).passphrase("x") == PHRASE.encode()


def test_with_nobody_to_ask_the_two_ways_out_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setattr(secrets.sys, "stdin", Path(os.devnull).open())  # noqa: SIM115 - lives as long as the test
    with pytest.raises(SignerError) as caught:
        choose_secrets(None)
    assert "--passphrase-file" in str(caught.value.hint)
    assert CREDENTIAL in str(caught.value.hint)


def test_a_person_is_asked_twice_for_a_new_passphrase_and_once_for_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = typed(monkeypatch, PHRASE, PHRASE)
    prompt = PromptSecrets()
    assert prompt.passphrase("register key", new=True) == PHRASE.encode()
    assert prompt.passphrase("identity key", new=True) == PHRASE.encode()
    assert len(asked) == 2
    assert "register key" in asked[0]
    assert PHRASE not in repr(prompt)


def test_two_different_answers_make_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, PHRASE, PHRASE + "!")
    with pytest.raises(SignerError, match="differ"):
        PromptSecrets().passphrase("x", new=True)


def test_a_sealed_secret_opens_with_its_passphrase_for_its_purpose_only(phrase_file: Path) -> None:
    ask, raw = FileSecrets(phrase_file), os.urandom(32)
    blob = seal_secret(raw, ask, "register key")
    assert raw not in blob
    assert PHRASE.encode() not in blob
    assert json.loads(blob)["work"] == HUMAN.model_dump()
    assert open_secret(blob, ask, "register key") == raw
    with pytest.raises(SignerError, match="not the identity key"):
        open_secret(blob, ask, "identity key")
    with pytest.raises(SignerError, match="wrong passphrase"):
        open_secret(blob.replace(b"register key", b"identity key"), ask, "identity key")


def test_a_wrong_passphrase_is_said_and_not_shown(phrase_file: Path) -> None:
    blob = seal_secret(bytes(32), FileSecrets(phrase_file), "noise secret", work=GENERATED)
    phrase_file.write_text("some other passphrase")
    with pytest.raises(SignerError, match="wrong passphrase for the noise secret") as caught:
        open_secret(blob, FileSecrets(phrase_file), "noise secret")
    assert "some other" not in str(caught.value)


def test_a_changed_or_endless_sealed_secret_is_refused(phrase_file: Path) -> None:
    ask = FileSecrets(phrase_file)
    document = json.loads(seal_secret(bytes(32), ask, "noise secret", work=GENERATED))
    bad = [
        {**document, "format": "tallystick-secret-2"},
        {**document, "work": {"n": 2**30, "r": 8, "p": 1}},
        {**document, "work": {"n": 1022, "r": 8, "p": 1}},
        {**document, "work": {"n": 0, "r": 8, "p": 1}},
        {**document, "more": 1},
        {name: value for name, value in document.items() if name != "salt"},
    ]
    for changed in (*(json.dumps(one).encode() for one in bad), b"", b"{", b"[]"):
        with pytest.raises(MalformedError, match="noise secret"):
            open_secret(changed, ask, "noise secret")
    weaker = {**document, "work": {"n": 512, "r": 8, "p": 1}}
    with pytest.raises(SignerError):
        open_secret(json.dumps(weaker).encode(), ask, "noise secret")


def test_a_secret_file_open_to_a_group_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_bytes(b"x")
    path.chmod(0o640)
    with pytest.raises(SignerError, match="other users"):
        read_private(path, 10)
