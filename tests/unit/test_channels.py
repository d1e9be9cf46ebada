"""Alert channels: what leaves the desk, once, bounded, with back-off, to real servers."""

import json
from dataclasses import replace
from threading import Event

import pytest

from db.jobs import Jobs
from db.project import catch_up
from db.queries import Queries
from engine.core.rules.desk import raise_alert
from engine.domain import commands as c
from engine.domain.governance import AlertCause
from engine.runtime.clock import HandClock
from engine.runtime.rounds import Watch
from engine.settings import make_folders, paths, resolve, shown
from engine.worker.channels import (
    EVERY_NS,
    FIRST_WAIT_NS,
    LINES,
    MOST_WAIT_NS,
    Undelivered,
    due,
    line_of,
    mail,
    post,
    summary,
    tell,
    tell_mail,
    tell_webhook,
)
from engine.worker.context import Context
from tests.support.busy_desk import journal_in, tables
from tests.support.desk_rig import Rig
from tests.support.post_boxes import a_box, a_hook

S = 10**9


class Desk:
    """A rig whose journal a worker reads."""

    def __init__(self, folder, **settings):
        self.rig = Rig()
        self.rig.run(2)
        self.rig.loop.rounds.watch = Watch(alarm_ns=60 * S)
        self.settings = resolve({"state": str(folder), **settings}, {})
        where = paths(self.settings)
        make_folders(where)
        self.engine = tables(where.desk_db)
        self.jobs = Jobs.open(where.people_db)
        self.clock = HandClock(10**18)
        self.where = where
        self.start()

    def start(self):
        """A worker that has just started."""
        self.context = Context(
            settings=self.settings, where=self.where, tables=self.engine, jobs=self.jobs,
            clock=self.clock, stop=Event(),
        )  # fmt: skip

    def raised(self, about="MIDC", severity="critical", kind="reject"):
        alert = raise_alert(self.rig.state, severity, kind, about, f"{kind} of {about}")
        self.rig.loop.facts((alert,))
        return alert.alert_id

    def project(self):
        """The tables are level with the journal."""
        import shutil

        shutil.rmtree(self.where.state / "journal", ignore_errors=True)
        catch_up(self.engine, journal_in(self.where.state, self.rig), 1)

    def rows(self):
        self.project()
        return Queries(self.engine, self.where.state).alerts("LIVE")

    def look(self, send, name="alert_webhook"):
        self.project()
        tell(self.context, name, send)

    def close(self):
        self.engine.dispose()
        self.jobs.close()


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    yield made
    made.close()


class Sender:
    """A channel that remembers, and fails as often as told."""

    def __init__(self, fails=0):
        self.fails, self.sent = fails, []

    def __call__(self, settings, notices, more):
        if self.fails:
            self.fails -= 1
            raise Undelivered("no route")
        self.sent.append(([notice.key for notice in notices], more))


# --- what leaves -------------------------------------------------------------------------------
def test_an_exception_is_told_once_and_once_more_when_nobody_acknowledged_it(desk):
    send, number = Sender(), desk.raised()
    desk.look(send)
    desk.clock.now += EVERY_NS
    desk.raised()  # it is counted up, not told again
    desk.look(send)
    desk.rig.round(61)
    desk.look(send)
    desk.clock.now += EVERY_NS
    desk.look(send)
    at = desk.rig.state.alerts[number].escalated_at
    assert send.sent == [([f"A-{number}"], 0), ([f"A-{number}!{at}"], 0)]


def test_what_somebody_has_closed_and_what_is_beneath_the_bar_stays_in_the_desk(desk):
    closed, warn = desk.raised("NRTH"), desk.raised("ESTX", severity="warn")
    info = desk.raised("ALTR", severity="info")
    desk.rig.do(c.ResolveAlert(alert_id=closed, cause=AlertCause.FIXED), "u5")
    assert due(desk.rows(), set(), "critical") == ()
    assert [notice.key for notice in due(desk.rows(), set(), "warn")] == [f"A-{warn}"]
    assert info


def test_a_storm_is_one_message_with_a_count_and_none_is_lost(desk):
    send = Sender()
    worst = [desk.raised(f"S{i}") for i in range(60)]
    desk.look(send)
    desk.look(send)
    ((keys, more),) = send.sent
    assert (len(keys), more) == (LINES, 60 - LINES)
    assert keys == [f"A-{number}" for number in worst[:LINES]]  # oldest first
    assert len(desk.rows()) == 60
    late = desk.raised("LATE")
    desk.look(send)  # too soon for a second message
    assert len(send.sent) == 1
    desk.clock.now += EVERY_NS
    desk.look(send)
    assert send.sent[1] == ([f"A-{late}"], 0)


