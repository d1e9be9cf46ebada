"""Integers of kernels as words for people."""

from typing import Final

from engine.domain import kinds as k
from engine.domain import report_kinds as x

WHY: Final = {
    k.WHY_WAIT: "wait",
    k.WHY_PASSIVE: "on schedule: rest at the touch",
    k.WHY_BEHIND: "behind the band: cross",
    k.WHY_REPRICE: "the touch moved: reprice",
    k.WHY_CLEANUP: "the horizon ends: cross what is left",
    k.WHY_TILT_ON: "the model expects the price to move away: trade now",
    k.WHY_TILT_OFF: "the model expects a better price: wait",
    k.WHY_DARK: "rest at the mid, unseen",
    k.WHY_DEALER: "take a dealer's quote",
    k.WHY_AUCTION: "take part in the auction",
    k.WHY_POLICY_ON: "the learnt policy works ahead of its base schedule",
    k.WHY_POLICY_OFF: "the learnt policy waits",
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
    k.BOUND_VENUE: "no venue open to it",
}
MODEL: Final = {
    k.MODEL_NONE: "none",
    k.MODEL_LIVE: "live",
    k.MODEL_EXPIRED: "expired",
    k.MODEL_DOUBTFUL: "doubtful",
    k.MODEL_UNSURE: "unsure",
}
TYPE: Final = {
    k.LIMIT: "LMT",
    k.IOC: "IOC",
    k.MARKET: "MKT",
    k.FOK: "FOK",
    k.POST_ONLY: "POST",
    k.HIDDEN: "HID",
    k.ICEBERG: "ICE",
    k.PEG_MID: "MID",
    k.AT_OPEN: "MOO",
    k.AT_CLOSE: "MOC",
}
VENUE_KIND: Final = {k.LIT: "lit", k.DARK: "dark", k.DEALER: "dealer"}
VENUE_STATE: Final = {
    k.PRE_OPEN: "pre-open",
    k.CONTINUOUS: "up",
    k.CLOSED: "down",
    k.HALTED: "halted",
}
REASON: Final = {
    k.REASON_UNKNOWN_ORDER: "unknown order",
    k.REASON_TOO_LATE: "too late",
    k.REASON_DUPLICATE: "sent twice",
    k.REASON_CLOSED: "closed",
    k.REASON_BAD_PRICE: "bad price",
    k.REASON_BAD_QUANTITY: "bad quantity",
    k.REASON_IOC_REMAINDER: "rest of an immediate order",
    k.REASON_REQUESTED: "as asked",
    k.REASON_MASS_CANCEL: "mass cancel",
    k.REASON_WOULD_TRADE: "it would have traded at once",
    k.REASON_NOT_ALL: "not all at once",
    k.REASON_SELF_MATCH: "it would have met our own order",
    k.REASON_LAST_LOOK: "the dealer declined",
    k.REASON_VENUE_DOWN: "the venue is down",
    k.REASON_BAD_TYPE: "the venue does not take this type",
    k.REASON_HALTED: "trading is halted",
    k.REASON_MINIMUM: "less than the minimum was there",
    x.REASON_UNSOLICITED: "by the venue itself",
    x.REASON_PENDING: "another request is under way",
    x.REASON_REQUEUED: "cancelled and entered anew: its place in the queue is lost",
    x.REASON_DRILL: "a drill",
}
SESSION: Final = {
    k.PRE_OPEN: "PRE-OPEN",
    k.CONTINUOUS: "CONTINUOUS",
    k.CLOSED: "CLOSED",
    k.HALTED: "HALTED",
}
