"""Work for when nothing else is to do: late, after the jobs that people wait for, and apart."""

import msgspec

from db.jobs import RUNNING
from engine.domain.errors import BrokenInvariant, Refused
from engine.worker.apart import Ended
from engine.worker.context import Context


def is_time(context: Context, name: str, after_ns: int, busy: tuple[str, ...]) -> bool:
    """Whether the desk has run a while, the job is not over, and none of ``busy`` is at work."""
    now = context.clock.wall_ns()
    began = context.memo.setdefault(f"{name} since", now)
    if now - began < after_ns or context.memo.get(f"{name} done"):
        return False
    rows = (context.jobs.get(other) for other in busy)
    return not any(row is not None and row.state == RUNNING for row in rows)


def is_over(context: Context, name: str) -> None:
    """Nothing is left to do until the worker starts again."""
    context.memo[f"{name} done"] = True


def make_apart(context: Context, name: str, module: str, asked: msgspec.Struct, said: str) -> None:
    """Have a process of its own make it; people read ``said`` when it is done, or why it is not.

    After a failure it is not tried again. A worker that stops leaves it as it was.
    """
    try:
        context.apart(module, msgspec.json.encode(asked))
    except Ended:
        return
    except (Refused, BrokenInvariant) as error:
        is_over(context, name)
        context.jobs.failed(name, str(error), context.clock.wall_ns())
        return
    context.jobs.done(name, said, context.clock.wall_ns())
