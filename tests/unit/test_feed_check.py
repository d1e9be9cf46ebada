"""Every format: a sound file is accepted whole, a bad row is kept out with a reason."""

import gzip
import json
import lzma
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.domain.errors import Refused
from engine.kernels import l3
from engine.runtime.feeds import books, windowed
from engine.runtime.feeds.check import Feed, Options, check_file
from engine.runtime.feeds.event import pack
from engine.runtime.feeds.formats import FORMATS
from engine.runtime.feeds.session import hours_of
from engine.runtime.feeds.verb import main
from tests.support.feeds import (
    LOBSTER,
    LOBSTER_BOOK,
    LOBSTER_NAME,
    MBO,
    SOUND,
    TAQ_QUOTES,
    bybit,
    check_rows,
    mbo,
    mbp1,
)

WITH_HEADER = sorted(name for name, fmt in FORMATS.items() if fmt.has_header)
NOT_ORDERED = ("bybit",)


def test_there_is_a_sound_file_of_every_format():
    assert set(SOUND) == set(FORMATS)


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_file_is_accepted_whole(name, tmp_path):
    found = check_rows(tmp_path, name, SOUND[name])
    assert found.clean
    assert found.rows == found.accepted == len(SOUND[name]) - FORMATS[name].has_header
    assert (found.quarantined, found.repaired, found.kept) == ({}, {}, [])
    assert found.first_ns < found.last_ns


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress], ids=["gz", "xz"])
def test_a_packed_file_reads_as_the_plain_one(name, pack, tmp_path):
    text = "".join(f"{row}\n" for row in SOUND[name]).encode()
    packed = check_rows(tmp_path, name, pack(text))
    assert packed == check_rows(tmp_path, name, text)


# what is done to a file -> the rows as they then are
def header_again(rows, name):
    words = ",".join(FORMATS[name].columns)
    return [*rows[:3], words, *rows[3:]], 1


def a_row_twice(rows, _name):
    return [*rows[:3], rows[2], *rows[3:]], 1


def two_rows_swapped(rows, _name):
    return [*rows[:-2], rows[-1], rows[-2]], 1


