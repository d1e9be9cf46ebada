"""Where a setting comes from, and what is refused."""

import argparse
from pathlib import Path

import pytest

from engine import settings as desk_settings
from engine.domain.errors import Refused
from engine.settings import SETTINGS, add_flags, paths, resolve, to_env


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def parsed(*flags: str) -> dict[str, object]:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return vars(parser.parse_args(flags))


def test_a_flag_beats_the_variable_beats_the_file_beats_the_default():
    assert resolve({}, {}).port == 8050
    Path("quarterdeck.toml").write_text("port = 1001\n")
    assert resolve(parsed(), {}).port == 1001
    assert resolve(parsed(), {"QD_PORT": "1002"}).port == 1002
    assert resolve(parsed("--port", "1003"), {"QD_PORT": "1002"}).port == 1003


def test_another_file_can_be_named():
    Path("mine.toml").write_text("demo = false\nspeed = 60\n")
    settings = resolve(parsed("--config", "mine.toml"), {})
    assert (settings.demo, settings.speed) == (False, 60.0)
    assert resolve(parsed("--config", "mine.toml", "--demo"), {}).demo is True


def test_an_unknown_key_is_refused_with_the_nearest_name():
    Path("quarterdeck.toml").write_text("prot = 8051\n")
    with pytest.raises(Refused, match="unknown setting 'prot'; did you mean 'port'"):
        resolve({}, {})


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"QD_PORT": "70000"}, "QD_PORT must be at most 65535, was 70000"),
        ({"QD_PORT": "many"}, "QD_PORT must be a whole number, was 'many'"),
        ({"QD_SPEED": "0.5"}, "QD_SPEED must be at least 1, was 0.5"),
        ({"QD_SPEED": "nan"}, "QD_SPEED must be at least 1, was nan"),
        ({"QD_DEMO": "perhaps"}, "QD_DEMO must be true or false, was 'perhaps'"),
        ({"QD_MODE": "LIVE"}, "QD_MODE must be SIM or REPLAY or REACTIVE, was 'LIVE'"),
        ({"QD_MODE": "REPLAY"}, "mode REPLAY needs replay_messages and replay_orderbook"),
        ({"QD_REPLAY_MESSAGES": "m.csv"}, "must be given together"),
        ({"QD_HOST": "0.0.0.0"}, "host must be 127.0.0.1 unless tls_cert and tls_key are given"),
        ({"QD_TLS_CERT": "c.pem"}, "tls_cert and tls_key must be given together"),
        ({"QD_CONFIG": "none.toml"}, "none.toml does not exist"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_source_and_value(environ, sentence):
    with pytest.raises(Refused) as refusal:
        resolve({}, environ)
    assert sentence in str(refusal.value)


def test_a_value_that_is_a_table_is_refused():
    Path("quarterdeck.toml").write_text("[port]\nweb = 1\n")
    with pytest.raises(Refused, match="port must be one value"):
        resolve({}, {})


def test_replay_sets_the_mode_and_both_files(tmp_path):
    Path("day.zip").write_bytes(b"")
    settings = resolve(parsed("--replay", "day.zip", "day.zip"), {})
    assert settings.mode == "REPLAY"
    assert settings.replay_messages == settings.replay_orderbook == tmp_path / "day.zip"


def test_a_recorded_file_that_is_not_there_is_refused():
    with pytest.raises(Refused, match="does not exist"):
        resolve(parsed("--replay", "no.zip", "no.zip"), {})


def test_the_environment_of_a_child_gives_the_same_settings(tmp_path):
    Path("day.zip").write_bytes(b"")
    mine = resolve(parsed("--replay", "day.zip", "day.zip", "--no-demo", "--port", "9"), {})
    Path("quarterdeck.toml").write_text("port = 10\nseed = 99\n")  # changed after the start
    assert resolve({}, to_env(mine)) == mine
    rows = {row.variable for row in SETTINGS}
    assert set(to_env(mine)) == rows | {"QD_CANCEL_SOCKET"}


def test_sockets_of_a_deep_state_folder_lie_in_a_short_private_one(tmp_path):
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    where = paths(resolve({"state": str(deep)}, {}))
    sockets = (where.venue, where.drop, where.cancel, where.engine, where.live)
    assert max(len(str(socket)) for socket in sockets) <= desk_settings.SOCKET_ROOM
    assert where.journal.is_relative_to(deep)
    desk_settings.make_folders(where)
    assert where.ipc.stat().st_mode & 0o777 == 0o700
    other = paths(resolve({"state": str(deep / "other")}, {}))
    assert other.ipc != where.ipc
    where.ipc.rmdir()


def test_the_state_folder_is_closed_to_other_people(tmp_path):
    where = paths(resolve({"state": "var"}, {}))
    desk_settings.make_folders(where)
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700
    assert where.cancel == tmp_path / "var" / "exchange" / "cancel.sock"


def test_a_password_in_the_database_address_is_not_shown():
    settings = resolve({"database_url": "postgresql://desk:s3cret@db.example:5432/qd"}, {})
    seen = desk_settings.shown(settings)
    assert seen["database_url"] == "postgresql://desk:***@db.example:5432/qd"
    assert "s3cret" not in str(seen)
    assert set(seen) == {row.name for row in SETTINGS}
