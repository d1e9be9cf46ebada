"""The integers that kernels switch on. Numbers are stored in journals and files: never renumber."""

from typing import Final

BUY: Final = 1
SELL: Final = -1

# strategy kinds
TWAP: Final = 0
VWAP: Final = 1
POV: Final = 2
IS: Final = 3
LIQUIDITY: Final = 4
ADAPTIVE: Final = 5
RL: Final = 6

# venue messages (engine -> venue)
NEW: Final = 1
CANCEL: Final = 2

# child order types
LIMIT: Final = 1  # rests until filled, cancelled or the close
IOC: Final = 2  # limit, immediate or cancel; at a dark pool: trades at the mid or not at all
MARKET: Final = 3  # takes up to the venue's price band, the rest is cancelled
FOK: Final = 4  # all at once within its limit, or nothing
POST_ONLY: Final = 5  # rejected if it would trade on arrival
HIDDEN: Final = 6  # rests unseen, behind everything displayed at its price
ICEBERG: Final = 7  # shows ``display`` shares; each refill joins the end of the queue
PEG_MID: Final = 8  # dark pools: rests at the midpoint of the consolidated quote, up to its limit
AT_OPEN: Final = 9  # takes part in the opening auction only; limit price 0 = at any price
AT_CLOSE: Final = 10  # takes part in the closing auction only

# kinds of venue
LIT: Final = 1  # a public book, price-time priority
DARK: Final = 2  # a dark pool: hidden, midpoint
DEALER: Final = 3  # a single-dealer platform: streamed quotes, last look
VENUES: Final = 8  # places for venues in records; unused ones are zero

# venue reports (venue -> engine)
ACCEPTED: Final = 1
FILLED: Final = 2  # partial or full
CANCELLED: Final = 3
REJECTED: Final = 4
CANCEL_REJECTED: Final = 5
EXPIRED: Final = 6  # end of session

# why a report was a rejection
REASON_NONE: Final = 0
REASON_UNKNOWN_ORDER: Final = 1
REASON_TOO_LATE: Final = 2
REASON_DUPLICATE: Final = 3
REASON_CLOSED: Final = 4
REASON_BAD_PRICE: Final = 5
REASON_BAD_QUANTITY: Final = 6
REASON_IOC_REMAINDER: Final = 7
REASON_REQUESTED: Final = 8
REASON_MASS_CANCEL: Final = 9
REASON_WOULD_TRADE: Final = 10  # POST_ONLY
REASON_NOT_ALL: Final = 11  # FOK
REASON_SELF_MATCH: Final = 12  # it would have traded with our own order
REASON_LAST_LOOK: Final = 13  # the dealer declined
REASON_VENUE_DOWN: Final = 14
REASON_BAD_TYPE: Final = 15  # this venue does not take this order type
REASON_HALTED: Final = 16
REASON_MINIMUM: Final = 17  # less than the minimum quantity was there

# liquidity flag of a fill
PASSIVE: Final = 1
AGGRESSIVE: Final = 2

# session states
PRE_OPEN: Final = 0
CONTINUOUS: Final = 1
CLOSED: Final = 2
HALTED: Final = 3  # trading halt: orders may rest and be cancelled, nothing matches

# what can happen to a market (``kind`` of an INCIDENT record)
INCIDENT_OUTAGE: Final = 1  # a venue: quotes vanish, it answers nothing until it is back
INCIDENT_FEED_GAP: Final = 2  # no ticks and no trades are published
INCIDENT_CROSSED: Final = 3  # published quotes of a venue are garbage, its book is fine
INCIDENT_FLASH: Final = 4  # the reference price moves by ``size`` ticks and comes back
INCIDENT_HALT: Final = 5  # of a symbol
INCIDENT_STUCK_DARK: Final = 6  # a pool accepts, cancels late and never fills
INCIDENT_NEWS: Final = 7  # the reference price jumps by ``size`` ticks

# what bound an action (``binding`` of an ACTION record)
BOUND_NOTHING: Final = 0
BOUND_BAND: Final = 1  # inside the discretion band, nothing to do
BOUND_PARTICIPATION: Final = 2
BOUND_LIMIT_PRICE: Final = 3
BOUND_LOT: Final = 4
BOUND_LEAVES: Final = 5
BOUND_COLLAR: Final = 6
BOUND_MAX_CHILD: Final = 7
BOUND_NO_QUOTE: Final = 8
BOUND_NOT_STARTED: Final = 9
BOUND_FINISHED: Final = 10
BOUND_SLOTS: Final = 11  # every slot holds a live child
BOUND_VENUE: Final = 12  # no venue is open to it: down, killed, excluded or without a quote

# why an action was chosen (``why`` of an ACTION record)
WHY_WAIT: Final = 0
WHY_PASSIVE: Final = 1  # on or ahead of schedule: rest at the touch
WHY_BEHIND: Final = 2  # behind the band: cross
WHY_REPRICE: Final = 3  # the touch moved: cancel, then post again
WHY_CLEANUP: Final = 4  # the horizon ends: cross what is left
WHY_TILT_ON: Final = 5  # the model tilts towards trading now
WHY_TILT_OFF: Final = 6  # the model tilts towards waiting
WHY_DARK: Final = 7  # rest or ping where nobody sees it
WHY_DEALER: Final = 8  # take a dealer's streamed quote
WHY_AUCTION: Final = 9  # take part in an auction
WHY_POLICY_ON: Final = 10  # the learnt policy works ahead of its base schedule
WHY_POLICY_OFF: Final = 11  # the learnt policy waits

