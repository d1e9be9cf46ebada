"""A day's report as one HTML file: the signed numbers, then what people said beside them."""

from collections.abc import Mapping

from db.records import TcaDay
from engine.tca.markup import join, table, tag
from engine.tca.report import read_report, render_html
from engine.tca.results import SignOff
from engine.tca.text import instant


def day_html(found: TcaDay, names: Mapping[str, str]) -> str:
    """The file; the hash in it is that of the stored bytes, and they are checked against it."""
    report = read_report(found.body.encode(), found.report_hash)
    day = found.day
    signed: tuple[SignOff, ...] = ()
    if day.signed_by:
        signed = (
            SignOff(
                who=names.get(day.signed_by, day.signed_by),
                role="reviewer",
                at_ns=day.signed_at,
                report_hash=day.signed_hash,
            ),
        )
    page = render_html(report, signed)
    head, end, tail = page.rpartition("</body>")
    return head + _beside(found, names) + end + tail


def _beside(found: TcaDay, names: Mapping[str, str]) -> str:
    rows = [
        [
            f"{instant(note.at)} UTC",
            names.get(note.by, note.by),
            note.parent or "day",
            tag("td", note.text, class_="t"),
        ]
        for note in found.notes
    ]
    body = table(("at", "by", "about", "note"), rows) if rows else tag("p", "none")
    title = tag("h2", "Notes in the journal, beside the report: they change no number and no hash")
    return join(title, body)
