"""The simulated market once more, in plain Python from its description: slow and obvious.

No kernel, table class or book of the product is used; only the parameters and the two tables of
quantiles, which a test of their own checks.
"""

import math

M64 = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(z):
    z &= M64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
    return z ^ (z >> 31)


def stream(seed, number):
    return mix(mix(seed + GOLDEN) + number * GOLDEN)


def draw(key, step):
    return mix(key + (step + 1) * GOLDEN)


def path(seed, p, z, n):
    """One dict a second: fundamental, half spread, depth, scale of own impact, candidates."""
    key = stream(seed, 101)
    first = draw(key, -1)
    memory = {
        name: z[(first >> shift) & 4095]
        for name, shift in (("day", 0), ("slow", 12), ("fast", 24), ("busy", 36), ("deep", 48))
    }
    tau = {"slow": 5400, "fast": 240, "busy": 60, "deep": 1500}
    v = p["vol_day"] ** 2 + p["vol_slow"] ** 2 + p["vol_fast"] ** 2
    fundamental, out = 0.0, []
    for s in range(n):
        x = 2 * (s + 0.5) / n - 1
        u = p["u_low"] + p["u_edge"] * x**4
        vol = sum(p[f"vol_{name}"] * memory[name] for name in ("day", "slow", "fast"))
        if s < 1800:
            vol += math.log(1 + p["open_vol"] * (1 - s / 1800))
        rate = p["rate"] * u * math.exp(p["busy"] * memory["busy"] - p["busy"] ** 2 / 2 + 0.5 * vol)
        a, b = draw(key, 2 * s), draw(key, 2 * s + 1)
        out.append(
            {
                "f": fundamental,
                "half": min(5.0, p["half_spread"] * u ** p["half_u"] * math.exp(1.1 * (vol - v))),
                "depth": p["depth"] * math.exp(p["deep"] * memory["deep"] - 0.2 * vol),
                "scale": math.exp(vol - v) * math.sqrt(11.2 / rate),
                "n": int(rate + (b >> 44) / 2**20),
            }
        )
        fundamental += p["sigma"] * math.sqrt(u) * math.exp(vol - v) * z[a & 4095]
        if (b & 0xFFFFFF) < p["jumps"] / n * 2**24:
            w = (((b >> 24) & 0xFFFF) + 0.5) / 65536
            size = min(60.0, 5 * (w ** (-1 / 3) - 0.5))
            fundamental += size if (b >> 40) & 1 else -size
        fundamental += p["drift"] / 23_400
        for name, shift in (("slow", 12), ("fast", 24), ("busy", 36), ("deep", 48)):
            keep = math.exp(-1 / tau[name])
            memory[name] = keep * memory[name] + math.sqrt(1 - keep**2) * z[(a >> shift) & 4095]
    return out


def life(bits, exponent):
    return int(min(4000, math.ceil((((bits >> 12) + 0.5) / 2**52) ** (-1 / exponent))))


def layer(seed, p, z, market_sizes, n):
    """`path` with the reference price ``r``, foresight ``b`` and the signs of each second."""
    seconds = path(seed, p, z, n)
    flow, meta = stream(seed, 102), stream(seed, 103)
    slots = []
    for slot in range(int(p["slots"])):
        bits = draw(draw(meta, slot), 0)
        slots.append([life(bits, p["alpha"] - 1), 1 if bits & 1 else -1, 0])
    taus = [4 * 5**k for k in range(6)]
    raw = [tau ** -p["beta_bg"] for tau in taus]
    weights = [(1 - p["pi_bg"]) * w / sum(raw) for w in raw] + [p["pi_bg"]]
    decay = [math.exp(-1 / tau) for tau in taus] + [1.0]
    memory = [0.0] * 7
    information = pressure = 0.0
    for s, row in enumerate(seconds):
        after = seconds[s + 1]["f"] if s + 1 < n else row["f"]
        row["b"] = min(1.0, max(-1.0, p["foresight"] * (after - row["f"])))
        row["r"] = p["reference"] + row["f"] + information + pressure
        row["bits"] = [draw(draw(flow, s), i) for i in range(row["n"])]
        row["signs"], pushed = {}, 0.0
        for i, bits in enumerate(row["bits"]):
            if bits & 16383 >= 1786:
                continue
            pick = ((bits >> 41) & 4095) - math.ceil(p["free_sign"] * 4096)
            if pick < 0:
                sign = 1 if (bits >> 14) & 1 else -1
            else:
                slot = slots[pick % len(slots)]
                sign = slot[1]
                slot[0] -= 1
                if slot[0] == 0:
                    slot[2] += 1
                    bits2 = draw(draw(meta, pick % len(slots)), slot[2])
                    slot[0], slot[1] = life(bits2, p["alpha"]), 1 if bits2 & 1 else -1
            row["signs"][i] = sign
            information += p["kappa"] * sign
            if ((bits >> 15) & 16383) < 0.62 * 16384:
                pushed += sign * min(float(market_sizes[(bits >> 29) & 4095]), 400 * p["size"])
        memory = [m * d + pushed for m, d in zip(memory, decay, strict=True)]
        gain = p["g_bg"] / (150 * p["size"])
        target = gain * sum(w * m for w, m in zip(weights, memory, strict=True))
        pressure += (1 - math.exp(-1 / p["lag"])) * (target - pressure)
    return seconds


def quoted(row, bits, far):
    """Side and price of a limit candidate; price 0 when the informed would not post it."""
    side = 1 if (bits >> 14) & 1 else -1
    if ((bits >> 15) & 16383) < -side * row["b"] * 16384:
        return side, 0
    wobble = 1.65 * (((bits >> 53) + 0.5) / 2048 - 0.5)
    if side > 0:
        return side, math.floor(row["r"] - row["half"] + wobble) - far
    return side, math.ceil(row["r"] + row["half"] - wobble) + far
