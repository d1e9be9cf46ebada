"""The last look before the socket: flag, lease, fencing token. Cancels always pass."""

from engine.core.state import State
from engine.domain.events import KillBlocked
from engine.domain.units import Nanos
from engine.runtime.clock import Clock
from engine.runtime.disk import Disk
from engine.runtime.kill_flag import KillFlag


class Gate:
    """What stops a new order after everything else has let it pass."""

    def __init__(
        self, flag: KillFlag, clock: Clock, *, lease_ns: int, disk: Disk | None = None
    ) -> None:
        self.flag = flag
        self._disk = disk
        self._clock = clock
        self._lease_ns = lease_ns  # 0 = no watchdog is expected (past days, tests)
        self._seen = -1  # generation whose slots are folded into the state

    def closed_because(self, state: State) -> str:
        """Why no new order may leave now, as "rule: sentence"; "" = it may."""
        if self.flag.is_all:
            return "kill: the kill flag is set to ALL"
        if self.flag.generation != self._seen:
            return "kill: the kill flag has changed and is not read yet"
        if self.flag.epoch > state.epoch:
            return "fencing: a newer engine runs this desk"
        if self._lease_ns:
            age = self._clock.mono_ns() - self.flag.lease_ns
            if age > self._lease_ns:
                return f"lease: the watchdog has been silent for {age / 1e9:.1f} s"
        return self.disk()

    def lease_age_ns(self) -> int | None:
        """Age of the watchdog's lease, None = no watchdog is expected. [monotonic ns]"""
        return self._clock.mono_ns() - self.flag.lease_ns if self._lease_ns else None

    def disk(self) -> str:
        """Why the disk stops new orders, "" = there is room."""
        return "" if self._disk is None else self._disk.closed_because(self._clock.mono_ns())

    def unread(self, state: State) -> tuple[KillBlocked, ...]:
        """Requests in the flag that the state does not know yet; remembers the generation seen."""
        self.flag.renew()  # deleted or replaced under us: the file in place counts, ALL if none
        generation = self.flag.generation
        if generation == self._seen and not self.flag.is_all:
            return ()
        slots = self.flag.slots()
        known = {kill.generation for kill in state.kills.values()}
        if self.flag.is_all and not any(row.active and row.scope == "all" for row in slots):
            # set by a signal, or the file was damaged: give it a slot so that it has a receipt
            self.flag.request("all", "", "signal", door="signal", now_ns=self._clock.wall_ns())
            generation, slots = self.flag.generation, self.flag.slots()
        self._seen = generation
        return tuple(
            KillBlocked(
                kill_id=0,
                generation=row.generation,
                scope=row.scope,
                target=row.target,
                by=row.by,
                door=row.door,
                requested_at=Nanos(row.requested_at),
                parents=(),
                children=(),
            )
            for row in slots
            if row.active and row.generation not in known
        )

    def request(self, scope: str, target: str, by: str, *, door: str, now_ns: int) -> int:
        """Write a kill of the desk's own into the flag, as anybody else would; its generation."""
        return self.flag.request(scope, target, by, door=door, now_ns=now_ns)

    def release(self, generation: int) -> None:
        """After a release is durable: free the slot; the file says what the journal says."""
        self.flag.release(generation)

    def settle(self, state: State) -> None:
        """At a start: release slots whose release is in the journal but not in the file."""
        released = {kill.generation for kill in state.kills.values() if not kill.is_active}
        for slot in self.flag.slots():
            if slot.active and slot.generation in released:
                self.flag.release(slot.generation)

    def beat(self, state: State) -> None:
        """The owner thread is alive."""
        self.flag.beat(self._clock.mono_ns(), state.epoch)
