from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config.errors import ConfigError
from tallystick.config.settings import (
    BorderSettings,
    DeskSettings,
    PeerSettings,
    dump_settings,
    load_border,
    load_desk,
    load_peers,
)


def put(home: Path, name: str, text: str | bytes) -> Path:
    path = home / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return home


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ('state="kaz"\nname="x"', "state", "alpha-3"),
        ('state="KAZ"', "name", "add a line"),
        ('state="KAZ"\nname="x"\ncolour=1', "colour", "known keys"),
        ('state="KAZ"\nname="x"\n[metadata]\nhandling="SECRET"', "metadata.handling", "expected"),
        ('state="KAZ"\nname=', "not TOML", "mend"),
    ],
)
def test_an_error_names_file_key_and_hint(tmp_path: Path, text: str, key: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_desk(put(tmp_path, "desk/desk.toml", text))
    assert "desk.toml" in caught.value.message
    assert key in caught.value.message
    assert hint in str(caught.value.hint)
    assert caught.value.exit_code == 10


def test_no_home_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_border(tmp_path)
    assert "tallystick init" in str(caught.value.hint)


@pytest.mark.parametrize("listen", ["127.0.0.1", "127.0.0.1:", "a b:1", "127.0.0.1:999999"])
def test_a_listen_address_is_bounded(tmp_path: Path, listen: str) -> None:
    with pytest.raises(ConfigError, match="listen"):
        load_border(put(tmp_path, "border/border.toml", f'state="KAZ"\nname="x"\nlisten="{listen}"'))


def test_a_gigantic_settings_file_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="larger than"):
        load_desk(put(tmp_path, "desk/desk.toml", b"#" * 100_000))


@given(name=st.text(min_size=1, max_size=200).filter(str.strip), demo=st.booleans())
def test_what_is_written_is_read_back(name: str, demo: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("home")
    desk = DeskSettings(state="KAZ", name=name, demo=demo)
    border = BorderSettings(state="KAZ", name=name, demo=demo, listen="127.0.0.1:4433")
    put(home, "desk/desk.toml", dump_settings(desk))
    put(home, "border/border.toml", dump_settings(border))
    assert load_desk(home).model_dump() == desk.model_dump()
    assert load_border(home).model_dump() == border.model_dump()


def test_peers_are_few_words_and_unknown_schemes_are_refused(tmp_path: Path) -> None:
    assert load_peers(tmp_path).peers == {}
    put(tmp_path, "border/peers.toml", dump_settings(PeerSettings(peers={"KGZ": "grpcs://127.0.0.1:1"})))
    assert load_peers(tmp_path).peers == {"KGZ": "grpcs://127.0.0.1:1"}
    with pytest.raises(ConfigError, match="peers"):
        load_peers(put(tmp_path, "border/peers.toml", '[peers]\nKGZ = "http://x"'))
