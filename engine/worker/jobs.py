"""The jobs of the worker; APScheduler calls them by name, people see them in the job table.

A job that finds nothing to do returns at once. What a job says to the engine is a command like
everybody's, as person "system", and only ReportTca and InstallModel.
"""

from collections.abc import Callable

import msgspec

from db.facts import Facts
from db.jobs import DONE, FAILED
from db.journal import verify as verify_journal
from db.project import live_source
from db.queries import Queries, database_url
from engine.domain import commands as c
from engine.domain.errors import BrokenInvariant, Refused
from engine.exchange.days import days_before
from engine.exchange.hours import session_of
from engine.worker.apart import Ended
from engine.worker.context import Context
from engine.worker.costs import AskedDay, Costs
from engine.worker.history import Order, changed_files, make_day, sealed_days, sweep
from engine.worker.past import Stopped
from engine.worker.shipped import POLICY_OF, adopt
from engine.worker.training import DAYS, card_text, train

UNSIGNED = 2  # the newest past days wait for their review
LEAST_DAYS = 3  # past days before a first model is trained
MODEL_OF = "ADAPTIVE"
REST_NS = 60_000_000_000  # between two tries of a long job
TOLD_PERCENT = 5  # of a past day, between two words about it


def tca_day(context: Context) -> None:
    """Report every closed day that has no report yet."""
    facts = Facts(context.tables, live_source(context.where.state).name)
    for day in facts.unreported():
        _report(context, facts, day)


def _report(context: Context, facts: Facts, day: str) -> None:
    """Build once, send until it is taken; then the journal has it and so have the tables."""
    if context.memo.get(f"reported {day}"):
        return
    jobs, clock = context.jobs, context.clock
    try:
        found = context.memo.get(f"report {day}") or _costs(context, facts, day)
        if found is None:
            return
        command = c.ReportTca(
            day=day,
            report_hash=found.digest,
            parents=found.parents,
            shortfall_bps=found.shortfall_bps,
        )
        context.submit(command, f"tca-{day}-{found.digest[:16]}")
    except Ended:
        return
    except (Refused, BrokenInvariant, ConnectionError, TimeoutError) as error:
        jobs.failed("tca_day", f"{day}: {error}", clock.wall_ns())
        return
    context.memo[f"reported {day}"] = found.digest
    context.memo.pop(f"report {day}", None)
    said = "-" if found.shortfall_bps is None else f"{found.shortfall_bps:+.2f} bp"
    jobs.done("tca_day", f"{day}: {found.parents} parents, {said}", clock.wall_ns())


def _costs(context: Context, facts: Facts, day: str) -> Costs | None:
    """By a process of its own: a whole day in memory would leave its traces in this one.

    None while a parent of the day has not ended, and for a while after the last try failed.
    """
    settings, where = context.settings, context.where
    if not facts.is_over(day) or _failed_lately(context, "tca_day"):
        return None
    context.jobs.start("tca_day", f"costs of {day}", context.clock.wall_ns())
    asked = AskedDay(
        tables=database_url(settings.database_url, where.desk_db), state=str(where.state), day=day
    )
    answer = context.apart("engine.worker.costs", msgspec.json.encode(asked))
    found = msgspec.json.decode(answer, type=Costs | None)
    if found is not None:
        context.memo[f"report {day}"] = found
    return found


def history(context: Context) -> None:
    """Make the past days that a demo desk lacks, newest first."""
    settings, where = context.settings, context.where
    if not (settings.demo and settings.history_days and settings.mode == "SIM"):
        return
    if _failed_lately(context, "history"):
        return
    first = Facts(context.tables, live_source(where.state).name).first_day()
    if first is None:
        return  # the desk has not opened yet
    folder = where.state / "history"
    wanted = days_before(first["day"], settings.history_days)
    ready = set(sealed_days(folder))
    missing = [day for day in wanted if day not in ready]
    if not missing:
        return
    sweep(folder)
    jobs, clock = context.jobs, context.clock
    jobs.start("history", f"{len(missing)} past days to prepare", clock.wall_ns())
    for day in missing:
        number = wanted.index(day)
        order = Order(
            session=session_of(day),
            seed=settings.seed,
            code=first["code"],
            signed=number >= UNSIGNED,
        )
        try:
            make_day(folder, order, _going_on(context, number, len(wanted), day))
        except Stopped:
            return
        except (Refused, BrokenInvariant) as error:
            jobs.failed("history", f"{day}: {error}", clock.wall_ns())
            return
    jobs.done("history", f"{len(wanted)} past days", clock.wall_ns())


