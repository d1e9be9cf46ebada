"""Small sound files of every feed format, and how to check an altered copy."""

import json

from engine.runtime.feeds.check import Options, check_file
from engine.runtime.feeds.formats import FORMATS

T0 = 1_715_126_400_000_000_000
MBO_HEAD = "ts_recv,ts_event,action,side,price_1e9,size,flags,sequence,order_id"
TOP_HEAD = "bid_px_1e9,ask_px_1e9,bid_sz,ask_sz,bid_ct,ask_ct"
PRINT_HEAD = "ts_recv,ts_event,action,side,price_1e9,size,flags,sequence"
LOBSTER_NAME = "TEST_2012-06-21_34200000_57600000_{}_1.csv"


def mbo(at, action, side, price, *rest):
    """One order record: ``price`` in quarter ticks, ``at`` ms after the first; then size, flags,
    sequence and id."""
    stamp = T0 + at * 10**6
    cells = (stamp + 1000, stamp, action, side, price * 250_000_000, *rest)
    return ",".join(str(cell) for cell in cells)


MBO = [
    MBO_HEAD,
    f"{T0},{T0},R,N,9223372036854775807,0,40,0,0",
    mbo(0, "A", "B", 20_000, 5, 40, 1, 11),
    mbo(0, "A", "B", 20_000, 3, 40, 2, 12),
    mbo(0, "A", "A", 20_002, 4, 168, 3, 13),
    mbo(1, "A", "A", 20_001, 2, 130, 4, 14),
    mbo(2, "T", "B", 20_001, 1, 0, 5, 99),
    mbo(2, "F", "A", 20_001, 1, 0, 5, 14),
    mbo(2, "M", "A", 20_001, 1, 130, 6, 14),
    mbo(3, "C", "B", 20_000, 5, 130, 7, 11),
    mbo(4, "M", "B", 19_999, 3, 130, 8, 12),
]


def mbp1(at, action, side, price, bid, ask):
    stamp = T0 + at * 10**6
    tick = 250_000_000
    flags = 0 if action == "T" else 130
    quotes = f"{bid * tick},{ask * tick},5,6,2,3"
    return f"{stamp + 1000},{stamp},{action},{side},{price * tick},1,{flags},{at + 1},{quotes}"


MBP1 = [
    f"{PRINT_HEAD},{TOP_HEAD}",
    mbp1(0, "A", "B", 20_000, 20_000, 20_001),
    mbp1(1, "T", "B", 20_001, 20_000, 20_001),
    mbp1(2, "C", "A", 20_001, 20_000, 20_002),
    mbp1(3, "A", "A", 20_001, 20_000, 20_001),
]
PRINTS = [
    PRINT_HEAD,
    *(f"{T0 + i * 10**6 + 900},{T0 + i * 10**6},T,B,{5000 + i}000000000,3,0,{i}" for i in range(5)),
]
TAQ_TRADES = [
    "DT,EX,SYMBOL,COND,SIZE,PRICE,CORR",
    "2018-01-02T14:30:00.125000,N,XXX,,50,158.5,0",
    "2018-01-02T14:30:00.146000,N,XXX,F,1805,158.5,0",
    "2018-01-02T14:30:00.146000,D,XXX,F I,5,158.49,0",
    "2018-01-02T14:30:01.259000,N,XXX,I,4,158.485,0",
]
TAQ_QUOTES = [
    "DT,EX,SYMBOL,BID,BIDSIZ,OFR,OFRSIZ",
    "2018-01-02T14:30:00.125000,N,XXX,158.4,2,158.5,3",
    "2018-01-02T14:30:00.126000,T,XXX,158.41,2,158.49,3",
    "2018-01-02T14:30:00.127000,N,XXX,158.42,2,158.5,1",
    "2018-01-02T14:30:00.128000,N,XXX,0,0,158.5,1",
]
BITSTAMP = [
    "id,timestamp,exchange.timestamp,price,volume,action,direction",
    "101,1430438404518,1430438404000,236.47,200000000,created,bid",
    "102,1430438404600,1430438404000,236.57,100000000,created,ask",
    "101,1430438404635,1430438404000,236.47,178855669,changed,bid",
    "102,1430438404700,1430438404000,236.57,100000000,deleted,ask",
]


def bybit(kind, number, bids, asks):
    """One message of the topic; prices and sizes as text."""
    data = {"s": "XRPUSDT", "b": bids, "a": asks, "u": number, "seq": number * 100}
    at = 1_733_011_200_000 + number
    topic = "orderbook.500.XRPUSDT"
    return json.dumps({"topic": topic, "type": kind, "ts": at + 2, "data": data, "cts": at})


BYBIT = [
    bybit("snapshot", 7, [["1.95", "10"], ["1.94", "20"]], [["1.96", "5"], ["1.97", "6"]]),
    bybit("delta", 8, [["1.95", "0"]], [["1.96", "7"]]),
    bybit("delta", 9, [["1.95", "3"]], []),
    bybit("delta", 10, [], [["1.98", "1.5"]]),
]
SIGNAL = [
    "name,owner,symbol,at,value",
    "news,research,MIDC,2026-01-02T14:30:00,0.25",
    "news,research,NRTH,2026-01-02T14:30:01,-1.5",
    "news,research,MIDC,2026-01-02T14:31:00,1e-3",
]
LOBSTER = [
    "34200.017459617,5,0,1,2238200,-1",
    "34200.18960767,1,11885113,21,2238100,1",
    "34200.28960767,4,11885113,21,2238100,1",
    "34200.37,1,7,5,2239000,-1",
]
LOBSTER_BOOK = [
    "2239500,100,2231800,100",
    "2239500,100,2238100,21",
    "2239500,100,2231800,100",
    "2239000,5,2231800,100",
]
SOUND = {
    "mbo": MBO,
    "mbp1": MBP1,
    "trades": PRINTS,
    "taq-trades": TAQ_TRADES,
    "taq-quotes": TAQ_QUOTES,
    "bitstamp": BITSTAMP,
    "bybit": BYBIT,
    "signal": SIGNAL,
    "lobster": LOBSTER,
}


def check_rows(folder, name, rows, book=None, **options):
    """The verdict about these rows; text or bytes."""
    path = folder / LOBSTER_NAME.format("message")
    text = "".join(f"{row}\n" for row in rows).encode() if isinstance(rows, list) else rows
    path.write_bytes(text)
    if book is not None:
        options["orderbook"] = folder / LOBSTER_NAME.format("orderbook")
        options["orderbook"].write_text("".join(f"{row}\n" for row in book))
    return check_file(path, FORMATS[name], Options(**options))
