"""The LOBSTER reader: exact numbers, every container, and a sentence for every bad file."""

import gzip
import json
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.domain.errors import Refused
from engine.kernels import recorded as kernel
from engine.runtime.feeds.lobster import read_recording
from engine.runtime.feeds.lobster_check import check, main
from tests.support.recorded import BUY, SELL, a_recording, add, delete, execute, hidden

MESSAGES = """34200.017459617,5,0,1,2238200,-1
34200.18960767,1,11885113,21,2238100,1
34200.18960767,4,11885113,21,2238100,1
34200.37,1,7,5,2239000,-1
"""
BOOK = """2239500,100,2231800,100
2239500,100,2238100,21
2239500,100,2231800,100
2239000,5,2231800,100
"""
NAME = "AMZN_2012-06-21_34200000_57600000_{}_1.csv"


@pytest.fixture
def files(tmp_path):
    """Writes the two files and reads them."""

    def read(messages=MESSAGES, book=BOOK, levels=None):
        first, second = tmp_path / NAME.format("message"), tmp_path / NAME.format("orderbook")
        first.write_bytes(messages if isinstance(messages, bytes) else messages.encode())
        second.write_bytes(book if isinstance(book, bytes) else book.encode())
        return read_recording(first, second, levels)

    return read


def test_times_are_exact_nanoseconds_prices_and_sizes_integers(files):
    read = files()
    assert read.messages.tolist() == [
        [34_200_017_459_617, 5, 0, 1, 2_238_200, -1],
        [34_200_189_607_670, 1, 11_885_113, 21, 2_238_100, 1],
        [34_200_189_607_670, 4, 11_885_113, 21, 2_238_100, 1],
        [34_200_370_000_000, 1, 7, 5, 2_239_000, -1],
    ]
    assert read.book[1].tolist() == [2_239_500, 100, 2_238_100, 21]
    assert (read.symbol, read.day, read.levels) == ("AMZN", "2012-06-21", 1)


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("34200", 34_200_000_000_000),
        ("34200.000000001", 34_200_000_000_001),
        ("43002.632812672004", 43_002_632_812_672),  # float residue of the vendor's own file
        ("43002.6328126725", 43_002_632_812_673),
        ("57599.999999999", 57_599_999_999_999),
    ],
)
def test_a_time_is_read_digit_by_digit(files, text, nanos):
    read = files(f"{text},5,0,1,2238200,-1\n", "2239500,100,2231800,100\n")
    assert read.messages[0, kernel.TIME] == nanos


def test_csv_gz_and_zip_give_the_same_day_and_the_same_digest(files, tmp_path):
    plain = files()
    packed = [tmp_path / "m.csv.gz", tmp_path / "o.csv.gz"]
    packed[0].write_bytes(gzip.compress(MESSAGES.encode()))
    packed[1].write_bytes(gzip.compress(BOOK.encode()))
    both = tmp_path / "sample.zip"
    with zipfile.ZipFile(both, "w") as archive:
        archive.writestr("ReadMe.txt", "about")
        archive.writestr("__MACOSX/._" + NAME.format("message"), "junk")
        archive.writestr("day/" + NAME.format("orderbook"), BOOK)
        archive.writestr("day/" + NAME.format("message"), MESSAGES)
    for read in (read_recording(*packed), read_recording(both, both, 1)):
        assert np.array_equal(read.messages, plain.messages)
        assert np.array_equal(read.book, plain.book)
        assert read.digest == plain.digest
    assert read.day == "2012-06-21"


def test_windows_line_ends_and_a_last_line_without_an_end_are_read(files):
    read = files(MESSAGES.replace("\n", "\r\n"), BOOK.rstrip("\n"))
    assert read.rows == 4


