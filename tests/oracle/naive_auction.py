"""An auction once more, in plain Python: every price tried, orders filled one by one in a row."""

import math

from tests.oracle.naive_flow import draw, stream

WINDOW_S = 600
TURNOVER = {"open": 0.015, "close": 0.080, "reopen": 0.010}


def others(seed, number, kind, usual, sigma, centre):
    """Orders of others: dicts of side, price (0 = any), quantity, early [ns before the auction]."""
    key = draw(stream(seed, 109), number)
    orders = []
    for i in range(65):
        bits = draw(key, i)
        u, v, w, x = (((bits >> shift & 4095) + 0.5) / 4096 for shift in (12, 24, 36, 48))
        early = int(x * WINDOW_S * 10**9)
        if i == 64:
            uneven = (u - v) * 0.30
            size = int(abs(uneven) * TURNOVER[kind] * usual)
            orders.append(
                {"side": 1 if uneven > 0 else -1, "price": 0, "quantity": size, "early": early}
            )
            continue
        size = 1 + int(1.43 * TURNOVER[kind] * usual * 2 / 64 * (0.5 + u))
        price = 0
        if (i // 2) % 3:
            away = (2 * w - 1) * 12 * sigma / 0.47
            price = max(1, math.floor(centre + away + 0.5))
        orders.append({"side": 1 - 2 * (i % 2), "price": price, "quantity": size, "early": early})
    return orders


def willing(order, price):
    return order["price"] == 0 or order["side"] * (order["price"] - price) >= 0


def outcome(orders, price):
    """Shares that trade at a price, and buyers (+) or sellers (-) left over."""
    buy, sell = (
        sum(o["quantity"] for o in orders if o["side"] == side and willing(o, price))
        for side in (1, -1)
    )
    return min(buy, sell), buy - sell


def clearing(orders, middle):
    """(price, volume, imbalance): most, then least left over, then nearest, then the lower."""
    results = [(price, *outcome(orders, price)) for price in range(middle - 256, middle + 256)]
    best = min(results, key=lambda r: (-r[1], abs(r[2]), abs(r[0] - middle), r[0]))
    return best if best[1] > 0 else None


def allotted(orders, price, volume):
    """Shares of each order: no limit first, then the better limit, then who came first."""
    fills = [0] * len(orders)
    for side in (1, -1):
        line = [i for i, o in enumerate(orders) if o["side"] == side and willing(o, price)]
        line.sort(
            key=lambda i: (
                orders[i]["price"] != 0,
                -side * orders[i]["price"],
                -orders[i]["early"],
                orders[i].get("child", 0),
            )
        )
        left = volume
        for i in line:
            fills[i] = min(left, orders[i]["quantity"])
            left -= fills[i]
        assert left == 0
    return fills
