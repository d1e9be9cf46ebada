"""The day report: its bytes, hash and HTML file."""

from html.parser import HTMLParser

import msgspec
import pytest

from engine.domain.errors import BrokenInvariant
from engine.tca import text
from engine.tca.day import day_tca, with_notes
from engine.tca.markup import tag, waterfall
from engine.tca.report import read_report, render_html, report_bytes, report_hash
from engine.tca.results import Note, Parts, SignOff
from tests.support.tca import META, RULES, T0, a_day, a_market, an_order

MINUS = "\N{MINUS SIGN}"


def a_report(n=12, **changes):
    report = day_tca(a_day(n), {"MIDC": a_market()}, RULES, META)
    return msgspec.structs.replace(report, **changes)


class Page(HTMLParser):
    """Collects what a browser would see: tags, attributes, text."""

    VOID = ("meta", "br", "rect", "line")

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], [], []
        self.feed(html)

    def handle_starttag(self, name, attrs):
        self.tags.append(name)
        self.attributes += attrs
        if name not in self.VOID:
            self.open.append(name)

    def handle_startendtag(self, name, attrs):
        self.tags.append(name)
        self.attributes += attrs

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        self.text.append(data)


def test_the_same_day_gives_the_same_bytes_and_reads_back():
    data = report_bytes(a_report())
    assert data == report_bytes(a_report())
    assert read_report(data, report_hash(data)) == a_report()
    assert report_bytes(read_report(data, report_hash(data))) == data


def test_a_tampered_report_has_another_hash_and_is_not_read():
    data = report_bytes(a_report())
    signed = report_hash(data)
    tampered = data.replace(b'"filled":100', b'"filled":101', 1)
    assert tampered != data
    assert report_hash(tampered) != signed
    with pytest.raises(BrokenInvariant, match=signed):
        read_report(tampered, signed)


@pytest.mark.parametrize(
    "changes",
    [
        {"basis": "executed"},
        {"seed": 2},
        {"meta": msgspec.structs.replace(META, journal_head="9f3d")},
        {"meta": msgspec.structs.replace(META, watermark="")},
        {"notes": (Note(at_ns=T0, who="rho", text="seen"),)},
    ],
)
def test_every_choice_source_and_note_is_part_of_what_is_signed(changes):
    assert report_hash(report_bytes(a_report(**changes))) != report_hash(report_bytes(a_report()))


def test_the_file_is_one_well_formed_page_without_script_or_outside_asset():
    page = Page(render_html(a_report()))
    assert page.open == []
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert "img" not in page.tags
    assert not {name for name, _ in page.attributes} & {"src", "href", "onload", "onclick"}
    assert "url(" not in render_html(a_report())
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


def test_what_people_wrote_is_text_not_markup():
    evil = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
    report = with_notes(
        day_tca(
            [an_order(1, trader=evil, strategy=evil)],
            {"MIDC": a_market()},
            RULES,
            msgspec.structs.replace(META, source=evil, watermark=evil),
        ),
        (Note(at_ns=T0, who=evil, text=evil, parent_id=1),),
    )
    sign = SignOff(who=evil, role=evil, at_ns=T0, report_hash=evil, reason=evil)
    html = render_html(report, (sign,))
    page = Page(html)
    assert "<script" not in html
    assert "<img" not in html
    assert not {"script", "img"} & set(page.tags)
    assert page.text.count(evil) >= 8


def test_the_page_says_where_it_comes_from_and_what_it_is_worth():
    report = a_report()
    html = render_html(report)
    seen = " ".join(Page(html).text)
    for wanted in (
        "SIM", "SIM seed 7", "entry 48,211, 9f3c", report_hash(report_bytes(report)),
        "2027-01-15 04:00:00.000 America/New_York (2027-01-15 09:00:00.000 UTC)",
        "By strategy", "By venue", "By trader", "By symbol", "By side", "Not signed off",
        "Perold 1988", "|z| > 3.5", "n = 6: not enough data", "P-7",
    ):  # fmt: skip
        assert wanted in seen
    titles = [value for name, value in Page(html).attributes if name == "title"]
    assert any("n = 12 parents" in title for title in titles)