ROW = "34200.5,1,9,10,2238000,1"
BAD_MESSAGES = [
    ("header row", "time,type,id,size,price,dir\n", r"row 0 \(line 1\), column 1 \(time\).*'time'"),
    ("NaN", "34200.5,1,9,NaN,2238000,1\n", r"column 4 \(size\) must be a whole number, was 'NaN'"),
    ("negative size", "34200.5,1,9,-10,2238000,1\n", r"\(size\) must be a size >= 1.*was -10"),
    ("zero size", "34200.5,1,9,0,2238000,1\n", r"\(size\) must be a size >= 1"),
    ("truncated", "34200.5,1,9,10\n", "row 4 .line 5. must have 6 columns, has 4"),
    ("too many columns", ROW + ",7\n", "row 4 .line 5. must have 6 columns, has 7"),
    ("half a number", "34200.5,1,9,10,2238000,-", r"\(direction\) must be a whole number, was '-'"),
    ("empty cell", "34200.5,1,,10,2238000,1\n", r"\(order id\) must be a whole number, was empty"),
    ("blank line", "\n" + ROW + "\n", "must have 6 columns, has 0"),
    ("unknown type", "34200.5,8,9,10,2238000,1\n", r"\(type\) must be a type 1 to 7, was 8"),
    ("type 0", "34200.5,0,9,10,2238000,1\n", r"a type 1 to 7, was 0"),
    ("time going back", "34200.1,1,9,10,2238000,1\n", r"\(time\) must be at or after .*34200\.1"),
    ("time after the day", "90000.1,1,9,10,2238000,1\n", "within the day, 0 to 86400 s"),
    ("negative time", "-1.5,1,9,10,2238000,1\n", "seconds after midnight"),
    ("exponent", "3.42e4,1,9,10,2238000,1\n", "seconds after midnight.*'3.42e4'"),
    ("time with a bare dot", "34200.,1,9,10,2238000,1\n", "seconds after midnight"),
    ("huge time", "342000000.5,1,9,10,2238000,1\n", "digits|seconds"),
    ("decimal price", "34200.5,1,9,10,223.8,1\n", r"\(price\) must be a whole number, was '223.8'"),
    ("negative price", "34200.5,1,9,10,-2238000,1\n", r"\(price\) must be a price 1 to"),
    ("dummy price", "34200.5,1,9,10,9999999999,1\n", r"\(price\) must be a price 1 to 9999999998"),
    ("side 0", "34200.5,1,9,10,2238000,0\n", r"\(direction\) must be 1 \(buy\) or -1 \(sell\)"),
    ("id 0", "34200.5,1,0,10,2238000,1\n", r"\(order id\) must be an order id >= 1"),
    ("huge number", "34200.5,1,9,10,2238000111222333444555,1\n", "at most 18 digits"),
    ("huge size", "34200.5,1,9,1000000000,2238000,1\n", "a size of at most 100000000"),
    ("halt with a size", "34200.5,7,0,5,-1,-1\n", "0 in a trading halt"),
    ("halt with a price", "34200.5,7,0,0,5,-1\n", "-1 halt, 0 quoting or 1 trading resumes"),
    ("quoted", '"34200.5",1,9,10,2238000,1\n', "seconds after midnight"),
    ("plus sign", "34200.5,1,9,+10,2238000,1\n", r"was '\+10'"),
    ("space", "34200.5,1,9, 10,2238000,1\n", "was ' 10'"),
]


@pytest.mark.parametrize(("what", "line", "says"), BAD_MESSAGES, ids=[b[0] for b in BAD_MESSAGES])
def test_a_bad_message_row_is_refused_with_row_column_value_and_what_is_allowed(
    files, what, line, says
):
    with pytest.raises(Refused, match=says) as refused:
        files((line + MESSAGES) if what == "header row" else (MESSAGES + line), BOOK + BOOK[:24])
    assert NAME.format("message") in str(refused.value)


