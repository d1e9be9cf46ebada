"""What every job works with."""

from dataclasses import dataclass, field
from threading import Event
from typing import Any, Final

from db.jobs import Jobs
from engine.desk import Answer, SyncDesk
from engine.domain.commands import Envelope, InstallModel, ReportTca
from engine.domain.units import Nanos
from engine.runtime.clock import Clock
from engine.runtime.link import load_key
from engine.settings import Paths, Settings, endpoint
from engine.worker.people import SYSTEM

EXPIRES_NS: Final = 5_000_000_000
ANSWER_S: Final = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The worker's surroundings; ``tables`` is the database of the read tables."""

    settings: Settings
    where: Paths
    tables: Any
    jobs: Jobs
    clock: Clock
    stop: Event
    memo: dict[str, Any] = field(default_factory=dict)  # what a job need not do twice

    def submit(self, command: ReportTca | InstallModel, command_id: str) -> Answer:
        """Send one of the two commands that the worker may give; as ``SyncDesk.submit``.

        Sockets belong to one thread, so every call has its own.
        """
        now = self.clock.wall_ns()
        desk = SyncDesk(endpoint(self.where.engine), load_key(self.where.state / "link.key"))
        try:
            return desk.submit(
                Envelope(
                    id=command_id,
                    person=SYSTEM,
                    epoch=0,
                    expires_at=Nanos(now + EXPIRES_NS),
                    command=command,
                    door="worker",
                ),
                ANSWER_S,
            )
        finally:
            desk.close()
