"""The worker process: projector thread and scheduled jobs, at low priority.

Everything it does may be cut off at any moment: batches of the projection are transactions, past
days appear whole, reports are named by their hash.
"""

import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event, Thread
from types import FrameType
from typing import Any, Final
from zoneinfo import ZoneInfo

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from db.jobs import Jobs
from db.queries import Queries, database_url
from db.schema import open_tables
from engine.domain.errors import Refused
from engine.domain.units import MINUTE
from engine.exchange.hours import ZONE
from engine.exchange.presets import PRESETS
from engine.lab.pool import cores
from engine.lab.usual import usual_day
from engine.lifeline import watch_stdin
from engine.logs import as_wanted
from engine.runtime.clock import SystemClock
from engine.runtime.code import differs, trading_hash
from engine.settings import Settings, endpoint, from_environment, make_folders, paths
from engine.worker import door
from engine.worker.answers import Answers, Pooled
from engine.worker.asked import prepare
from engine.worker.calibrations import Calibrations
from engine.worker.comparisons import Comparisons
from engine.worker.context import Context
from engine.worker.projector import Projector

NICE: Final = 10
GRACE_S: Final = 120
VERIFY_MINUTES: Final = 30  # the chain badge is as old as this at most
CODE_S: Final = 5.0  # between two looks at the engine's code
EVERY: Final = (  # textual names, so that nothing of a job is ever stored as code
    ("engine.worker.jobs:tca_day", 2),
    ("engine.worker.jobs:history", 3),
    ("engine.worker.jobs:first_model", 5),
    ("engine.worker.demo:demo_orders", 1),
    ("engine.worker.realism:market_report", 30),
    ("engine.worker.lab:lab_report", 30),
    ("engine.worker.channels:tell_webhook", 1),
    ("engine.worker.channels:tell_mail", 1),
)


def context_of(settings: Settings, stop: Event) -> Context:
    """Open everything; the read tables are made when they are missing."""
    where = paths(settings)
    make_folders(where)
    return Context(
        settings=settings,
        where=where,
        tables=open_tables(database_url(settings.database_url, where.desk_db)),
        jobs=Jobs.open(where.people_db),
        clock=SystemClock(),
        stop=stop,
    )


def schedule(context: Context) -> Any:
    """The jobs, in memory; a run that was missed is run once."""
    scheduler = BackgroundScheduler(
        timezone=ZoneInfo(ZONE),
        executors={"default": ThreadPoolExecutor(4)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": GRACE_S},
    )
    for name, seconds in EVERY:
        scheduler.add_job(name, "interval", seconds=seconds, args=[context], id=name)
    verify = "engine.worker.jobs:verify"
    scheduler.add_job(verify, "interval", minutes=VERIFY_MINUTES, args=[context], id=verify)
    last = context.jobs.get("verify")
    now = context.clock.wall_ns()
    if last is None or now - last.started_at > VERIFY_MINUTES * MINUTE:
        soon = datetime.fromtimestamp(now / 1e9, UTC) + timedelta(seconds=60)
        scheduler.add_job(verify, "date", run_date=soon, args=[context], id="verify missed")

    def broken(event: JobExecutionEvent) -> None:
        name = str(event.job_id).rpartition(":")[2]
        context.jobs.failed(name, str(event.exception), context.clock.wall_ns())

    scheduler.add_listener(broken, EVENT_JOB_ERROR)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a long job is no warning
    return scheduler


def same_code(context: Context) -> None:
    """Work only beside an engine of the same code: ends the process otherwise, and says why."""
    ours = trading_hash()
    while not context.stop.wait(CODE_S):
        try:
            theirs = str(context.ask("code")["code"])
        except (ConnectionError, TimeoutError, Refused):
            continue  # it starts, or is halted: asked again
        if other := differs("the engine", theirs, ours):
            print(f"quarterdeck: the worker stops: {other}", flush=True)  # noqa: T201
            os._exit(1)


def guarded(run: Callable[[], None]) -> Callable[[], None]:
    """A thread that breaks ends the process: the supervisor starts it anew, and it is seen."""

    def work() -> None:
        try:
            run()
        except BaseException:  # noqa: BLE001 -- the outermost loop of this thread
            print(traceback.format_exc(), file=sys.stderr, flush=True)  # noqa: T201
            os._exit(1)

    return work


def answer_questions(context: Context) -> None:
    """Four threads: one hears questions, one simulates (its processes start now, warm), one goes

    through past days, one compares strategies (a process of its own while it does).
    """
    queries, where, stop = Queries(context.tables, context.where.state), context.where, context.stop
    runs = Pooled(cores(engine_runs=True))
    usual = [partial(usual_day, preset) for preset in PRESETS]
    answers = Answers(context.clock, lambda asked: prepare(asked, queries, where), runs, usual)

    rules = Calibrations(context.clock, queries)
    comparisons = Comparisons(clock=context.clock, where=where, runs=Pooled(1))
    comparisons.recall()
    asked_of = door.askers(answers, rules, comparisons)

    def work() -> None:
        runs.start()
        answers.serve(stop)
        runs.close()

    def hear() -> None:
        door.serve(endpoint(where.worker), asked_of, stop)

    def look_back() -> None:
        rules.serve(stop)

    def compare() -> None:
        comparisons.serve(stop)

    threads = {"answers": work, "door": hear, "rules": look_back, "comparisons": compare}
    for name, run in threads.items():
        Thread(target=guarded(run), name=name, daemon=True).start()


def main() -> int:
    """Run until SIGTERM, SIGINT or the end of the supervisor."""
    settings = from_environment()
    as_wanted("worker", settings.log_format, SystemClock().wall_ns, least=settings.log_level)
    stop = Event()

    def told(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, told)
    signal.signal(signal.SIGINT, told)
    watch_stdin(stop.set)
    os.nice(NICE)
    context = context_of(settings, stop)
    context.jobs.stop_running(context.clock.wall_ns())
    projector = Thread(target=guarded(Projector(context).run), name="projector", daemon=True)
    projector.start()
    code = Thread(target=guarded(lambda: same_code(context)), name="code", daemon=True)
    code.start()
    answer_questions(context)
    scheduler = schedule(context)
    scheduler.start()
    print("worker ready", flush=True)  # noqa: T201
    while not stop.wait(0.5):
        pass
    scheduler.shutdown(wait=False)
    projector.join(0.3)
    os._exit(0)  # jobs under way are cut off: whatever they left half does not count


if __name__ == "__main__":
    sys.exit(main())
