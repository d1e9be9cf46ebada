"""What every job works with."""

from contextlib import closing
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Final

from db.jobs import Jobs
from engine.desk import Answer, SyncDesk
from engine.domain.commands import AnyCommand, Envelope, InstallModel, ReportTca
from engine.domain.errors import BrokenInvariant, Refused
from engine.domain.units import Nanos, PersonId
from engine.runtime.clock import Clock
from engine.runtime.code import differs, trading_hash
from engine.runtime.link import load_key
from engine.settings import Paths, Settings, endpoint
from engine.worker.apart import run_apart
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

    def submit(
        self,
        command: AnyCommand,
        command_id: str,
        *,
        person: PersonId = SYSTEM,
        reason: str = "",
    ) -> Answer:
        """Send a command; as ``SyncDesk.submit``. As "system" only ReportTca and InstallModel.

        To an engine of our own code only: what we computed is by our code. Sockets belong to one
        thread, so every call has its own.
        """
        if person == SYSTEM and not isinstance(command, ReportTca | InstallModel):
            raise BrokenInvariant(f"the worker may not send {type(command).__name__} as system")
        envelope = Envelope(
            id=command_id,
            person=person,
            epoch=0,
            expires_at=Nanos(self.clock.wall_ns() + EXPIRES_NS),
            command=command,
            reason=reason,
            door="worker" if person == SYSTEM else "demo",
        )
        with closing(self._desk()) as desk:
            theirs = str(desk.ask("code", timeout_s=ANSWER_S)["code"])
            if other := differs("the engine", theirs, trading_hash()):
                raise Refused(other, rule="version")
            return desk.submit(envelope, ANSWER_S)

    def ask(self, name: str) -> Any:
        """A question to the engine; as ``SyncDesk.ask``."""
        with closing(self._desk()) as desk:
            return desk.ask(name, timeout_s=ANSWER_S)

    def apart(self, module: str, ask: bytes) -> bytes:
        """What a process of its own answers; as ``run_apart``. Ended when the worker stops."""
        return run_apart(module, ask, self.stop)

    def _desk(self) -> SyncDesk:
        return SyncDesk(endpoint(self.where.engine), load_key(self.where.state / "link.key"))
