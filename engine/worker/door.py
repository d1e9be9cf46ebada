"""The worker's end of the wire on which the web asks for simulations: questions in, answers out.

The framing is that of the engine's link. Only the owner of the state folder can reach the socket.
"""

from collections.abc import Callable, Mapping
from threading import Event
from typing import Any, Final, TypeAlias

import msgspec
import zmq

from engine.domain.errors import Refused
from engine.runtime.link import Reply, Request, pack
from engine.worker.answers import Answers
from engine.worker.asked import PRETRADE, TWIN, Asked
from engine.worker.calibrations import CALIBRATE, Calibrations, Rule
from engine.worker.comparisons import COMPARE, COMPARE_END, COMPARED, Comparisons, Wanted

POLL_MS: Final = 100
QUEUE: Final = 100  # questions that may wait in the socket
Asker: TypeAlias = Callable[[dict[str, Any]], object]
_REQUEST: Final = msgspec.msgpack.Decoder(Request)


def askers(answers: Answers, rules: Calibrations, comparisons: Comparisons) -> dict[str, Asker]:
    """Who answers what, by the name of the question."""

    def simulated(name: str) -> Asker:
        def ask(args: dict[str, Any]) -> object:
            ticket, again = _ticket(args)
            asked = msgspec.convert(args | {"kind": name}, Asked)
            return answers.ask(ticket, asked, again=again)

        return ask

    def calibrate(args: dict[str, Any]) -> object:
        ticket, again = _ticket(args)
        return rules.ask(ticket, msgspec.convert(args, Rule), again=again)

    def compare(args: dict[str, Any]) -> object:
        by = str(args.pop("by"))
        return comparisons.ask(by, msgspec.convert(args, Wanted))

    def end(args: dict[str, Any]) -> object:
        return comparisons.end(str(args["by"]), int(args["number"]), any_of=bool(args["any_of"]))

    return {
        PRETRADE: simulated(PRETRADE),
        TWIN: simulated(TWIN),
        CALIBRATE: calibrate,
        COMPARE: compare,
        COMPARED: lambda _: comparisons.told(),
        COMPARE_END: end,
    }


def _ticket(args: dict[str, Any]) -> tuple[str, bool]:
    return str(args.pop("ticket")), bool(args.pop("again", False))


def reply(asked_of: Mapping[str, Asker], request: Request) -> Reply:
    """What is said to one request."""
    asker = asked_of.get(request.name) if request.op == "ask" else None
    if asker is None:
        return Reply(re=request.re, refusal=f"the worker answers no {request.name or request.op}")
    try:
        told = asker(dict(request.args))
    except (KeyError, msgspec.ValidationError) as error:
        return Reply(re=request.re, refusal=f"the question is not understood: {error}")
    except Refused as refused:
        return Reply(re=request.re, refusal=str(refused))
    return Reply(re=request.re, body=msgspec.to_builtins(told))


def serve(address: str, asked_of: Mapping[str, Asker], stop: Event) -> None:
    """Answer until told to stop."""
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.setsockopt(zmq.LINGER, 0)
    router.setsockopt(zmq.RCVHWM, QUEUE)
    router.setsockopt(zmq.SNDHWM, QUEUE)
    router.bind(address)
    while not stop.is_set():
        if not router.poll(POLL_MS):
            continue
        parts = router.recv_multipart()
        try:
            said = reply(asked_of, _REQUEST.decode(parts[-1]))
        except (msgspec.DecodeError, msgspec.ValidationError):
            said = Reply(re=0, refusal="the request is not understood")
        try:
            router.send_multipart([parts[0], pack(said)], flags=zmq.DONTWAIT)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EAGAIN, zmq.EHOSTUNREACH):
                raise
    router.close(linger=0)
    context.term()