def a_row_cut_off(rows, _name):
    return [*rows[:-1], rows[-1][: len(rows[-1]) // 2]], 1


def a_number_that_is_none(rows, _name):
    bad = rows[-1].replace("1", "NaN")
    return [*rows, bad], 1


def negative_sizes(rows, _name):
    bad = rows[-1].replace(",", ",-").replace('"', '"-') if "," in rows[-1] else rows[-1]
    return [*rows, bad], 1


def bytes_of_nothing(rows, _name):
    return [*rows, "\x00\x01\x02", "", ",,,,,,,,", "{}", "[" * 3000], 5


def one_endless_row(rows, _name):
    return [*rows, "9" * (1 << 21)], 1


ALTERED = [
    header_again,
    a_row_twice,
    two_rows_swapped,
    a_row_cut_off,
    a_number_that_is_none,
    negative_sizes,
    bytes_of_nothing,
    one_endless_row,
]
# formats in which two equal rows, or their order, are not told apart by anything in them
MAY_REPEAT = {(a_row_twice, "taq-trades"), (a_row_twice, "taq-quotes")}
SAME_SIGNAL = {(two_rows_swapped, "signal")}  # different symbols: each has an order of its own


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("alter", ALTERED, ids=lambda f: f.__name__)
def test_an_altered_file_is_kept_out_at_that_row_and_the_rest_is_read(name, alter, tmp_path):
    rows, bad = alter(SOUND[name], name)
    found = check_rows(tmp_path, name, rows)
    if (alter, name) in MAY_REPEAT:
        assert found.noted["duplicate"] == 1
        return
    if (alter, name) in SAME_SIGNAL:
        assert found.clean
        return
    assert found.in_quarantine >= bad
    assert found.accepted >= len(SOUND[name]) - FORMATS[name].has_header - 3
    assert found.accepted + found.in_quarantine == found.rows
    assert all(one.reason for one in found.findings)
    kept = {one.row: one.raw for one in found.kept}
    assert len(kept) == found.in_quarantine
    assert all(raw == rows[row].encode()[:200] for row, raw in kept.items())


BAD_CELLS = {
    "mbo": [
        ("price off the tick", mbo(5, "A", "B", 1, 1, 130, 9, 50).replace("250000000", "250000001"),
         "multiple of the tick"),
        ("unknown id", mbo(5, "C", "B", 20_000, 1, 130, 9, 777), "never announced"),
        ("more than is left", mbo(5, "C", "B", 19_999, 9, 130, 9, 12), "more than the order has"),
        ("an id twice", mbo(5, "A", "B", 19_990, 9, 130, 9, 12), "rests already"),
        ("crossing", mbo(5, "A", "B", 20_005, 9, 130, 9, 50), "crossed the book"),
        ("undefined price", mbo(5, "A", "B", 1, 9, 130, 9, 50).replace(",250000000,",
         ",9223372036854775807,"), "price_1e9 must be"),
        ("no side", mbo(5, "A", "N", 20_000, 9, 130, 9, 50), "side must be one of A, B"),
        ("sender lost records", mbo(5, "A", "B", 20_000, 9, 134, 9, 50), "lost records"),
        ("stamp of 1970", mbo(5, "A", "B", 20_000, 9, 130, 9, 50).replace("17151", "00000"),
         "an instant of 1990"),
    ],
    "taq-trades": [
        ("price 0", "2018-01-02T14:30:02,N,XXX,,50,0,0", "PRICE must be a price > 0"),
        ("31st of February", "2018-02-31T14:30:02,N,XXX,,50,1,0", "a date that exists"),
        ("hour 25", "2018-01-03T25:30:02,N,XXX,,50,1,0", "a time that exists"),
        ("exponent", "2018-01-03T14:30:02,N,XXX,,50,1e3,0", "PRICE must be a decimal"),
        ("correction", "2018-01-03T14:30:02,N,XXX,,50,1,x", "CORR must be"),
        ("endless condition", "2018-01-03T14:30:02,N,XXX,ABCDEFGHI,50,1,0", "COND must be"),
        ("no venue", "2018-01-03T14:30:02,,XXX,,50,1,0", "EX and SYMBOL must be"),
        ("huge", "2018-01-03T14:30:02,N,XXX,,5000000000000,1,0", "SIZE must be"),
    ],
    "taq-quotes": [
        ("crossed", "2018-01-02T14:30:01,N,XXX,158.6,2,158.5,3", "at or over ask"),
        ("locked", "2018-01-02T14:30:01,N,XXX,158.5,2,158.5,3", "at or over ask"),
        ("a price without size", "2018-01-02T14:30:01,N,XXX,158.4,0,158.5,3", "or neither"),
    ],
    "bitstamp": [
        ("unknown id", "7,1430438404800,1430438404000,236.57,5,deleted,ask", "never announced"),
        ("an id twice", "101,1430438404800,1430438404000,236.57,5,created,ask", "rests already"),
        ("volume 0", "103,1430438404800,1430438404000,236.57,0,created,ask", "volume must be"),
        ("new word", "101,1430438404800,1430438404000,236.57,0,gone,ask", "action must be"),
    ],
    "bybit": [
        ("a gap", bybit("delta", 12, [], []), "1 messages are missing before number 12"),
        ("the same number", bybit("delta", 10, [], [["1.99", "1"]]), "number 10 after number 10"),
        ("an old number", bybit("delta", 8, [], []), "number 8 after number 10"),
        ("crossed", bybit("delta", 11, [["1.99", "3"]], []), "at or over ask"),
        ("a negative size", bybit("delta", 11, [["1.9", "-3"]], []), "size must be"),
        ("a word", bybit("delta", 11, [["1.9", "NaN"]], []), "size must be"),
        ("another type", bybit("patch", 11, [], []), "must be an order-book message"),
    ],
    "signal": [
        ("infinity", "news,research,MIDC,2026-01-02T14:32:00,inf", "a finite number"),
        ("no owner", "news,,MIDC,2026-01-02T14:32:00,1", "not empty"),
        ("too large", "news,research,MIDC,2026-01-02T14:32:00,1e999", "a finite number"),
    ],
    "mbp1": [
        ("crossed", mbp1(9, "A", "B", 20_000, 20_001, 20_000), "at or over ask"),
        ("a trade without price", mbp1(9, "T", "B", 20_000, 20_000, 20_001).replace(
            "5000000000000", "9223372036854775807", 1), "> 0 in a trade"),
    ],
    "trades": [
        ("a new order", "1715126400009001000,1715126400009000000,A,B,5000000000000,1,0,9",
         "action must be one of T"),
    ],
    "lobster": [
        ("type 8", "34201.5,8,9,10,2238000,1", "type must be"),
        ("side 0", "34201.5,1,9,10,2238000,0", "direction must be"),
        ("dummy price", "34201.5,1,9,10,9999999999,1", "price must be"),
        ("halt with a size", "34201.5,7,0,5,-1,-1", "size must be"),
        ("halt with a price", "34201.5,7,0,0,5,-1", "price must be"),
        ("an order twice", "34201.5,1,7,10,2238000,1", "submitted before"),
        ("an order that ended", "34201.5,3,11885113,21,2238100,1", "ended at row 2"),
        ("more than is left", "34201.5,4,7,50,2239000,-1", "more than the order has left"),
        ("an id far ahead", "34201.5,3,999999999,1,2238100,1", "far beyond every id"),
        ("after the day", "90000.5,1,9,10,2238000,1", "time must be"),
    ],
}  # fmt: skip
CASES = [(name, *case) for name, cases in BAD_CELLS.items() for case in cases]


@pytest.mark.parametrize(
    ("name", "what", "row", "says"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES]
)
def test_a_bad_row_is_named_with_its_reason_and_acts_on_nothing(name, what, row, says, tmp_path):
    sound = check_rows(tmp_path, name, SOUND[name])
    found = check_rows(tmp_path, name, [*SOUND[name], row])
    assert found.in_quarantine == 1
    assert found.kept[0].row == len(SOUND[name])
    assert says in found.kept[0].reason
    assert found.accepted == sound.accepted
    if found.book is not None:
        same = ("orders", "bid_levels", "ask_levels")
        assert [getattr(found.book, one) for one in same] == [
            getattr(sound.book, one) for one in same
        ]


@pytest.mark.parametrize("name", WITH_HEADER)
@pytest.mark.parametrize(
    "head", ["", "a,b,c", "DT", '"', "ts_recv," * 5000, "\x00", "�" * 100, "{}"]
)
def test_a_file_whose_header_lacks_a_column_is_refused_with_the_missing_names(name, head, tmp_path):
    with pytest.raises(Refused, match="header"):
        check_rows(tmp_path, name, [head, *SOUND[name][1:]])


@pytest.mark.parametrize("name", WITH_HEADER)
def test_columns_may_stand_in_any_order_with_others_between_them(name, tmp_path):
    rows = [["extra", *reversed(row.split(","))] for row in SOUND[name]]
    found = check_rows(tmp_path, name, [",".join(row) for row in rows])
    assert found.clean
    assert found.accepted == len(rows) - 1


def test_missing_empty_and_unpackable_files_are_refused(tmp_path):
    for name in ("none.csv", "."):
        with pytest.raises(Refused, match="cannot be read"):
            check_file(tmp_path / name, FORMATS["mbo"], Options())
    with pytest.raises(Refused, match="is empty"):
        check_rows(tmp_path, "mbo", b"")
    with pytest.raises(Refused, match="cannot be read"):
        check_rows(tmp_path, "mbo", b"\x1f\x8b\x08nothing")
    with pytest.raises(Refused, match="zstd"):
        check_rows(tmp_path, "mbo", b"\x28\xb5\x2f\xfdrest")


def test_a_packed_file_that_breaks_off_is_read_up_to_there_and_says_so(tmp_path):
    text = "".join(f"{row}\n" for row in [*MBO, *(mbo(9, "T", "B", 20_000, 1, 0, i, i) for i in
                                                  range(20_000))]).encode()  # fmt: skip
    found = check_rows(tmp_path, "mbo", gzip.compress(text)[:-4000])
    assert 100 < found.rows < 20_000
    assert found.quarantined == {"cut-off": 1}
    assert "breaks off after row" in found.findings[-1].reason


@pytest.mark.parametrize("decimals", [0, 2, 4, 5])
def test_a_lobster_file_with_rounded_times_is_kept_out_whole(decimals, tmp_path):
    rows = [f"{34200 + i / 7:.{decimals}f},1,{i + 1},1,2238200,-1" for i in range(600)]
    found = check_rows(tmp_path, "lobster", rows)
    assert (found.accepted, found.quarantined) == (0, {"clock": 600})
    assert "a rounded copy" in found.findings[0].reason


# --- LOBSTER with its book --------------------------------------------------------------------


def test_with_its_book_every_message_is_explained(tmp_path):
    found = check_rows(tmp_path, "lobster", LOBSTER, book=LOBSTER_BOOK)
    assert found.clean
    assert (found.transitions_exact, found.accepted) == (3, 4)


def long_day(n=60):
    """A day of one level that is added to and deleted from, with its book."""
    rows, book = [], []
    for i in range(n):
        order, bid = 100 + i // 2, "2238100,21" if i % 2 == 0 else "2231800,100"
        rows.append(f"{34201 + i}.123456789,{1 if i % 2 == 0 else 3},{order},21,2238100,1")
        book.append(f"2239500,100,{bid}")
    return rows, book


@pytest.mark.parametrize(
    ("what", "alter", "most"),
    [
        ("a header in the messages", lambda m, b: (["time,type", *m], b), 2),
        ("a header in the book", lambda m, b: (m, ["ask,bid", *b]), 3),
        ("a message twice", lambda m, b: ([*m[:9], m[8], *m[9:]], b), 1),
        ("a message missing", lambda m, b: ([*m[:9], *m[10:]], b), 2),
        ("a book row twice", lambda m, b: (m, [*b[:9], b[8], *b[9:]]), 1),
        ("a book row missing", lambda m, b: (m, [*b[:9], *b[10:]]), 3),
        ("two messages swapped", lambda m, b: ([*m[:9], m[10], m[9], *m[11:]], b), 3),
        ("a bad book row", lambda m, b: (m, [*b[:9], "1,2,nan,4", *b[10:]]), 2),
        ("a crossed book row", lambda m, b: (m, [*b[:9], "2238000,1,2239000,1", *b[10:]]), 3),
        ("a wrong size", lambda m, b: (m, [*b[:9], "2239500,101,2231800,100", *b[10:]]), 2),
        ("a bad message", lambda m, b: ([*m[:9], "x", *m[10:]], b), 1),
        ("both cut off", lambda m, b: ([*m[:-1], m[-1][:9]], [*b[:-1], b[-1][:9]]), 2),
    ],
)
def test_a_fault_in_one_of_the_two_files_does_not_shift_the_rest(what, alter, most, tmp_path):
    messages, book = alter(*long_day())
    found = check_rows(tmp_path, "lobster", messages, book=book)
    assert not found.clean
    assert sum(found.quarantined.values()) <= most + 1
    assert found.accepted >= 60 - most


def a_walk(n):
    """A day whose every message changes the book in its own way, with its book."""
    rows, book, size = [], [], 100
    for i in range(n):
        size += 1 + i
        rows.append(f"{34201 + i}.123456789,1,{i + 1},{1 + i},2238100,1")
        book.append(f"2239500,100,2238100,{size}")
    return rows, book


@pytest.mark.parametrize("hole", [5, 60, 200])
def test_after_a_hole_in_the_messages_both_files_find_their_step_again(hole, tmp_path):
    messages, book = a_walk(600)
    rest = [*messages[:100], *messages[100 + hole :]]
    found = check_rows(tmp_path, "lobster", rest, book=book)
    assert found.quarantined == {"transition": 3}
    assert found.repaired == {"transition": 4}
    assert found.accepted == len(rest) - 3


@pytest.mark.parametrize("hole", [5, 60, 200])
def test_after_a_hole_in_the_book_both_files_find_their_step_again(hole, tmp_path):
    messages, book = a_walk(600)
    found = check_rows(tmp_path, "lobster", messages, book=[*book[:100], *book[100 + hole :]])
    assert set(found.quarantined) <= {"transition", "extra-row"}
    assert found.in_quarantine <= hole + 4
    assert found.accepted == 600 - found.in_quarantine


def test_files_of_two_days_are_quarantined_row_by_row_in_bounded_time(tmp_path):
    messages, _ = a_walk(3_000)
    _, book = long_day(3_000)
    found = check_rows(tmp_path, "lobster", messages, book=book)
    assert found.accepted <= 2


def test_a_crossed_book_counts_in_the_session_and_not_in_a_halt(tmp_path):
    rows = [
        "34200.1,7,0,0,-1,-1",
        "34200.2,7,0,0,0,-1",
        "34200.3,7,0,0,1,-1",
        "34200.4,5,0,1,2239000,1",
    ]
    sound, crossed = "2239500,100,2231800,100", "2239500,100,2239600,100"
    book = [crossed, crossed, crossed, crossed]
    found = check_rows(tmp_path, "lobster", rows, book=book)
    assert found.quarantined == {"crossed-in-session": 2}
    assert check_rows(tmp_path, "lobster", rows, book=[sound] * 4).clean
    early = [row.replace("34200", "30000") for row in rows]
    assert check_rows(tmp_path, "lobster", early, book=book).clean


# --- sessions, memory, bytes ------------------------------------------------------------------


def test_crossed_quotes_before_the_open_are_legitimate(tmp_path):
    crossed = "2018-01-02T{},N,XXX,158.6,2,158.5,3"
    rows = [TAQ_QUOTES[0], crossed.format("14:29:59"), crossed.format("14:30:00")]
    found = check_rows(tmp_path, "taq-quotes", rows)
    assert [one.row for one in found.kept] == [2]
    assert found.quarantined == {"crossed-in-session": 1}


def test_an_order_feed_may_be_crossed_before_its_session_and_is_told_after_it(tmp_path):
    rows = [*MBO, mbo(5, "A", "B", 20_005, 9, 130, 9, 50), mbo(6, "C", "B", 20_005, 9, 130, 10, 50)]
    closed = check_rows(tmp_path, "mbo", rows, hours=hours_of("01:00-02:00"))
    assert closed.clean
    assert closed.book.best_bid == 19_999 * 0.25
    opened = check_rows(tmp_path, "mbo", rows, hours=hours_of("00:00-02:00"))
    assert opened.quarantined == {"crossed-in-session": 1, "unknown-id": 1}


def test_a_book_that_is_crossed_when_its_session_begins_is_told_once(tmp_path):
    rows = [
        *MBO,
        mbo(5, "A", "B", 20_005, 9, 130, 9, 50),
        *(mbo(120_000 + i, "A", "B", 19_000, 1, 130, 10 + i, 60 + i) for i in range(5)),
    ]
    found = check_rows(tmp_path, "mbo", rows, hours=hours_of("00:02-02:00"))
    assert found.quarantined == {"crossed-in-session": 1}


@pytest.mark.parametrize("name", SOUND)
def test_a_flood_of_bad_rows_keeps_the_process_and_its_memory(name, tmp_path):
    flood = [*SOUND[name], *(f"{i},junk," + "x" * 1000 for i in range(6_000))]
    path = tmp_path / LOBSTER_NAME.format("message")
    check_rows(tmp_path, name, SOUND[name])  # what is loaded once is not the file's
    path.write_text("".join(f"{row}\n" for row in flood))
    del flood
    tracemalloc.start()
    found = check_file(path, FORMATS[name], Options())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.in_quarantine == 6_000
    assert (len(found.kept), found.not_kept) == (1_000, 5_000)
    assert len(found.findings) == 100
    fixed = 22 << 20 if FORMATS[name].book == "orders" else 0  # ladders, pools, table of ids
    assert peak < fixed + (3 << 20) < path.stat().st_size + fixed


@pytest.mark.parametrize("name", ["mbo", "lobster", "bitstamp"])
def test_a_flood_of_new_orders_is_bounded(name, tmp_path):
    rows = {
        "mbo": lambda i: mbo(5 + i // 100, "A", "B", 10_000 - i % 900, 1, 130, 9 + i, 1000 + i),
        "bitstamp": lambda i: f"{i + 500},{1430438405000 + i},1430438404000,200,5,created,bid",
        "lobster": lambda i: f"{34201 + i // 10}.{i % 10}00000001,1,{i + 500},1,2238000,1",
    }[name]
    assert books.MOST_ORDERS <= 1 << 17
    assert windowed.MOST_LIVE + windowed.MOST_GONE <= 250_000
    found = check_rows(tmp_path, name, [*SOUND[name], *map(rows, range(9_000))])
    assert found.clean


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_no_bytes_crash_a_check_and_none_are_lost(tmp_path, data):
    name = data.draw(st.sampled_from(sorted(SOUND)))
    text = bytearray("".join(f"{row}\n" for row in SOUND[name]).encode())
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=6))
    try:
        found = check_rows(tmp_path, name, bytes(text))
    except Refused:
        return
    assert found.accepted + found.in_quarantine == found.rows
    assert found.clean == (not found.quarantined)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_no_bytes_in_either_lobster_file_crash_a_check(tmp_path, data):
    texts = [bytearray("".join(f"{row}\n" for row in rows).encode()) for rows in long_day(12)]
    for text in texts:
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, len(text) - 1))
            text[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=6))
    (tmp_path / "book.csv").write_bytes(bytes(texts[1]))
    try:
        found = check_rows(tmp_path, "lobster", bytes(texts[0]), orderbook=tmp_path / "book.csv")
    except Refused:
        return
    assert found.accepted + found.in_quarantine == found.rows
    assert found.transitions_exact <= found.rows


