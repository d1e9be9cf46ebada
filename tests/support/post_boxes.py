"""Real ends of alert channels on this machine: an HTTP server and a mail server that remember."""

import http.server
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Hook:
    """What a webhook was sent; ``status`` is what it answers."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        self.status = 200
        self.url = ""


@contextmanager
def a_hook() -> Iterator[Hook]:
    """A webhook on a free port."""
    hook = Hook()

    class Door(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hook.paths.append(self.path)
            hook.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(hook.status)
            self.send_header("location", "http://127.0.0.1:9/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        hook.url = f"http://127.0.0.1:{server.server_address[1]}/hook?room=1"
        with _served(server):
            yield hook


class Box:
    """What a mail server was given: sender, receivers, text."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], str]] = []
        self.refuses = ""  # a receiver that it does not take
        self.address = ""


@contextmanager
def a_box() -> Iterator[Box]:
    """A mail server on a free port that speaks as much SMTP as one plain mail needs."""
    box = Box()

    class Door(socketserver.StreamRequestHandler):
        def say(self, text: str) -> None:
            self.wfile.write(text.encode() + b"\r\n")

        def handle(self) -> None:
            self.say("220 box")
            sender, receivers = "", []
            for raw in self.rfile:
                verb, _, rest = raw.decode().strip().partition(" ")
                match verb.upper():
                    case "MAIL":
                        sender, receivers = rest, []
                        self.say("250 ok")
                    case "RCPT" if box.refuses and box.refuses in rest:
                        self.say("550 nobody")
                    case "RCPT":
                        receivers.append(rest)
                        self.say("250 ok")
                    case "DATA":
                        self.say("354 go on")
                        box.mails.append((sender, receivers, self._text()))
                        self.say("250 taken")
                    case "QUIT":
                        self.say("221 bye")
                        return
                    case _:
                        self.say("250 ok")

        def _text(self) -> str:
            lines = []
            for raw in self.rfile:
                line = raw.decode().rstrip("\r\n")
                if line == ".":
                    break
                lines.append(line)
            return "\n".join(lines)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Door) as server:
        box.address = f"127.0.0.1:{server.server_address[1]}"
        with _served(server):
            yield box


@contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(5)
