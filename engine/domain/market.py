"""The numpy dtypes that kernels, venues, feeds and decision records share.

Prices are int ticks, quantities int shares, instants int64 UTC ns, ``side`` is +1 buy / -1 sell.
A missing best price is 0 (prices are >= 1), a missing float is NaN. A fill or a print at a price
between ticks is ``price + sub / 100`` ticks: mid-points and the better prices of dealers.
``venue`` is the index of a venue (``engine.domain.venue``).
"""

import numpy as np

from engine.domain.kinds import N_FEATURES, VENUES

LEVELS = 10
SLOTS = 4  # live children of one parent that ``act`` sees at a time

# engine -> venue. An order message arrives at the venue at sent_ns + latency.
MESSAGE = np.dtype(
    [
        ("kind", "<i4"),  # NEW, CANCEL
        ("symbol", "<i4"),  # index into the venue's instruments
        ("child", "<i8"),
        ("side", "<i4"),
        ("type", "<i4"),  # LIMIT, IOC, ...
        ("price", "<i8"),  # [tick]
        ("quantity", "<i8"),  # [share]
        ("sent_ns", "<i8"),
        ("venue", "<i4"),
        ("display", "<i4"),  # ICEBERG: what it shows [share]
        ("minimum", "<i8"),  # least quantity of one execution, 0 = any [share]
    ],
    align=True,
)

# venue -> engine
REPORT = np.dtype(
    [
        ("kind", "<i4"),  # ACCEPTED, FILLED, ...
        ("symbol", "<i4"),
        ("child", "<i8"),
        ("exec_id", "<i8"),  # unique per venue and day, rises by one
        ("venue_ns", "<i8"),
        ("price", "<i8"),  # of the fill [tick]
        ("quantity", "<i8"),  # of the fill [share]
        ("cum", "<i8"),
        ("leaves", "<i8"),
        ("reason", "<i4"),
        ("liquidity", "<i4"),  # PASSIVE, AGGRESSIVE
        ("bid", "<i8"),  # consolidated touch just before the event [tick]
        ("ask", "<i8"),
        ("venue", "<i4"),
        ("sub", "<i4"),  # the fill is at price + sub / 100 ticks, 0 <= sub < 100
    ],
    align=True,
)

# one public print
TRADE = np.dtype(
    [
        ("symbol", "<i4"),
        ("side", "<i4"),  # of the aggressor, 0 unknown
        ("at_ns", "<i8"),
        ("price", "<i8"),
        ("quantity", "<i8"),
        ("own", "<i8"),  # our shares in it
        ("hidden", "<i4"),
        ("venue", "<i4"),
        ("sub", "<i4"),  # the print is at price + sub / 100 ticks
        ("auction", "<i4"),  # 1 = the one price of an opening, reopening or closing auction
    ],
    align=True,
)

# the market of one instrument at one instant; volumes are since the open, own prints included
TICK = np.dtype(
    [
        ("symbol", "<i4"),
        ("session", "<i4"),
        ("at_ns", "<i8"),
        ("bid", "<i8", (LEVELS,)),
        ("bid_size", "<i8", (LEVELS,)),
        ("ask", "<i8", (LEVELS,)),
        ("ask_size", "<i8", (LEVELS,)),
        ("volume", "<i8"),
        ("signed_volume", "<i8"),  # buyer-initiated minus seller-initiated
        ("own_volume", "<i8"),
        ("notional", "<i8"),  # sum of price * quantity, rounded once [tick * share]
        ("trades", "<i8"),
        ("last", "<i8"),
        ("ofi", "<f8"),  # order-flow imbalance since the open [share]
        ("events", "<i8"),  # book events since the open
        # the levels above are consolidated over the lit venues; here is each venue's own touch,
        # a dealer's streamed quote, zeros for a dark pool
        ("venue_bid", "<i8", (VENUES,)),
        ("venue_bid_size", "<i8", (VENUES,)),
        ("venue_ask", "<i8", (VENUES,)),
        ("venue_ask_size", "<i8", (VENUES,)),
        ("venue_state", "<i4", (VENUES,)),  # session state of the venue; CLOSED = down or absent
        ("venue_volume", "<i8", (VENUES,)),  # since the open
        ("off_exchange", "<i8"),  # volume since the open at dark pools and dealers, ours included
        ("auction_price", "<i8"),  # indicative, 0 = none now
        ("auction_volume", "<i8"),
        ("auction_imbalance", "<i8"),  # signed, shares left over at that price
    ],
    align=True,
)