def test_a_flood_in_the_order_book_file_keeps_its_memory(tmp_path):
    messages, _ = long_day(4_000)
    check_rows(tmp_path, "lobster", messages[:50], book=long_day(50)[1])
    (tmp_path / "book.csv").write_text(("1,2,junk,4" + "x" * 3_000 + "\n") * 4_000)
    tracemalloc.start()
    found = check_rows(tmp_path, "lobster", messages, orderbook=tmp_path / "book.csv")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.accepted == 0
    assert peak < 5 << 20 < (tmp_path / "book.csv").stat().st_size


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(sorted(SOUND)),
    st.sampled_from([b"", b"PK\x03\x04", b"\x1f\x8b\x08", b"\xfd7zXZ\x00"]),
    st.binary(max_size=300),
)
def test_random_bytes_are_refused_or_kept_out(tmp_path, name, head, tail):
    try:
        found = check_rows(tmp_path, name, head + tail)
    except Refused:
        return
    assert found.accepted == 0
    assert found.in_quarantine == found.rows > 0


@pytest.mark.parametrize("name", sorted(set(SOUND) - {"bybit", "signal"}))  # ordered otherwise
def test_a_stamp_far_ahead_costs_a_hundred_rows_at_most(name, tmp_path):
    head = SOUND[name][: FORMATS[name].has_header]
    row = {
        "mbo": lambda s: f"{T(s)},{T(s)},T,B,5000000000000,1,0,9,9",
        "mbp1": lambda s: (
            f"{T(s)},{T(s)},A,B,5000000000000,1,130,{s},5000000000000,5000250000000,5,6,2,3"
        ),
        "trades": lambda s: f"{T(s)},{T(s)},T,B,5000000000000,1,0,9",
        "taq-trades": lambda s: f"2018-01-02T14:{s // 60:02}:{s % 60:02},N,XXX,,5,1,0",
        "taq-quotes": lambda s: f"2018-01-02T14:{s // 60:02}:{s % 60:02},N,XXX,1,5,1.5,3",
        "bitstamp": lambda s: f"{s},{T(s) // 10**6},{T(s) // 10**6},1.5,3,created,bid",
        "lobster": lambda s: f"{35000 + s}.5,1,{s + 1},3,2238100,1",
    }[name]
    rows = [*head, row(0), row(3_500), *(row(s) for s in range(1, 400))]
    found = check_rows(tmp_path, name, rows)
    assert found.quarantined == {"out-of-order": 100}
    assert found.repaired == {"clock": 1}


