"""Columns of the live blotter: those of the first look, further ones, and named sets of them."""

from typing import Final

from components.live import Column

COLUMNS: Final = (
    Column(field="id", title="Parent", width=70, pinned=True, tip="parent order; Enter opens it"),
    Column(field="symbol", title="Symbol", width=56, tip="instrument"),
    Column(field="side", title="Side", form="side", width=62, tip="BUY or SELL"),
    Column(field="strategy", title="Strategy", width=76, tip="algorithm that works it"),
    Column(field="state", title="State", form="state", width=118, tip="as the engine confirmed it"),
    Column(field="quantity", title="Quantity", form="int", width=68, tip="ordered [share]"),
    Column(field="filled", title="Filled", form="int", width=64, flash=True, tip="done [share]"),
    Column(field="done", title="Done", form="bar", width=50, tip="filled / quantity"),
    Column(field="slippage_bps", title="Slip bp", form="bps", width=62, flash=True,
           tip="average fill against arrival mid, side-adjusted; positive = cost [bp]"),
    Column(field="vwap_bps", title="vs VWAP bp", form="bps", width=84, hide_below=1500,
           tip="average fill against the interval VWAP, own prints included; + = cost [bp]"),
    Column(field="participation", title="POV / cap", form="percent", width=88,
           tip="own share of market volume since arrival / the cap in force [%]"),
    Column(field="behind", title="Sched", form="percent", width=60,
           tip="(filled - target) / quantity; negative = behind the schedule"),
    Column(field="score", title="Model", form="signed", width=66, hide_below=1500,
           tip="probability of an up move by the model; a dash = the strategy runs without one"),
    Column(field="decided_at", title="Age", form="age", width=50,
           tip="age of the last decision on the market clock"),
    Column(field="alert", title="Alert", width=56, tip="newest alert nobody acknowledged"),
    Column(field="trader", title="Trader", form="person", width=56, tip="who entered it"),
)  # fmt: skip

# columns whose text needs more than their own value, by the function of blotter.js
SPECIAL: Final = {
    "participation": "qdPov(params)",
    "behind": "qdSchedule(params)",
    "score": "qdModel(params)",
    "decided_at": "qdDecided(params)",
}

MORE: Final = (
    Column(field="leaves", title="Left", form="int", width=64, tip="quantity - filled [share]"),
    Column(field="live", title="At venue", form="int", width=68, tip="shares of live children"),
    Column(field="children", title="Children", form="int", width=66, tip="live children"),
    Column(field="average", title="Average", form="price", width=74, decimals=4,
           tip="average price of the fills [currency]"),
    Column(field="arrival", title="Arrival", form="price", width=70, decimals=3,
           tip="mid when the order was accepted [currency]"),
    Column(field="limit", title="Limit", form="price", width=64, tip="limit price; - = none"),
    Column(field="passive", title="Passive", form="percent", width=66,
           tip="part of the filled shares that rested in a book [%]"),
    Column(field="fees", title="Fees", form="signed", width=66,
           tip="venue fees so far; negative = rebates [currency]"),
    Column(field="hold", title="Held by", width=110, tip="who or what holds it"),
    Column(field="binding", title="Bound by", width=90, tip="limit that bound the last decision"),
    Column(field="accepted_at", title="From", form="clock", width=66, tip="accepted, market clock"),
    Column(field="end_at", title="To", form="clock", width=66, tip="end of its horizon"),
    Column(field="on_restart", title="On restart", width=72, tip="what it does after a restart"),
    Column(field="on_disconnect", title="Exch. lost", width=72,
           tip="what it does once a lost exchange is back and compared"),
    Column(field="on_model_loss", title="Model lost", width=72,
           tip="what it does when its model version is killed, drifts or expires"),
    Column(field="catch_up", title="Catch-up", width=66, tip="what it does after a pause"),
    Column(field="version", title="Version", form="int", width=60, tip="of what people set"),
    Column(field="client", title="Client", width=80, tip="for whom"),
)  # fmt: skip

CHILDREN: Final = (
    Column(field="id", title="Child", width=90, tip="child order"),
    Column(field="symbol", title="Symbol", width=56, tip="instrument"),
    Column(field="side", title="Side", form="side", width=62, tip="BUY or SELL"),
    Column(field="venue", title="Venue", width=66, tip="where it is"),
    Column(field="type", title="Type", width=80, tip="order type"),
    Column(field="price", title="Price", form="price", width=66, tip="limit [currency]"),
    Column(field="quantity", title="Quantity", form="int", width=66, tip="ordered [share]"),
    Column(field="filled", title="Filled", form="int", width=60, flash=True, tip="done [share]"),
    Column(field="state", title="State", form="state", width=90, tip="as the venue said"),
    Column(field="sent_at", title="Sent", form="clock_ms", width=92, tip="market clock"),
    Column(field="why", title="Why", width=200, tip="the decision in words"),
)  # fmt: skip

NARROW: Final = {column.field: column.hide_below for column in COLUMNS if column.hide_below}
FORMS: Final = {  # as a workbook knows them
    column.field: f"price{max(column.decimals, 2)}" if column.form == "price" else column.form
    for column in (*COLUMNS, *MORE)
}
WHO: Final = ("id", "symbol", "side", "strategy", "state")

# name in the address, words, fields in order; "" is the first look, and hides some when narrow
PRESETS: Final = (
    ("", "Trading", [column.field for column in COLUMNS]),
    ("cost", "Cost", [*WHO, "filled", "done", "average", "arrival", "slippage_bps", "vwap_bps",
                      "passive", "fees", "trader"]),
    ("schedule", "Schedule", [*WHO, "quantity", "filled", "leaves", "live", "children", "behind",
                              "participation", "accepted_at", "end_at", "score", "decided_at",
                              "binding"]),
    ("policy", "Policy", [*WHO, "quantity", "leaves", "limit", "hold", "on_restart",
                          "on_disconnect", "on_model_loss", "catch_up",
                          "version", "alert", "client", "trader"]),
    ("all", "All columns", [*FORMS]),
)  # fmt: skip
