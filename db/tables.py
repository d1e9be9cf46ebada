"""The read tables: what screens and reports ask, projected from the journal and droppable.

Every row says where it comes from: ``origin`` is LIVE or DEMO, ``source`` is "live" or the name of
a sealed past day ("demo-2026-11-20"). Ids are unique within their source. Prices are in ticks,
quantities in shares, instants UTC ns. ``notional100`` is a sum over own fills, exact between ticks,
in tick / 100 * share; the other notionals are the market's, in tick * share.
"""

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text

from db.base import metadata

LIVE: Final = "LIVE"
DEMO: Final = "DEMO"
LIVE_SOURCE: Final = "live"

TABLES: Final = metadata()


def _key(name: str, kind: Any = BigInteger) -> Column[Any]:
    return Column(name, kind, primary_key=True, nullable=False, autoincrement=False)


def _int(name: str) -> Column[Any]:
    return Column(name, BigInteger, nullable=False, default=0)


def _small(name: str) -> Column[Any]:
    return Column(name, Integer, nullable=False, default=0)


def _text(name: str, length: int = 40) -> Column[Any]:
    return Column(name, String(length), nullable=False, default="")


def _long(name: str) -> Column[Any]:
    return Column(name, Text, nullable=False, default="")


def _flag(name: str) -> Column[Any]:
    return Column(name, Boolean, nullable=False, default=False)


def _real(name: str) -> Column[Any]:
    return Column(name, Float, nullable=False, default=0.0)


def _maybe(name: str, kind: Any = BigInteger) -> Column[Any]:
    return Column(name, kind, nullable=True)


def _table(name: str, *columns: Column[Any]) -> Table:
    """A table keyed by its source first, with the origin in every row."""
    return Table(name, TABLES, _key("source", String(24)), _text("origin", 8), *columns)