def test_a_channel_that_fails_waits_twice_as_long_each_time_and_then_tells_everything(desk):
    send = Sender(fails=4)
    first = desk.raised()
    waits = []
    for _ in range(4):
        desk.look(send)
        waits.append(desk.context.memo["alert_webhook"].next_at - desk.clock.now)
        desk.look(send)  # nothing is tried meanwhile
        desk.clock.now += waits[-1]
    assert waits == [FIRST_WAIT_NS * 2**n for n in range(4)]
    row = desk.jobs.get("alert_webhook")
    assert (row.state, "try 4 failed: no route" in row.error) == ("failed", True)
    second = desk.raised("NRTH")
    desk.look(send)
    assert send.sent == [([f"A-{first}", f"A-{second}"], 0)]
    assert desk.jobs.get("alert_webhook").state == "done"


def test_the_wait_after_failures_has_an_end(desk):
    desk.raised()
    desk.look(Sender(fails=1))
    desk.context.memo["alert_webhook"].failures = 5_000
    desk.clock.now += MOST_WAIT_NS
    desk.look(Sender(fails=1))
    assert desk.context.memo["alert_webhook"].next_at - desk.clock.now == MOST_WAIT_NS


def test_a_worker_that_starts_again_does_not_repeat_what_was_told(desk):
    send = Sender()
    desk.raised()
    desk.look(send)
    desk.start()
    desk.clock.now += EVERY_NS
    desk.look(send)
    assert len(send.sent) == 1
    other = Sender()
    desk.look(other, name="alert_mail")  # each channel has a memory of its own
    assert len(other.sent) == 1


# --- real servers ------------------------------------------------------------------------------
def test_a_webhook_gets_the_exceptions_as_json(tmp_path):
    with a_hook() as hook:
        desk = Desk(tmp_path, alert_webhook=hook.url)
        number = desk.raised()
        desk.project()
        tell_webhook(desk.context)
        tell_mail(desk.context)  # not set: nothing happens
        desk.close()
        (body,) = (json.loads(body) for body in hook.bodies)
    assert hook.paths == ["/hook?room=1"]
    (told,) = body["exceptions"]
    assert (told["id"], told["why"], told["sentence"]) == (
        f"A-{number}", "raised", "reject of MIDC",
    )  # fmt: skip
    assert body["text"].startswith("[SIM DEMO] 1 exception, 1 critical\nCRITICAL A-")
    assert body["inbox"].endswith("/exceptions")


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_does_not_take_it_is_a_failure_and_no_redirect_is_followed(desk, status):
    desk.raised()
    notices = due(desk.rows(), set(), "critical")
    with a_hook() as hook:
        hook.status = status
        with pytest.raises(Undelivered, match=str(status)):
            post(replace(desk.settings, alert_webhook=hook.url), notices, 0)
        assert len(hook.bodies) == 1


def test_a_mail_names_sender_receivers_and_each_exception(tmp_path):
    with a_box() as box:
        desk = Desk(tmp_path, alert_smtp=box.address, alert_from="desk@example.org",
                    alert_to="risk@example.org, head@example.org")  # fmt: skip
        desk.raised()
        desk.project()
        tell_mail(desk.context)
        desk.close()
    ((sender, receivers, text),) = box.mails
    assert "desk@example.org" in sender
    assert [name for name in ("risk@", "head@") if any(name in r for r in receivers)] == [
        "risk@", "head@",
    ]  # fmt: skip
    assert "Subject: [SIM DEMO] 1 exception, 1 critical" in text
    assert "reject of MIDC" in text


def test_a_mail_server_that_refuses_or_is_not_there_is_a_failure(desk):
    desk.raised()
    notices = due(desk.rows(), set(), "critical")
    given = {"alert_from": "a@example.org", "alert_to": "b@example.org"}
    with a_box() as box:
        box.refuses = "b@example.org"
        with pytest.raises(Undelivered, match="SMTPRecipientsRefused"):
            mail(replace(desk.settings, alert_smtp=box.address, **given), notices, 0)
        gone = box.address
    for address, said in ((gone, "Refused"), ("nowhere", "host:port")):
        with pytest.raises(Undelivered, match=said):
            mail(replace(desk.settings, alert_smtp=address, **given), notices, 0)
    with pytest.raises(Undelivered, match="alert_from and alert_to"):
        mail(replace(desk.settings, alert_smtp=gone), notices, 0)


def test_a_sentence_from_outside_is_never_in_a_header(desk):
    desk.raised("x\r\nBcc: evil@example.org")
    (notice,) = due(desk.rows(), set(), "critical")
    assert "evil" not in summary(desk.settings, (notice,), 0)
    assert "evil" in line_of(notice)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "http://", "hook"])
def test_an_address_that_is_no_web_address_is_refused(desk, url):
    with pytest.raises(Undelivered, match="http or https"):
        post(replace(desk.settings, alert_webhook=url), (), 0)


def test_people_do_not_see_the_secret_part_of_a_webhook(desk):
    settings = replace(desk.settings, alert_webhook="https://hooks.example.org/T0/secret")
    assert shown(settings)["alert_webhook"] == "https://hooks.example.org/***"
