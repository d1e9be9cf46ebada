"""Commands in and answers out: one effect an id, one answer to everybody who asked for it."""

from engine.core.decide import answered
from engine.core.state import State
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.runtime.link import EngineLink, Reply, Request

Routes = dict[str, list[tuple[bytes, int]]]


def commands(
    link: EngineLink, requests: list[tuple[bytes, Request]]
) -> tuple[tuple[Envelope, ...], Routes]:
    """The commands among the requests, each once, and who waits for which answer."""
    routes: Routes = {}
    found: dict[str, Envelope] = {}
    for route, request in requests:
        if request.op != "command":
            continue
        try:
            envelope = link.envelope(request)
        except Refused as refusal:
            link.reply(route, Reply(re=request.re, refusal=str(refusal)))
            continue
        first = found.setdefault(envelope.id, envelope)
        if (first.person, first.command) != (envelope.person, envelope.command):
            taken = Reply(re=request.re, refusal=f"the id {envelope.id} is taken")
            link.reply(route, taken)
            continue
        routes.setdefault(envelope.id, []).append((route, request.re))
    return tuple(found.values()), routes


def reply(link: EngineLink, state: State, taken: tuple[Envelope, ...], routes: Routes) -> None:
    """What became of each command."""
    for envelope in taken:
        refusal = answered(state, envelope) or ""
        for route, number in routes[envelope.id]:
            link.reply(route, Reply(re=number, refusal=refusal, seq=state.seq, epoch=state.epoch))
