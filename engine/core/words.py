"""Integers of kernels as words for people."""

from typing import Final

from engine.domain import kinds as k

WHY: Final = {
    k.WHY_WAIT: "wait",
    k.WHY_PASSIVE: "on schedule: rest at the touch",
    k.WHY_BEHIND: "behind the band: cross",
    k.WHY_REPRICE: "the touch moved: reprice",
    k.WHY_CLEANUP: "the horizon ends: cross what is left",
    k.WHY_TILT_ON: "the model expects the price to move away: trade now",
    k.WHY_TILT_OFF: "the model expects a better price: wait",
}
BINDING: Final = {
    k.BOUND_NOTHING: "",
    k.BOUND_BAND: "inside the band",
    k.BOUND_PARTICIPATION: "participation cap",
    k.BOUND_LIMIT_PRICE: "limit price",
    k.BOUND_LOT: "lot size",
    k.BOUND_LEAVES: "leaves",
    k.BOUND_COLLAR: "collar",
    k.BOUND_MAX_CHILD: "largest child",
    k.BOUND_NO_QUOTE: "no two-sided quote",
    k.BOUND_NOT_STARTED: "not started",
    k.BOUND_FINISHED: "finished",
    k.BOUND_SLOTS: "all child slots in use",
}
MODEL: Final = {
    k.MODEL_NONE: "none",
    k.MODEL_LIVE: "live",
    k.MODEL_EXPIRED: "expired",
    k.MODEL_DOUBTFUL: "doubtful",
    k.MODEL_UNSURE: "unsure",
}
TYPE: Final = {k.LIMIT: "LMT", k.IOC: "IOC"}
SESSION: Final = {
    k.PRE_OPEN: "PRE-OPEN",
    k.CONTINUOUS: "CONTINUOUS",
    k.CLOSED: "CLOSED",
    k.HALTED: "HALTED",
}