def _failed_lately(context: Context, name: str) -> bool:
    """Whether the job should rest after a failure, which people see meanwhile."""
    row = context.jobs.get(name)
    if row is None or row.state != FAILED:
        return False
    return context.clock.wall_ns() - row.ended_at < REST_NS


def _going_on(context: Context, number: int, count: int, day: str) -> Callable[[float], bool]:
    """Tells people how far the day is, and the day whether to go on."""
    told = [-1]

    def going_on(done: float) -> bool:
        percent = int(done * 100)
        if percent // TOLD_PERCENT != told[0]:
            told[0] = percent // TOLD_PERCENT
            text = f"past day {number + 1} of {count}: {day}, {percent} %"
            context.jobs.step("history", (number + done) / count, text, context.clock.wall_ns())
        return not context.stop.is_set()

    return going_on


def first_model(context: Context) -> None:
    """Train the first model of ADAPTIVE once enough past days are there, and ask to install it."""
    settings, where, jobs = context.settings, context.where, context.jobs
    known = jobs.get("first_model")
    if not settings.demo or settings.mode != "SIM" or (known and known.state in (DONE, FAILED)):
        return
    days = sealed_days(where.state / "history")[-DAYS:]
    first = Facts(context.tables, live_source(where.state).name).first_day()
    if first is None or len(days) < min(LEAST_DAYS, settings.history_days) or not days:
        return
    if any(row.strategy == MODEL_OF for row in Queries(context.tables, where.state).models()):
        return
    now = context.clock.wall_ns()
    try:
        model_id = context.memo.get("model")
        if model_id is None:
            jobs.start("first_model", f"training on {len(days)} past days", now)
            model_id = train(
                where.state / "history", where.models, days, now=now, opened=first["open_at"]
            )
            context.memo["model"] = model_id
        card = card_text(where.models, model_id, len(days))
        command = c.InstallModel(strategy=MODEL_OF, model_id=model_id, card=card)
        context.submit(command, f"model-{model_id[:16]}")
    except (ConnectionError, TimeoutError) as error:
        text = f"trained, the engine is asked again: {error}"
        jobs.step("first_model", 1.0, text, context.clock.wall_ns())
        return
    except (Refused, BrokenInvariant) as error:
        jobs.failed("first_model", str(error), context.clock.wall_ns())
        return
    jobs.done("first_model", card, context.clock.wall_ns())


def first_policy(context: Context) -> None:
    """Offer the shipped policy of RL to a demo desk that has none, and ask to install it."""
    settings, where, jobs = context.settings, context.where, context.jobs
    known = jobs.get("first_policy")
    if not settings.demo or settings.mode != "SIM" or (known and known.state in (DONE, FAILED)):
        return
    first = Facts(context.tables, live_source(where.state).name).first_day()
    if first is None:
        return  # the desk has not opened yet
    if any(row.strategy == POLICY_OF for row in Queries(context.tables, where.state).models()):
        return
    now = context.clock.wall_ns()
    try:
        jobs.start("first_policy", "checking the shipped policy", now)
        model_id, card = adopt(where.models, opened=first["open_at"])
        command = c.InstallModel(strategy=POLICY_OF, model_id=model_id, card=card)
        context.submit(command, f"policy-{model_id[:16]}")
    except (ConnectionError, TimeoutError) as error:
        text = f"the engine is asked again: {error}"
        jobs.step("first_policy", 1.0, text, context.clock.wall_ns())
        return
    except (Refused, BrokenInvariant) as error:
        text = f"{error}: RL runs as its base schedule"
        jobs.failed("first_policy", text, context.clock.wall_ns())
        return
    jobs.done("first_policy", card, context.clock.wall_ns())


def verify(context: Context) -> None:
    """Walk the chain of the live journal and of every sealed day; the verdict is a job row."""
    jobs, clock, where = context.jobs, context.clock, context.where
    jobs.start("verify", "walking the journal", clock.wall_ns())
    verdict = verify_journal(where.journal, where.witness)
    bad = [f"live: {verdict.reason}"] if verdict.first_bad else []
    folder = where.state / "history"
    days = sealed_days(folder)
    for day in days:
        if context.stop.is_set():
            return
        found = verify_journal(folder / day)
        reason = found.reason or ", ".join(changed_files(folder, day))
        bad += [f"{day}: {reason}"] if reason else []
    if bad:
        jobs.failed("verify", "; ".join(bad), clock.wall_ns())
        return
    text = (
        f"{verdict.entries:,} live entries to {verdict.head[:12]}, {verdict.witnessed:,} of them "
        f"in the watchdog's witness, {len(days)} past days: sound"
    )
    jobs.done("verify", text, clock.wall_ns())