# how far the projection has come in each source; ``turn``/``command_seq`` = the command under way
PROGRESS: Final = _table(
    "progress", _int("seq"), _text("segment"), _text("day", 10), _int("market_ns"),
    _int("desk_ns"), _int("projected_at"), _int("turn"), _int("command_seq"), _int("epoch"),
    _text("mode", 10), _text("code", 64), _flag("sealed"),
)  # fmt: skip
DAYS: Final = _table(
    "days", _key("day", String(10)), _text("zone"), _text("market", 120), _int("seed"),
    _int("open_at"), _int("close_at"), _flag("closed"), _int("opened_seq"), _int("closed_seq"),
    _int("closed_desk_ns"),
)  # fmt: skip
INSTRUMENTS: Final = _table(
    "instruments", _key("day", String(10)), _key("symbol", String(16)), _small("place"),
    _text("name", 80), _text("currency", 8), _real("tick_size"), _int("lot"), _int("adv"),
    _int("reference_price"), _real("spread_ticks"), _real("daily_volatility_bps"),
)  # fmt: skip
VENUES: Final = _table(
    "venues", _key("day", String(10)), _key("place", Integer), _text("name", 24), _small("kind"),
    _real("make_fee"), _real("take_fee"), _text("phone"),
)  # fmt: skip
PARENTS: Final = _table(
    "parents", _key("id"), _text("day", 10), _text("symbol", 16), _small("side"), _int("quantity"),
    _text("strategy", 16), _text("trader"), _text("desk"), _text("client", 80), _text("state", 16),
    _flag("worked"), _int("accepted_at"), _int("end_at"), _maybe("limit_price"),
    _real("arrival_price"), _int("arrival_volume"), _int("arrival_notional"), _text("approved_by"),
    _long("overrides"), _int("parameter_version"), _text("on_restart", 10), _text("catch_up", 10),
    _text("on_disconnect", 10), _int("reenters"), _text("on_model_loss", 10),
    _text("model_off", 120),
    _text("at_end", 10), _text("objective", 10), _real("risk_aversion"),
    _long("note"), _int("version"), _int("filled"), _int("notional100"),
    _real("fees"), _text("excluded", 200),
    _int("passive_filled"), _int("children"), _flag("passive_only"), _text("hold_cause", 120),
    _text("hold_by"), _int("held_at"), _int("kill_id"), _int("ended_at"),
    _maybe("end_price", Float), _int("end_volume"), _int("end_notional"), _int("last_seq"),
)  # fmt: skip
CHILDREN: Final = _table(
    "children", _key("id"), _text("day", 10), _int("parent_id"), _text("symbol", 16),
    _small("side"), _small("type"), _int("price"), _int("quantity"), _text("state", 16),
    _int("sent_at"), _int("ttl_ns"), _int("filled"), _int("notional100"), _small("why"),
    _text("venue", 24), _int("display"), _int("minimum"), _real("fees"),
    _small("binding"), _int("parameter_version"), _text("model_id", 64), _small("model_state"),
    _int("decision_seq"), _int("cancel_asked_at"), _text("cancel_by"), _int("kill_id"),
    _int("ended_at"), _small("reason"), _text("refusal", 200), _text("digest", 64),
    _int("most"), _text("status", 16), _int("passive_filled"), _int("replace_asked_at"),
    _long("life"),
)  # fmt: skip
# what a fill is now: a busted one has no shares left, a corrected one its new terms; ``was_`` are
# the terms that it was reported with
FILLS: Final = _table(
    "fills", _key("seq"), _text("day", 10), _int("child_id"), _int("parent_id"),
    _text("symbol", 16), _small("side"), _int("exec_id"), _int("venue_at"), _int("price"),
    _int("quantity"), _small("liquidity"), _int("bid"), _int("ask"), _small("sub"),
    _text("venue", 24), _real("fee"), _text("fate", 10), _int("was_price"), _small("was_sub"),
    _int("was_quantity"), _int("changed_at"),
)  # fmt: skip
KILLS: Final = _table(
    "kills", _key("id"), _text("day", 10), _int("generation"), _text("scope", 16),
    _text("target"), _text("by"), _text("door", 16), _text("state", 16), _int("requested_at"),
    _int("blocked_at"), _int("cancel_sent_at"), _int("confirmed_at"), _int("released_at"),
    _int("market_ns"), _int("parents"), _int("children"), _long("reason"), _text("release_by"),
    _text("released_by"), _long("release_reason"), _int("seq"),
)  # fmt: skip
# one row a child that a kill had to stop: what became of it, by venue evidence
RECEIPTS: Final = _table(
    "kill_receipts", _key("kill_id"), _key("child_id"), _int("parent_id"), _text("outcome", 16),
    _int("filled"), _int("leaves"), _int("market_ns"), _int("desk_ns"),
)  # fmt: skip
CHANGES: Final = _table(
    "changes", _key("id"), _text("day", 10), _text("strategy", 16), _text("state", 16),
    _flag("material"), _long("values"), _long("before"), _maybe("model_id", String(64)),
    _text("content_hash", 64), _long("authors"), _long("reason"), _int("edits"),
    _int("proposed_at"), _int("expires_at"), _text("decided_by"), _int("decided_at"),
    _long("decision_reason"), _int("seq"),
)  # fmt: skip
ALERTS: Final = _table(
    "alerts", _key("id"), _text("day", 10), _text("severity", 10), _text("kind"),
    _text("object"), _long("sentence"), _int("raised_at"), _int("times"),
    _text("acknowledged_by"), _int("acknowledged_at"), _int("seq"), _int("first_at"),
    _int("shown_at"), _text("shown_by"), _text("assigned_to"), _int("escalated_at"),
    _text("cause", 16), _long("resolution"), _text("resolved_by"), _int("resolved_at"),
)  # fmt: skip
COMMANDS: Final = _table(
    "commands", _key("seq"), _text("day", 10), _text("id", 80), _text("person"), _text("verb"),
    _text("object"), _text("door", 16), _long("reason"), _text("outcome", 10), _long("sentence"),
    _long("before"), _long("after"), _int("market_ns"), _int("desk_ns"),
)  # fmt: skip
ENTRIES: Final = _table(
    "entries", _key("seq"), _text("day", 10), _int("turn"), _int("market_ns"), _int("desk_ns"),
    _text("event"), _text("person"), _text("object"), _text("about"), _long("text"),
)  # fmt: skip
PARAMETERS: Final = _table(
    "parameters", _key("strategy", String(16)), _key("version"), _long("values"),
    _int("change_id"), _text("by"), _int("since"), _int("seq"),
)  # fmt: skip
MODELS: Final = _table(
    "models", _key("seq"), _text("strategy", 16), _text("model_id", 64), _int("change_id"),
    _long("card"), _text("by"), _int("since"),
)  # fmt: skip
# every version of a limit; version 0 = as delivered
LIMITS: Final = _table(
    "limits", _key("kind", String(24)), _key("level", String(12)), _key("subject", String(80)),
    _key("version"), _real("value"), _maybe("soft", Float), _real("window_s"), _long("symbols"),
    _long("derivation"), _text("owner"), _text("review", 10), _int("change_id"), _text("by"),
    _text("approved_by"), _int("since"), _flag("gone"), _int("seq"),
)  # fmt: skip
# the highest use of a limit on a day, and how often it said no
LIMIT_USE: Final = _table(
    "limit_use", _key("day", String(10)), _key("kind", String(24)), _key("level", String(12)),
    _key("subject", String(80)), _real("used"), _real("limit"), _real("share"), _int("at"),
    _int("refused"), _int("refused_at"),
)  # fmt: skip
REPORTS: Final = _table(
    "tca_reports", _key("day", String(10)), _text("report_hash", 64), _int("parents"),
    _maybe("shortfall_bps", Float), _maybe("body", Text), _int("reported_at"), _int("seq"),
)  # fmt: skip
TCA_PARENTS: Final = _table(
    "tca_parents", _key("day", String(10)), _key("parent_id"), _text("report_hash", 64),
    _text("symbol", 16), _small("side"), _text("strategy", 16), _text("trader"), _int("quantity"),
    _int("filled"), _maybe("cost", Float), _maybe("cost_bps", Float), _maybe("arrival_bps", Float),
    _maybe("vwap_bps", Float), _long("body"),
)  # fmt: skip
NOTES: Final = _table(
    "tca_notes", _key("seq"), _text("day", 10), _int("parent_id"), _long("text"), _text("by"),
    _int("at"),
)  # fmt: skip
SIGNATURES: Final = _table(
    "tca_signatures", _key("day", String(10)), _text("report_hash", 64), _text("by"), _int("at"),
    _int("seq"),
)  # fmt: skip

Index(None, PARENTS.c.day)
Index(None, CHILDREN.c.parent_id)
Index(None, FILLS.c.parent_id)
Index(None, ENTRIES.c.desk_ns)
Index(None, ENTRIES.c.object)
Index(None, ENTRIES.c.about)
Index(None, COMMANDS.c.desk_ns)