# where the model of a decision stands (``model_state`` of an ACTION record)
MODEL_NONE: Final = 0  # the strategy uses none, or none is approved
MODEL_LIVE: Final = 1
MODEL_EXPIRED: Final = 2
MODEL_DOUBTFUL: Final = 3  # features outside the training range, or accuracy below the floor
MODEL_UNSURE: Final = 4  # live, but the score is inside the confidence floor

# parameter vector of ``act``: index of each named parameter
P_BAND: Final = 0  # half-width of the discretion band, fraction of the quantity
P_AGGRESSION: Final = 1  # 0 passive .. 1 crosses as soon as it is behind schedule
P_MAX_PARTICIPATION: Final = 2  # own share of market volume, own volume in the denominator
P_TARGET_PARTICIPATION: Final = 3  # POV
P_JITTER: Final = 4  # TWAP: seeded jitter of the slice clock, fraction of a slice
P_SLICE_S: Final = 5  # seconds between schedule steps
P_MAX_CHILD: Final = 6  # shares in one child at most
P_DISPLAY_OFFSET: Final = 7  # ticks behind the own touch for passive children
P_RISK_AVERSION: Final = 8  # IS
P_MAX_TILT: Final = 9  # ADAPTIVE: most the model may move the target, fraction of the quantity
P_CONFIDENCE: Final = 10  # ADAPTIVE: |score - 0.5| below this is ignored
P_BASE: Final = 11  # ADAPTIVE: kind of the base schedule
P_EXPIRE: Final = 12  # 1 = no clean-up at the end of the horizon: what is left expires
P_PASSIVE: Final = 13  # 1 = never crosses (a parent that finishes passively)
P_DARK: Final = 14  # fraction of the resting quantity that goes to a dark pool, PEG_MID
P_CURVE_UPDATE: Final = 15  # VWAP: 0 = the curve is fixed .. 1 = updated from the volume so far
P_URGENCY: Final = 16  # LIQUIDITY: kappa x horizon, in the clock of the volume curve
P_MINIMUM: Final = 17  # LIQUIDITY: least quantity of one execution in a dark pool [share]
P_DEALER: Final = 18  # above 0 = a crossing child takes a dealer's quote that is as good
P_SIZE_GAIN: Final = 19  # ADAPTIVE: how much larger a child may be when the model leans all the way
P_SKEW: Final = 20  # ADAPTIVE: ticks that a full lean moves a passive child
P_DEVIATION: Final = 21  # RL: most it may leave its base schedule, fraction of the quantity
P_EXPLORE: Final = 22  # RL in training: > 0 = choices are drawn anew every so many seconds
N_PARAMETERS: Final = 24

N_FEATURES: Final = 16
F_SPREAD: Final = 0  # ticks
F_IMBALANCE_1: Final = 1  # touch, -1..1
F_IMBALANCE_5: Final = 2  # five levels, -1..1
F_WEIGHTED_MID: Final = 3  # weighted mid - mid, ticks
F_MICROPRICE: Final = 4  # microprice - mid, ticks
F_OFI_10S: Final = 5  # order-flow imbalance over 10 s / mean touch size
F_FLOW_10S: Final = 6  # signed trade volume over 10 s / traded volume, -1..1
F_FLOW_60S: Final = 7
F_VOLATILITY_60S: Final = 8  # sd of 1 s mid changes, ticks
F_VOLATILITY_300S: Final = 9
F_MOMENTUM_10S: Final = 10  # mid change, ticks
F_MOMENTUM_60S: Final = 11
F_QUEUE_BID: Final = 12  # ln(1 + shares at the best bid)
F_QUEUE_ASK: Final = 13
F_TIME: Final = 14  # 0 open .. 1 close
F_VOLUME_RATIO: Final = 15  # volume of the last 60 s / volume expected by the curve

# what the policy of RL sees (``state`` of an ACTION record); the last three are its choice
S_TIME: Final = 0  # time left / horizon
S_AHEAD: Final = 1  # (filled - base schedule) / most it may deviate, -3..3
S_LIVE: Final = 2  # at work / most it may deviate, 0..3
S_SHARE: Final = 3  # own share of the volume since the base
S_SPREAD: Final = 4  # ticks
S_IMBALANCE: Final = 5  # touch, positive = more on our side
S_FLOW: Final = 6  # trade flow over 60 s, positive = against us
S_MOMENTUM: Final = 7  # mid change over 60 s, positive = against us. [tick]
S_VOLATILITY: Final = 8  # over 5 min
S_VOLUME: Final = 9  # volume of the last 60 s / expected
S_QUEUE: Final = 10  # ln(1 + shares at our own touch)
S_DAY: Final = 11  # 0 open .. 1 close
S_DARK: Final = 12  # fill rate of the best pool, 0 when none is open
S_TILT: Final = 13  # choice: -1 wait, 0 the schedule, 1 ahead of it
S_PATIENCE: Final = 14  # choice: 1 = crosses only at the end of what it may deviate
S_OFF: Final = 15  # choice: 1 = pools and dealers first
CHOICES: Final = 12  # tilt x patience x venues; choice 4 is the base schedule itself

STATE_NAMES: Final = (
    "time left", "ahead of base", "at work", "own share", "spread", "imbalance on our side",
    "flow against us", "momentum against us", "volatility 5 min", "volume vs expected", "own queue",
    "time of day", "pool fill rate", "tilt", "patience", "off exchange first",
)  # fmt: skip
FEATURE_NAMES: Final = (
    "spread", "touch imbalance", "imbalance 5 levels", "weighted mid", "microprice",
    "order-flow imbalance 10 s", "trade flow 10 s", "trade flow 60 s", "volatility 60 s",
    "volatility 5 min", "momentum 10 s", "momentum 60 s", "bid queue", "ask queue",
    "time of day", "volume vs expected",
)  # fmt: skip
