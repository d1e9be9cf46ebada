"""Every setting of the desk, once: name, kind, default, help.

One row gives a field of ``Settings``, a flag (``--history-days``), a variable
(``QD_HISTORY_DAYS``) and a key of the TOML file (``history_days``). The first that is given
wins: flag, variable, TOML file, default. Processes pass their settings on by environment.
"""

import argparse
import difflib
import hashlib
import os
import re
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast

from engine.domain.errors import Refused

CONFIG_FILE = "quarterdeck.toml"  # read from the current folder when --config names no other
SOCKET_ROOM = 100  # a unix socket path ends at 107 characters on Linux, 103 on macOS
LOOPBACK = ("127.0.0.1", "localhost", "::1")
REACTIVE = "REACTIVE"  # a generated book like a recorded day
MODES = ("SIM", "REPLAY", REACTIVE)
REPLAY_MODES = ("virtual", "reactive")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One row of the table, as flags, docs and the settings page show it."""

    name: str
    default: object
    kind: str  # "text" | "int" | "float" | "bool" | "path" | "path or none"
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """The flag on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return "QD_" + self.name.upper()


def _row(default: object, kind: str, text: str, **limits: object) -> Any:
    """Declare one setting: dataclass default and table row in one place."""
    return field(default=default, metadata={"kind": kind, "help": text, **limits})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this desk runs. Built by ``resolve``; every path is absolute."""

    state: Path = _row(Path("var"), "path", "folder of journal, tables, logs and sockets")
    host: str = _row("127.0.0.1", "text", "address of the web server; others than this machine "
                     "need tls_cert and tls_key")  # fmt: skip
    port: int = _row(8050, "int", "port of the web server", low=1, high=65535)
    tls_cert: Path | None = _row(None, "path or none", "certificate file (PEM) of the web server")
    tls_key: Path | None = _row(None, "path or none", "key file (PEM) of the web server")
    seed: int = _row(7, "int", "seed of every draw in the simulation", low=0, high=2**63 - 1)
    demo: bool = _row(True, "bool", "demo people with random passwords, marked DEMO")
    demo_orders: bool = _row(True, "bool", "demo people place orders all day; needs demo")
    mode: str = _row("SIM", "text", "SIM = simulated exchange, REPLAY = a recorded day, REACTIVE = "
                     "a generated one like it; set by replay_messages and replay_mode",
                     choices=MODES)  # fmt: skip
    speed: float = _row(10.0, "float", "market seconds per second at the start", low=1, high=600)
    replay_messages: Path | None = _row(
        None, "path or none", "recorded messages (csv, csv.gz, zip)"
    )
    replay_orderbook: Path | None = _row(
        None, "path or none", "recorded order book of the same day; may be the same zip"
    )
    replay_mode: str = _row("virtual", "text", "virtual = own orders queue in the recorded book, "
                            "which cannot answer; reactive = a book generated like that day, which "
                            "answers", choices=REPLAY_MODES)  # fmt: skip
    history_days: int = _row(20, "int", "simulated past days to prepare at the first start",
                             low=0, high=250)  # fmt: skip
    lease_ms: int = _row(1000, "int", "a watchdog lease older than this stops new orders [ms]",
                         low=200, high=60_000)  # fmt: skip
    heartbeat_ms: int = _row(3000, "int", "an engine silent for this long is ended by the "
                             "watchdog [ms]", low=500, high=60_000)  # fmt: skip
    silence_ms: int = _row(1000, "int", "open orders of an engine silent for this long are taken "
                           "back by the watchdog [ms]", low=200, high=60_000)  # fmt: skip
    least_free_mb: int = _row(500, "int", "room on the disk below which no new order leaves [MB]",
                              low=50, high=100_000)  # fmt: skip
    unattended_s: int = _row(0, "int", "without a supervisor on a page for this long the desk is "
                             "REDUCING, 0 = never [s]", low=0, high=86_400)  # fmt: skip
    attendance_s: int = _row(0, "int", "orders at work without a trader, or without a risk person "
                             "who is another one, on a page for this long are a critical "
                             "exception, 0 = never [s]", low=0, high=86_400)  # fmt: skip
    alarm_s: int = _row(120, "int", "a critical exception that nobody acknowledges for this "
                        "long is the unattended alarm, 0 = never [s]", low=0,
                        high=86_400)  # fmt: skip
    alert_webhook: str = _row("", "text", "address that gets each new exception as JSON, "
                              "empty = none")  # fmt: skip
    alert_smtp: str = _row("", "text", "mail server (host:port) for the same, empty = none")
    alert_from: str = _row("", "text", "sender of these mails")
    alert_to: str = _row("", "text", "receivers of these mails, with commas between")
    alert_least: str = _row("critical", "text", "least severity that leaves the desk",
                            choices=("critical", "warn"))  # fmt: skip
    os_people: str = _row("", "text", "people behind users of this machine, such as "
                          "root=u3,alice=u1; others may only kill, hold and read")  # fmt: skip
    idle_lock_s: int = _row(900, "int", "idle people must sign in again to raise risk [s]",
                            low=10, high=86_400)  # fmt: skip
    database_url: str = _row("", "text", "SQLAlchemy address of the read tables; empty = desk.db "
                             "in the state folder")  # fmt: skip
    witness: Path | None = _row(None, "path or none", "folder of the watchdog's second record of "
                                "the journal; empty = witness in the state folder")  # fmt: skip
    ipc: Path | None = _row(None, "path or none", "folder of the sockets; empty = ipc in the state "
                            "folder, or a short one if that path is too long")  # fmt: skip
    log_level: str = _row("INFO", "text", "least level that is logged", choices=LOG_LEVELS)
    log_format: str = _row("text", "text", "form of the logs: as written, or one JSON object a "
                           "line", choices=("text", "json"))  # fmt: skip
    crash_at: str = _row("", "text", "point at which the engine kills itself, for crash tests")


def _table() -> tuple[Setting, ...]:
    """Rows of the table, in the order of the fields."""
    return tuple(Setting(name=f.name, default=f.default, **f.metadata) for f in fields(Settings))


SETTINGS: tuple[Setting, ...] = _table()
BY_NAME: Mapping[str, Setting] = {row.name: row for row in SETTINGS}
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def _bool(text: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise ValueError(text)
    return text.lower() in _TRUE


_PARSERS: Mapping[str, tuple[Callable[[str], object], str]] = {
    "text": (str, "text"),
    "int": (int, "a whole number"),
    "float": (float, "a number"),
    "bool": (_bool, "true or false"),
    "path": (Path, "a path"),
    "path or none": (lambda text: Path(text) if text else None, "a path"),
}


def _parse(row: Setting, text: str, source: str) -> object:
    """Value of one setting from its text; ``source`` names where it was written."""
    parser, what = _PARSERS[row.kind]
    try:
        value = parser(text)
    except ValueError:
        raise Refused(f"{source} must be {what}, was {text!r}", field=row.name) from None
    if row.choices and value not in row.choices:
        raise Refused(f"{source} must be {' or '.join(row.choices)}, was {text!r}", field=row.name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        _check_limits(row, value, source)
    return value


def _check_limits(row: Setting, value: float, source: str) -> None:
    if row.low is not None and not value >= row.low:
        raise Refused(f"{source} must be at least {row.low:g}, was {value:g}", field=row.name)
    if row.high is not None and not value <= row.high:
        raise Refused(f"{source} must be at most {row.high:g}, was {value:g}", field=row.name)


def _toml(path: Path) -> dict[str, str]:
    """Settings of a TOML file as text; an unknown key is refused, with the nearest name."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Refused(f"the settings file {path} does not exist", field="config") from None
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"{path} is not TOML: {error}", field="config") from None
    for key in raw:
        if key not in BY_NAME:
            near = difflib.get_close_matches(key, list(BY_NAME), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise Refused(f"{path}: unknown setting {key!r}{hint}", field=key)
        if not isinstance(raw[key], str | int | float):
            raise Refused(f"{path}: {key} must be one value, was {raw[key]!r}", field=key)
    return {key: str(value) for key, value in raw.items()}


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add every setting, ``--config`` and ``--replay`` to a parser."""
    group = parser.add_argument_group(
        "settings (flag, QD_ variable, TOML key, default: this order)"
    )
    group.add_argument("--config", metavar="FILE", help=f"TOML file, default {CONFIG_FILE}")
    group.add_argument(
        "--replay",
        nargs=2,
        metavar=("MESSAGES", "ORDERBOOK"),
        help="run on a recorded day: sets replay_messages and replay_orderbook",
    )
    for row in SETTINGS:
        text = f"{row.help} [{row.variable}, default {_show(row.default)}]".replace("%", "%%")
        if row.kind == "bool":
            group.add_argument(
                row.flag, action=argparse.BooleanOptionalAction, default=None, help=text
            )
        else:
            group.add_argument(row.flag, metavar=row.kind.split()[0].upper(), help=text)


def _show(value: object) -> str:
    """A default as the help and the docs write it."""
    if value is None or value == "":
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def resolve(flags: Mapping[str, object], environ: Mapping[str, str]) -> Settings:
    """Settle every setting: flag, then variable, then TOML file, then default.

    flags : ``vars()`` of a parsed namespace, or {}; a missing or None flag was not given.
    Raises Refused with the source and the value that does not fit.
    """
    replay = cast("list[str] | None", flags.get("replay"))
    given = dict(flags)
    if replay is not None:
        given["replay_messages"], given["replay_orderbook"] = replay
    config = flags.get("config") or environ.get("QD_CONFIG")
    path = Path(str(config)) if config else Path(CONFIG_FILE)
    written = _toml(path) if config or path.exists() else {}
    values: dict[str, Any] = {}
    for row in SETTINGS:
        flag = given.get(row.name)
        if flag is not None:
            values[row.name] = _parse(row, str(flag), row.flag)
        elif row.variable in environ:
            values[row.name] = _parse(row, environ[row.variable], row.variable)
        elif row.name in written:
            values[row.name] = _parse(row, written[row.name], f"{row.name} in {path}")
    return _settle(values)


def _settle(values: dict[str, Any]) -> Settings:
    """Make paths absolute and check what one setting says about another."""
    values.setdefault("state", Path("var"))
    for name, value in values.items():
        if isinstance(value, Path):
            values[name] = value.absolute()
    _check_replay(values)
    _check_host(values)
    values["mode"] = _mode(values)
    values["ipc"] = values.get("ipc") or _ipc(values["state"])
    return Settings(**values)


def _mode(values: Mapping[str, Any]) -> str:
    if values.get("replay_messages") is None:
        return "SIM"
    return REACTIVE if values.get("replay_mode") == "reactive" else "REPLAY"


def _check_replay(values: Mapping[str, Any]) -> None:
    messages, orderbook = values.get("replay_messages"), values.get("replay_orderbook")
    if (messages is None) != (orderbook is None):
        raise Refused("replay_messages and replay_orderbook must be given together", field="replay")
    mode = values.get("mode", "SIM")
    if mode != "SIM" and messages is None:
        raise Refused(f"mode {mode} needs replay_messages and replay_orderbook", field="mode")
    if values.get("replay_mode") == "reactive" and messages is None:
        raise Refused("replay_mode reactive needs a recording: give --replay", field="replay_mode")
    for recorded in (messages, orderbook):
        if recorded is not None and not recorded.is_file():
            raise Refused(f"the recorded file {recorded} does not exist", field="replay")


def _check_host(values: Mapping[str, Any]) -> None:
    if (values.get("tls_cert") is None) != (values.get("tls_key") is None):
        raise Refused("tls_cert and tls_key must be given together", field="tls_cert")
    host = values.get("host", "127.0.0.1")
    if host not in LOOPBACK and values.get("tls_cert") is None:
        raise Refused(
            f"host must be 127.0.0.1 unless tls_cert and tls_key are given, was {host}",
            field="host",
        )


def _ipc(state: Path) -> Path:
    """Folder of the sockets: in the state folder if their paths fit, else a short one."""
    inside = state / "ipc"
    if len(str(inside / "cancel.sock")) <= SOCKET_ROOM:
        return inside
    owner = os.getuid() if hasattr(os, "getuid") else 0
    digest = hashlib.sha256(str(state).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"qd-{owner}-{digest}"


def from_environment() -> Settings:
    """Settings of a child process: variables, then the TOML file, then defaults."""
    return resolve({}, os.environ)


def to_env(settings: Settings) -> dict[str, str]:
    """Environment that carries these settings to a child process, none left to chance."""
    values = {row.name: getattr(settings, row.name) for row in SETTINGS}
    env = {
        BY_NAME[name].variable: "" if value is None else str(value)
        for name, value in values.items()
    }
    env["QD_CANCEL_SOCKET"] = str(paths(settings).cancel)  # the watchdog imports nothing of ours
    return env


def shown(settings: Settings) -> dict[str, str]:
    """Name and value of every setting as people may see it: without passwords."""
    values = {row.name: _show(getattr(settings, row.name)) for row in SETTINGS}
    hook = values["alert_webhook"]  # whoever knows such an address may write there
    values["alert_webhook"] = re.sub(r"(://[^/]*/).+", r"\1***", hook)
    return {n: re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", value) for n, value in values.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Where things lie. Sockets are paths; ``endpoint`` writes one for ZeroMQ."""

    state: Path
    lock: Path  # held by the supervisor and its children
    kill_flag: Path  # memory-mapped
    clock: Path  # the desk's time against the monotonic clock, by the supervisor
    journal: Path  # folder, one <day>.db a day
    desk_db: Path  # read tables, droppable
    people_db: Path  # never dropped
    models: Path
    decisions: Path
    exchange: Path  # the exchange's own order log
    witness: Path  # the watchdog's second record of the journal
    reserve: Path  # file for acts of an engine whose journal cannot be written
    log: Path
    ipc: Path
    processes: Path  # what the supervisor knows, JSON
    demo_passwords: Path  # mode 0600, written by the web process
    venue: Path  # socket: lock-step channel of the exchange
    drop: Path  # socket: drop copy
    cancel: Path  # socket: the watchdog's own way to cancel
    engine: Path  # socket: commands and questions
    live: Path  # socket: live rows, acks, alerts
    worker: Path  # socket: questions that are answered by simulation


def paths(settings: Settings) -> Paths:
    """Every file and socket of this state folder; creates nothing."""
    state = settings.state
    ipc = settings.ipc if settings.ipc is not None else _ipc(state.absolute())
    exchange = state / "exchange"
    cancel = exchange / "cancel.sock"
    return Paths(
        state=state,
        lock=state / "lock",
        kill_flag=state / "kill.flag",
        clock=state / "clock.offset",
        journal=state / "journal",
        desk_db=state / "desk.db",
        people_db=state / "people.db",
        models=state / "models",
        decisions=state / "decisions",
        exchange=exchange,
        witness=settings.witness if settings.witness is not None else state / "witness",
        reserve=state / "reserve.log",
        log=state / "log",
        ipc=ipc,
        processes=state / "processes.json",
        demo_passwords=state / "demo_passwords.txt",
        venue=ipc / "venue.sock",
        drop=ipc / "drop.sock",
        cancel=cancel if len(str(cancel)) <= SOCKET_ROOM else ipc / "cancel.sock",
        engine=ipc / "engine.sock",
        live=ipc / "live.sock",
        worker=ipc / "worker.sock",
    )


def make_folders(where: Paths) -> None:
    """Create the folders, closed to other people: a socket has no other authentication."""
    for folder in (where.state, where.journal, where.models, where.decisions, where.exchange,
                   where.log, where.ipc):  # fmt: skip
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
            raise Refused(f"the folder {folder} must belong to you, it belongs to somebody else")
    where.ipc.chmod(0o700)
    where.state.chmod(0o700)


def endpoint(socket: Path) -> str:
    """ZeroMQ address of a socket path."""
    return f"ipc://{socket}"