def T(seconds):
    return 1_715_126_400_000_000_000 + seconds * 10**9


def test_silence_is_noted_and_accepted(tmp_path):
    rows = [*MBO, mbo(400_000, "A", "B", 19_000, 1, 130, 9, 70)]
    found = check_rows(tmp_path, "mbo", rows)
    assert (found.clean, found.noted) == (True, {"stale": 1})
    assert found.findings[0].reason == "nothing was said for 399.996 s"
    assert check_rows(tmp_path, "mbo", rows, stale_ns=500 * 10**9).noted == {}


@pytest.mark.parametrize(("skew_ns", "words"), [(-2_000_000, "after"), (11 * 10**9, "before")])
def test_clocks_that_part_are_noted_once_until_they_agree_again(skew_ns, words, tmp_path):
    def trade(at, skew):
        stamp = T(100) + at * 10**9
        return f"{stamp + skew},{stamp},T,B,5000000000000,1,0,9,9"

    rows = [
        *MBO,
        trade(0, 9),
        trade(1, skew_ns),
        trade(2, skew_ns),
        trade(40, 9),
        trade(60, skew_ns),
    ]
    found = check_rows(tmp_path, "mbo", rows)
    assert (found.clean, found.noted) == (True, {"clock": 2})
    assert words in found.findings[0].reason