def test_the_page_shows_the_sum_of_the_parts():
    report = a_report()
    cost = report.total.cost
    seen = Page(render_html(report)).text
    for part in (cost.delay, cost.spread, cost.fees, cost.total):
        assert any(piece.startswith(text.signed(part) + " ") for piece in seen)


def test_a_signature_for_another_version_does_not_fit():
    report = a_report()
    digest = report_hash(report_bytes(report))
    sign = SignOff(who="rho", role="reviewer", at_ns=T0, report_hash=digest)
    assert "fits this report" in render_html(report, (sign,))
    later = with_notes(report, (Note(at_ns=T0, who="rho", text="one more thing"),))
    assert "DOES NOT FIT" in render_html(later, (sign,))
    assert "fits this report" not in render_html(later, (sign,))


def test_an_empty_day_still_has_a_page():
    html = render_html(day_tca([], {}, RULES, META))
    assert "no waterfall" in html
    assert "nan" not in html.lower().replace("finance", "")


def test_bars_of_the_waterfall_join_up_and_end_at_the_total():
    # 0 -> +60 -> +20 (gain of 40) -> +30: 420 px for 60, so 7 px a unit from x = 150
    parts = Parts(delay=60.0, trading=-40.0, spread=-40.0, fees=10.0, opportunity=0.0, total=30.0)
    bars = [dict(a) for a in _rects(waterfall(parts, parts))]
    assert [(b["x"], b["width"], b["class"]) for b in bars] == [
        ("150.0", "420.0", "bad"),
        ("290.0", "280.0", "good"),
        ("290.0", "1.0", "bad"),
        ("290.0", "70.0", "bad"),
        ("150.0", "210.0", "total"),
    ]


def _rects(svg):
    found = []

    class Rects(HTMLParser):
        def handle_startendtag(self, name, attrs):
            if name == "rect":
                found.append(attrs)

    Rects().feed(svg)
    return found


def test_numbers_are_written_as_people_read_them():
    assert text.signed(1.234) == "+1.23"
    assert text.signed(-0.5) == f"{MINUS}0.50"
    assert text.signed(-0.001) == "+0.00"
    assert text.signed(3375.0) == "+3,375.00"
    assert text.signed(None) == "-"
    assert text.shares(500_000) == "500,000"
    assert text.notional(120_400_000.0) == "120.4M"
    assert text.notional(-2_500.0) == f"{MINUS}2.5k"
    assert text.notional(12.5) == "12.50"
    assert text.notional(None) == "-"
    assert text.price(5013.2, 0.01, 2) == "50.1320"
    assert text.price(1.0, 0.0005) == "0.0005"
    assert text.price(None, 0.01) == "-"
    assert text.percent(0.0984) == "9.8 %"
    assert text.percent(None) == "-"
    assert [text.horizon(h) for h in (50_000_000, 10**9, 60 * 10**9, 300 * 10**9)] == [
        "50 ms", "1 s", "60 s", "5 min",
    ]  # fmt: skip


def test_instants_are_dates_of_the_calendar():
    assert text.instant(0) == "1970-01-01 00:00:00.000"
    assert text.instant(T0 + 123_000_000) == "2027-01-15 08:00:00.123"
    assert text.instant(951_782_400 * 10**9) == "2000-02-29 00:00:00.000"
    assert text.instant(951_782_400 * 10**9, -5 * 3600 * 10**9) == "2000-02-28 19:00:00.000"
    assert text.civil_date(19_782) == "2024-02-29"
    assert text.civil_date(-1) == "1969-12-31"


def test_only_markup_made_here_is_left_alone():
    assert tag("b", "<i>") == "<b>&lt;i&gt;</b>"
    assert tag("b", tag("i", "x"), title='"') == '<b title="&quot;"><i>x</i></b>'
