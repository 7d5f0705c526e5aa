"""A world with something to see: money that moved, a declined card, a failed debit, a callback that came late."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from sandbox.client import Client, Refused

WHEN = "2013-05-06T17:18:00Z"
PATIENCE = 2000  # looks at the deliveries until they have come to an end

CARD = {"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2030}
DECLINED = {**CARD, "card_number": "4444444444444448"}
FAILING = {
    "name": "Reginald Musgrave",
    "routing_number": "021000021",
    "account_number": "9900000004",
    "type": "checking",
}


@contextmanager
def listening(port: int = 0) -> Iterator[str]:
    """Listen for callbacks and lend the url: the first event of a debit is answered with 500, the others with 200."""
    failed: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fails = event["type"].startswith("debit.") and not failed
            failed.extend([event["id"]] if fails else [])
            text = b"the database is away" if fails else b"thanks"
            self.send_response(500 if fails else 200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Listener)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hooks"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Patient(Client):
    """Goes on when every callback was called, so that the same ids come to be in the same order."""

    def post(self, path: str, body: Any = None) -> Any:
        answer = super().post(path, body)
        until(self, was_sent)
        return answer

    def put(self, path: str, body: Any = None) -> Any:
        answer = super().put(path, body)
        until(self, was_sent)
        return answer


def client(url: str) -> Client:
    """Return a client with the key of the default world."""
    return Client(url, Client(url).get("/_sandbox/info")["world"]["api_key"])


def refused(call: Client, path: str, body: Any) -> Refused:
    """Ask for what is refused, and return how."""
    try:
        call.post(path, body)
    except Refused as refusal:
        return refusal
    raise AssertionError(f"{path} was not refused")


def paying(call: Client, card: Any = CARD, name: str = "John Lee Hooker") -> Any:
    """Return a new customer with a card."""
    return call.post("/v1/customers", {"name": name, "email": "boogie@example.com", "card": card})


def tell(url: str, hooks: str) -> None:
    """Do what there is to see, with callbacks to a listener."""
    call = Patient(url, Client(url).get("/_sandbox/info")["world"]["api_key"])
    marketplace = call.get("/v1/marketplaces")["items"][0]["uri"]
    call.put("/_sandbox/checkpoints/before-lunch")
    call.post(f"{marketplace}/callbacks", {"url": hooks})
    hooker = paying(call)
    call.post(hooker["debits_uri"], {"amount": 5000, "description": "A blue guitar"})
    hold = call.post(hooker["holds_uri"], {"amount": 12000})
    call.post("/_sandbox/clock/advance", {"minutes": 25})
    until(call, has_arrived)
    debit = call.post(hooker["debits_uri"], {"hold_uri": hold["uri"]})
    call.post(debit["refunds_uri"], {"amount": 1550})
    musgrave = call.post("/v1/customers", {"name": "Reginald Musgrave", "bank_account": FAILING})
    account = call.get(musgrave["bank_accounts_uri"])["items"][0]
    verification = call.post(account["verifications_uri"])
    call.put(verification["uri"], {"amount_1": 1, "amount_2": 1})
    call.post(musgrave["debits_uri"], {"amount": 7500, "description": "Rent"})
    call.post(f"{marketplace}/credits", {"amount": 2500, "bank_account": {**FAILING, "account_number": "9900000002"}})
    call.post("/_sandbox/clock/advance", {"days": 1})
    until(call, has_arrived)
    call.post(
        "/_sandbox/faults",
        {"on": {"operation": "debits.create", "amount": {">=": 100000}}, "do": {"decline": "card-declined"}},
    )
    call.get("/v1/customers?limit=2")
    with suppress(Refused):
        call.post(hooker["debits_uri"], {"amount": 5})
    call.post(hooker["holds_uri"], {"amount": 9900})
    smith = paying(call, DECLINED, "Bessie Smith")
    with suppress(Refused):
        call.post(smith["debits_uri"], {"amount": 3300, "description": "Nobody knows you"})
    until(call, has_arrived)


def until(call: Client, done: Callable[[Any], bool]) -> Any:
    """Return the deliveries when each of them has come so far."""
    for _ in range(PATIENCE):
        found = call.get("/_sandbox/deliveries")["items"]
        if all(done(one) for one in found):
            return found
    raise AssertionError("callbacks are still under way")


def was_sent(delivery: Any) -> bool:
    return bool(delivery["log"])


def has_arrived(delivery: Any) -> bool:
    return bool(delivery["status"] == "succeeded")