def test_a_feed_gives_its_accepted_events_in_the_one_form(tmp_path):
    path = tmp_path / "x.csv"
    bad = [mbo(5, "C", "B", 20_000, 1, 130, 9, 777), "junk"]
    path.write_text("".join(f"{row}\n" for row in [*MBO, *bad]))
    feed = Feed(path, FORMATS["mbo"], Options(symbol="ESM4"))
    events = list(feed)
    assert [event.row for event in events] == list(range(1, len(MBO)))
    first = events[1]
    assert (first.kind, first.side, first.order) == (l3.ADD, 1, 11)
    assert (first.price, first.size) == (5_000 * 10**9, 5 * 10**8)
    assert (first.venue_ns, first.local_ns, first.seq) == (T(0), T(0) + 1000, 1)
    table = pack(events)
    assert table.dtype == l3.EVENT
    assert table["order"].tolist() == [event.order for event in events]
    verdict = feed.verdict()
    assert verdict.quarantined == {"bad-value": 1, "unknown-id": 1}
    assert (verdict.accepted, sum(verdict.events.values())) == (10, 10)
    assert verdict.symbols == ["ESM4"]


def test_after_a_gap_deltas_wait_for_a_snapshot(tmp_path):
    rows = [
        *SOUND["bybit"],
        bybit("delta", 12, [["1.93", "1"]], []),
        bybit("delta", 13, [["1.92", "1"]], []),
        bybit("snapshot", 20, [["1.90", "1"]], [["1.91", "1"]]),
        bybit("delta", 21, [["1.89", "1"]], []),
    ]
    found = check_rows(tmp_path, "bybit", rows)
    assert (found.quarantined, found.repaired) == ({"gap": 2}, {"gap": 1})
    assert (found.book.bid_levels, found.book.ask_levels) == (2, 1)