# what ``act`` sees of one parent at one decision
OBSERVATION = np.dtype(
    [
        ("now_ns", "<i8"),
        ("start_ns", "<i8"),
        ("end_ns", "<i8"),
        ("open_ns", "<i8"),
        ("close_ns", "<i8"),
        ("kind", "<i4"),
        ("side", "<i4"),
        ("quantity", "<i8"),
        ("filled", "<i8"),
        ("limit_price", "<i8"),  # 0 = none
        ("arrival_price", "<f8"),  # mid at acceptance [tick]
        ("lot", "<i8"),
        ("collar_ticks", "<i8"),  # a child may cross the touch by this much at most
        ("seed", "<i8"),
        ("base_ns", "<i8"),  # schedule restarts here after resume/amend ...
        ("base_filled", "<i8"),  # ... from this much done
        ("volume", "<i8"),  # market volume since start, own included
        ("own_volume", "<i8"),
        ("bid", "<i8"),
        ("ask", "<i8"),
        ("bid_size", "<i8"),
        ("ask_size", "<i8"),
        ("slot_child", "<i8", (SLOTS,)),  # 0 = free
        ("slot_price", "<i8", (SLOTS,)),
        ("slot_leaves", "<i8", (SLOTS,)),
        ("slot_sent_ns", "<i8", (SLOTS,)),
        ("slot_cancelling", "<i4", (SLOTS,)),
        ("features", "<f4", (N_FEATURES,)),
        ("model_state", "<i4"),
        ("base_volume", "<i8"),  # ``volume`` at base_ns: POV and the cap do not make up for a hold
        ("slot_venue", "<i4", (SLOTS,)),
        ("slot_type", "<i4", (SLOTS,)),
        ("venues", "<i4"),  # bit i = children may go to venue i now: policy, parent and state agree
        ("venue_kind", "<i4", (VENUES,)),  # LIT, DARK, DEALER, 0 = absent
        ("venue_bid", "<i8", (VENUES,)),
        ("venue_bid_size", "<i8", (VENUES,)),
        ("venue_ask", "<i8", (VENUES,)),
        ("venue_ask_size", "<i8", (VENUES,)),
        ("venue_fill", "<f4", (VENUES,)),  # of what we sent there, 20 filled lots in advance
        ("venue_markout", "<f4", (VENUES,)),  # 10 s later, as far as believed, positive = good [bp]
        ("venue_volume", "<i8", (VENUES,)),  # of the symbol since the open
        (
            "venue_make",
            "<f4",
            (VENUES,),
        ),  # fee of a passive fill, negative = rebate [currency / share]
        ("venue_take", "<f4", (VENUES,)),  # fee of an aggressive fill
        ("expected_volume", "<i8"),  # of the symbol from open to close, known before the open
    ],
    align=True,
)

# what ``act`` decides
ACTION = np.dtype(
    [
        ("type", "<i4"),  # 0 none, LIMIT, IOC
        ("cancel_mask", "<i4"),  # bit i = cancel slot i
        ("price", "<i8"),
        ("size", "<i8"),
        ("ttl_ns", "<i8"),
        ("why", "<i4"),
        ("binding", "<i4"),
        ("model_state", "<i4"),
        ("kind", "<i4"),  # schedule that was used (the base when the model is off)
        ("target", "<f8"),  # shares that should be done by now
        ("band_low", "<f8"),
        ("band_high", "<f8"),
        ("score", "<f8"),  # P(mid moves up within the horizon), NaN without a model
        ("tilt", "<f8"),  # shares the model added to the target
        ("contributions", "<f8", (N_FEATURES,)),  # per feature, log-odds; zero without a model
        ("venue", "<i4"),
        ("display", "<i4"),
        ("minimum", "<i8"),
        ("state", "<f4", (N_FEATURES,)),  # what the policy saw and chose, S_*; zero without one
    ],
    align=True,
)
