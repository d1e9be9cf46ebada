"""The worker's end of the wire on which the web asks for simulations: questions in, answers out.

The framing is that of the engine's link. Only the owner of the state folder can reach the socket.
"""

from threading import Event
from typing import Any, Final

import msgspec
import zmq

from engine.domain.errors import Refused
from engine.runtime.link import Reply, Request, pack
from engine.worker.answers import Answers
from engine.worker.asked import PRETRADE, TWIN, Asked
from engine.worker.calibrations import CALIBRATE, Calibrations, Rule

POLL_MS: Final = 100
QUEUE: Final = 100  # questions that may wait in the socket
_REQUEST: Final = msgspec.msgpack.Decoder(Request)


def reply(answers: Answers, request: Request, rules: Calibrations | None = None) -> Reply:
    """What is said to one request."""
    known = (PRETRADE, TWIN) if rules is None else (PRETRADE, TWIN, CALIBRATE)
    if request.op != "ask" or request.name not in known:
        return Reply(re=request.re, refusal=f"the worker answers no {request.name or request.op}")
    try:
        args: dict[str, Any] = dict(request.args)
        ticket, again = str(args.pop("ticket")), bool(args.pop("again", False))
        told: Any
        if rules is not None and request.name == CALIBRATE:
            told = rules.ask(ticket, msgspec.convert(args, Rule), again=again)
        else:
            asked = msgspec.convert(args | {"kind": request.name}, Asked)
            told = answers.ask(ticket, asked, again=again)
    except (KeyError, msgspec.ValidationError) as error:
        return Reply(re=request.re, refusal=f"the question is not understood: {error}")
    except Refused as refused:
        return Reply(re=request.re, refusal=str(refused))
    return Reply(re=request.re, body=msgspec.to_builtins(told))


def serve(address: str, answers: Answers, rules: Calibrations, stop: Event) -> None:
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
            said = reply(answers, _REQUEST.decode(parts[-1]), rules)
        except (msgspec.DecodeError, msgspec.ValidationError):
            said = Reply(re=0, refusal="the request is not understood")
        try:
            router.send_multipart([parts[0], pack(said)], flags=zmq.DONTWAIT)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EAGAIN, zmq.EHOSTUNREACH):
                raise
    router.close(linger=0)
    context.term()