BAD_BOOKS = [
    (
        "crossed",
        "2238000,100,2238000,100\n",
        r"column 3 \(bid price 1\) must be below the best ask",
    ),
    ("locked", "2237000,100,2238000,100\n", "locked or crossed"),
    ("zero size", "2239500,0,2231800,100\n", r"\(ask size 1\) must be a size 1 to .*was 0"),
    ("sized dummy", "9999999999,5,2231800,100\n", r"\(ask size 1\) must be .*0 at an unused level"),
    ("wrong dummy", "-9999999999,0,2231800,100\n", r"\(ask price 1\) must be a price 1 to"),
    ("NaN", "nan,100,2231800,100\n", r"\(ask price 1\) must be a whole number, was 'nan'"),
    ("truncated", "2239500,100,22318", "must have 4 columns, has 3"),
]


@pytest.mark.parametrize(("what", "line", "says"), BAD_BOOKS, ids=[b[0] for b in BAD_BOOKS])
def test_a_bad_book_row_is_refused_with_row_column_value_and_what_is_allowed(
    files, what, line, says
):
    with pytest.raises(Refused, match=says) as refused:
        files(MESSAGES + "34200.5,5,0,1,2238200,-1\n", BOOK + line)
    assert NAME.format("orderbook") in str(refused.value)
    assert "row 4" in str(refused.value)


def test_levels_out_of_order_are_refused(files):
    messages = "34200.5,5,0,1,2238200,-1\n"
    worse = "must be worse than the level before it"
    with pytest.raises(Refused, match=r"ask price 2\) " + worse):
        files(messages, "2239500,100,2231800,100,2239400,100,2231700,100\n")
    with pytest.raises(Refused, match=r"bid price 2\) " + worse):
        files(messages, "2239500,100,2231800,100,2239600,100,2231800,100\n")
    with pytest.raises(Refused, match=r"ask price 2\) " + worse):
        files(messages, "9999999999,0,2231800,100,2239600,100,2231700,100\n")


def test_a_crossed_book_inside_a_trading_halt_is_read(files):
    messages = "34200.1,7,0,0,-1,-1\n34200.2,7,0,0,0,-1\n34200.3,7,0,0,1,-1\n"
    row, crossed = "2239500,100,2231800,100\n", "2239500,100,2239600,100\n"
    assert files(messages, row + crossed + row).rows == 3
    with pytest.raises(Refused, match="crossed"):
        files(messages, row + row + crossed)


def test_levels_are_checked_against_the_columns(files):
    with pytest.raises(Refused, match=r"levels must be 1 \(the file has 4 columns\), was 5"):
        files(levels=5)
    with pytest.raises(Refused, match="4 columns a level"):
        files(book="1,2,3\n")
    with pytest.raises(Refused, match="must have 6 columns"):
        files(messages=BOOK)


def test_a_row_count_that_differs_is_refused(files):
    with pytest.raises(Refused, match="must have a row for each of the 4 messages, has 3"):
        files(book=BOOK[: BOOK.rstrip().rfind("\n") + 1])


@pytest.mark.parametrize("decimals", [0, 2, 4, 5])
def test_a_copy_with_rounded_times_is_refused(files, decimals):
    rows = "".join(f"{34200 + i / 7:.{decimals}f},5,0,1,2238200,-1\n" for i in range(600))
    with pytest.raises(Refused, match="a rounded copy"):
        files(rows, "2239500,100,2231800,100\n" * 600)


@pytest.mark.parametrize("decimals", [3, 6, 9])
def test_stamps_in_milliseconds_microseconds_and_nanoseconds_are_read(files, decimals):
    rows = "".join(f"{34200 + i / 7:.{decimals}f},5,0,1,2238200,-1\n" for i in range(600))
    assert files(rows, "2239500,100,2231800,100\n" * 600).rows == 600


def test_files_of_two_days_are_refused(tmp_path):
    first = tmp_path / "AMZN_2012-06-21_1_2_message_1.csv"
    second = tmp_path / "AMZN_2012-06-22_1_2_orderbook_1.csv"
    first.write_text(MESSAGES)
    second.write_text(BOOK)
    with pytest.raises(Refused, match="same symbol and day"):
        read_recording(first, second)


