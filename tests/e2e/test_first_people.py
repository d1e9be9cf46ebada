"""A desk without demo people: from the token on the terminal to the first order of a new trader."""

import itertools
import json
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from typing import Any

import pytest

from engine.gateway.sessions import csrf_token
from tests.support.browser import RunningDesk
from tests.support.real_desk import until

pytestmark = pytest.mark.timeout(300)
OWN = "a password of my own"


@pytest.fixture(scope="module")
def desk() -> Iterator[RunningDesk]:
    running = RunningDesk(
        full=True, flags={"demo": False, "demo_orders": False, "history_days": 0}
    )  # fmt: skip
    try:
        yield running.start(wait_s=180)
    finally:
        running.stop()
    shutil.rmtree(running.state)


class Person:
    """Somebody with cookies of their own, past any browser."""

    def __init__(self, desk: RunningDesk) -> None:
        self.url = desk.url
        self.jar = CookieJar()
        self.open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar)).open

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Origin": self.url, "Content-Type": "application/json"}
        session = next((c.value for c in self.jar if c.name == "qd_session"), None)
        if session is not None:
            headers["X-QD-CSRF"] = csrf_token(session)
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers)
        try:
            with self.open(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def csv(self, text: str) -> str:
        """Entries of the journal that hold a text; "" when there are none yet."""
        query = urllib.parse.urlencode({"text": text})
        with self.open(f"{self.url}/api/v1/audit.csv?{query}", timeout=60) as answer:
            found: str = answer.read().decode()
        return found if found.count("\n") > 1 else ""


def test_the_first_administrator_adds_a_trader_whose_order_the_engine_takes_until_switched_off(
    desk: RunningDesk,
) -> None:
    found = re.search(r"give the token (\S+)", desk.output())
    assert found, desk.output()
    admin, trader = Person(desk), Person(desk)
    first = {"token": found[1], "login": "root", "name": "Root", "password": OWN}
    assert admin.ask("/first-admin", first) == (200, {"next": "/"})
    assert admin.ask("/api/v1/reauthenticate", {"password": OWN})[0] == 200
    new = {"login": "nora", "name": "Nora", "roles": ["trader"], "max_notional": 30e6}
    status, made = admin.ask("/api/v1/people", new)
    assert (status, made["id"]) == (201, "u2")

    trader.ask("/login", {"login": "nora", "password": made["password"]})
    assert trader.ask("/api/v1/parents")[0] == 403
    assert trader.ask("/api/v1/password", {"old": made["password"], "new": OWN})[0] == 200
    args = {"side": 1, "quantity": 10_000, "strategy": "TWAP", "horizon_ns": 3_600_000_000_000}
    attempts = itertools.count()
    late = ("unknown to the engine", "no two-sided quote")

    def taken() -> bool:
        """A refused id stays refused; one without an answer is sent again, with one effect."""
        body = {"id": f"first-order-{next(attempts)}", "verb": "SubmitParent", "target": "MIDC",
                "args": args}  # fmt: skip
        status, answer = trader.ask("/api/v1/commands", body)
        while status == 504:
            status, answer = trader.ask("/api/v1/commands", body)
        assert status == 202 or any(words in answer["detail"] for words in late), answer
        return status == 202

    until(taken, what="the engine knows the trader and the market is open")

    # a command that was meant for another start of the engine is refused, a hold is not
    epoch = trader.ask("/api/v1/desk")[1]["items"][0]["epoch"]
    parent = until(lambda: trader.ask("/api/v1/parents")[1]["items"], what="the row of the order")
    for number, (verb, wanted) in enumerate((("ResumeParent", 422), ("HoldParent", 202))):
        body = {"id": f"other-start-{number}", "verb": verb, "epoch": epoch + 1,
                "target": parent[0]["key"]}  # fmt: skip
        status, answer = trader.ask("/api/v1/commands", body)
        assert status == wanted, answer
        if status == 422:
            assert f"meant for engine start {epoch + 1}" in answer["detail"]

    assert admin.ask("/api/v1/people/u2", {"active": False})[0] == 200
    assert trader.ask("/api/v1/commands", body)[0] == 401
    assert trader.ask("/login", {"login": "nora", "password": OWN})[0] == 401
    written = until(lambda: admin.csv("switched off"), what="the entry of the change")
    assert "u1 changed u2: switched off" in written
    assert "nora" not in admin.csv("").lower()