# --- the verb ---------------------------------------------------------------------------------


def written(tmp_path, rows, name="x.csv"):
    path = tmp_path / name
    path.write_text("".join(f"{row}\n" for row in rows))
    return str(path)


def test_the_verb_exits_0_on_a_clean_file_3_on_findings_and_2_when_it_cannot_read(tmp_path, capsys):
    sound = written(tmp_path, MBO)
    assert main(["check", sound, "--format", "mbo", "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["verdict"], body["rows"], body["accepted"]) == ("clean", 10, 10)
    assert body["first"] == "2024-05-08T00:00:00.000000000Z"
    assert body["book"]["best_bid"] == 19_999 * 0.25
    bad = written(tmp_path, [*MBO, "junk"], "bad.csv")
    assert main(["check", bad, "--format", "mbo", "--json"]) == 3
    body = json.loads(capsys.readouterr().out)
    assert (body["verdict"], body["quarantined"]) == ("findings", {"bad-value": 1})
    assert body["findings"] == [
        {
            "rule": "bad-value",
            "row": 11,
            "reason": "a row must have 9 columns, has 1",
            "action": "quarantined",
        }
    ]
    assert body["quarantine"]["rows"] == [{"row": 11, "rule": "bad-value", "raw": "junk"}]
    assert main(["check", bad, "--format", "mbo"]) == 3
    assert "row 11  quarantined  bad-value" in capsys.readouterr().out
    assert main(["check", str(tmp_path / "none"), "--format", "mbo", "--json"]) == 2
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["--format", "itch"],
        ["--format", "mbo", "--tick", "-1"],
        ["--format", "mbo", "--tick", "x"],
        ["--format", "mbo", "--stale", "0"],
        ["--format", "mbo", "--stale", "nan"],
        ["--format", "mbo", "--session", "9-17"],
        ["--format", "mbo", "--session", "17:00-09:00"],
        ["--format", "mbo", "--session", "09:00-17:00@Nowhere/Land"],
        ["--format", "mbo", "--clean"],
        ["--format", "mbo", "--orderbook", "x.csv"],
        ["--format", "mbo", "--unknown"],
    ],
)
def test_bad_usage_of_the_verb_exits_2_with_a_sentence(more, tmp_path, capsys):
    assert main(["check", written(tmp_path, MBO), *more]) == 2
    assert capsys.readouterr().err.strip()