def test_a_name_with_an_impossible_date_is_refused(tmp_path):
    first = tmp_path / "AMZN_2012-13-21_1_2_message_1.csv"
    first.write_text(MESSAGES)
    with pytest.raises(Refused, match="the name must hold a date"):
        read_recording(first, first)


def test_missing_empty_broken_and_ambiguous_files_are_refused(tmp_path):
    with pytest.raises(Refused, match="cannot be read"):
        read_recording(tmp_path / "none.csv", tmp_path / "none.csv")
    with pytest.raises(Refused, match="cannot be read"):
        read_recording(tmp_path, tmp_path)
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    with pytest.raises(Refused, match="is empty"):
        read_recording(empty, empty)
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress(MESSAGES.encode())[:-12])
    with pytest.raises(Refused, match="cannot be read"):
        read_recording(cut, cut)
    two = tmp_path / "two.zip"
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr("a_message.csv", MESSAGES)
        archive.writestr("b_message.csv", MESSAGES)
    with pytest.raises(Refused, match="must hold one file with 'message' in its name"):
        read_recording(two, two)
    broken = tmp_path / "broken.zip"
    broken.write_bytes(two.read_bytes()[:80])
    with pytest.raises(Refused, match="cannot be read"):
        read_recording(broken, broken)


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_no_bytes_crash_the_reader(files, data):
    texts = [bytearray(MESSAGES.encode()), bytearray(BOOK.encode())]
    for text in texts:
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, len(text) - 1))
            text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    try:
        check(files(bytes(texts[0]), bytes(texts[1])))
    except Refused:
        return


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from([b"", b"PK\x03\x04", b"\x1f\x8b\x08"]), st.binary(max_size=200))
def test_no_random_file_crashes_the_reader(files, head, tail):
    with pytest.raises(Refused):
        files(head + tail, BOOK)


def crafted():
    warm = [add(1, 100, 1001, SELL), add(2, 50, 1002, SELL), add(3, 80, 999, BUY)]
    rows = [
        add(4, 10, 998, BUY, 1),
        hidden(7, 1000, BUY, 2),
        execute(1, 100, 1001, SELL, 3),
        add(5, 20, 1001, SELL, 4),
        execute(5, 5, 1001, SELL, 5),
        delete(3, 80, 999, BUY, 6),
        add(6, 30, 999, BUY, 7),
    ]
    return a_recording(rows, levels=1, warm=warm)


def test_the_check_counts_adopted_levels_and_sums_executions():
    report = check(crafted())
    assert (report.rows, report.transitions_exact) == (6, 5)  # order 4 is outside the window
    assert report.levels_adopted == 2
    assert (report.visible_shares, report.hidden_shares) == (105, 7)
    assert report.vwap_visible == pytest.approx(10.01, abs=1e-12)
    assert report.buy_initiated_shares == 105


def test_a_day_without_executions_has_no_vwap():
    only = a_recording([add(1, 5, 1001, SELL), add(2, 5, 999, BUY, 1)], levels=2)
    report = check(only)
    assert report.vwap_visible is None
    assert report.spread_ticks is None


def test_the_verb_reports_one_altered_size_at_its_row_and_exits_3(tmp_path, capsys):
    first, second = tmp_path / NAME.format("message"), tmp_path / NAME.format("orderbook")
    first.write_text(MESSAGES)
    second.write_text(BOOK.replace("2239500,100,2238100,21", "2239500,101,2238100,21"))
    asked = ["--messages", str(first), "--orderbook", str(second), "--check"]
    assert main([*asked, "--json"]) == 3
    printed = json.loads(capsys.readouterr().out)
    assert printed["first_mismatch_row"] == 1
    assert printed["transitions_checked"] == 3
    second.write_text(BOOK)
    assert main([*asked, "--levels", "1"]) == 0
    assert "first_mismatch_row: None" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv", [[], ["--check"], ["--messages", "a", "--orderbook", "b", "--check", "--levels", "x"]]
)
def test_bad_usage_of_the_verb_exits_2_with_a_sentence(argv, capsys):
    assert main(argv) == 2
    assert "replay" in capsys.readouterr().err
