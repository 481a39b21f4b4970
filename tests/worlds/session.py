"""A long mixed session: recorded once with calls that depend on earlier replies, then played again anywhere."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

import msgspec

from childproof.catalog import Catalog, load_catalog
from childproof.ledger import Entry
from childproof.model import Call, Envelope, Outcome, Protocol, Upstream, Violation, replace
from childproof.run.compose import Parts, compose
from childproof.run.config.config import Config
from childproof.world import ClockSettings

STUBS = (Path(__file__).parents[1] / "data" / "stubs", Path(__file__).parent / "stubs")
START = 1_767_603_600_000  # 2026-01-05T09:00:00Z
CLOCK = ClockSettings(start=START, run="step", step=1700)
SEED = 41
RULES = """
version: 1
rules:
  - name: refunds-are-few
    match: {host: api.stripe.com, method: POST, path: /v1/refunds}
    stub: stripe
    limit: {calls: 6, per: 5m}
  - name: products-are-flaky
    match: {host: api.stripe.com, path: /v1/products/**}
    stub: stripe
    fault: {kind: status, status: 503, rate: 0.3}
    delay: {min: 1ms, max: 90ms}
  - name: prices-get-lost
    match: {host: api.stripe.com, method: POST, path: /v1/prices}
    stub: stripe
    fault: {kind: reset, rate: 0.3}
  - {name: stripe, match: {host: api.stripe.com}, stub: stripe}
  - {name: parcels, match: {host: api.parcels.example}, stub: parcels}
  - {name: crm, match: {host: api.acme.com}, stub: acme-crm}
  - name: mail
    match: {protocol: smtp}
    stub: email
    limit: {calls: 4, per: 10m}
  - {name: no-telemetry, match: {protocol: dns, host: "*.telemetry.example"}, deny: {reason: nobody is to know}}
  - {name: canned, match: {host: status.example}, reply: {json: {status: green}}}
  - {name: docs, match: {host: docs.example, method: GET}, allow: {}}
"""
ADVANCES = (30_000, 3_600_000, 90_000_000)  # ms: within a limit's window, beyond it, and into another day


@dataclass(frozen=True)
class Advance:
    """Not a call: the world's clock is advanced by milliseconds."""

    by: int


Step = Call | Advance


@cache
def _shipped() -> Catalog:
    return load_catalog()


@contextmanager
def opened(folder: Path, store: str, world: str = "main", *, fresh: bool = False) -> Iterator[Parts]:
    """What a run is made of, over a store; the world is made where there is none.

    The shipped stubs are loaded once for all, as a reload of a server's keeps them, but for one that is `fresh`.
    """
    rules = folder / "rules.yaml"
    if not rules.exists():
        rules.write_text(RULES)
    config = Config(state_dir=folder, rules=(rules,), stubs=STUBS, store=store)
    parts = compose(config, worlds=(world,), seed=SEED, clock=CLOCK, wall=lambda: START)
    if not fresh:
        _shipped().check(("stripe", "email"))
        parts.catalog.keep(_shipped())
    try:
        yield parts
    finally:
        parts.close()


def take(parts: Parts, step: Step, world: str = "main") -> Any:
    """Take one step; everything that somebody outside saw of it, as JSON values."""
    if isinstance(step, Advance):
        return msgspec.structs.asdict(parts.engine.passing().advance(parts.store.world(world), step.by))
    outcome = parts.engine.handle(replace(step, world=world))
    if outcome.forward is not None:
        parts.engine.settle(outcome, Upstream(dns=1, connections=1, bytes_out=300, bytes_in=1200), None)
    return seen(outcome)


def seen(outcome: Outcome) -> dict[str, Any]:
    """What an outcome is to a client."""
    reply = outcome.reply
    return {
        "call": outcome.call_id,
        "verdict": outcome.verdict.action.value,
        "reason": outcome.verdict.reason,
        "reply": None if reply is None else [reply.status, reply.headers, reply.body.decode()],
        "forward": outcome.forward is not None,
        "delay": outcome.delay,
        "fault": outcome.fault,
    }


def play(parts: Parts, steps: Sequence[Step], world: str = "main") -> list[Any]:
    """Take the steps in order."""
    return [take(parts, step, world) for step in steps]


def ledger(parts: Parts, world: str = "main", *, after: int = 0) -> list[dict[str, Any]]:
    """The record after call `after`, without what is real time."""
    return [timeless(entry) for entry in parts.ledger.entries(world=world, after_seq=after)]


def timeless(entry: Entry) -> dict[str, Any]:
    """An entry without the times of this machine."""
    values: dict[str, Any] = json.loads(msgspec.json.encode(entry))
    for key in ("at", "duration_us"):
        del values[key]
    return values


def nameless(values: Any) -> Any:
    """Without what a world's name goes into: the ids of calls, and the traces that follow from them."""
    text = json.dumps(values)
    text = re.sub(r"call_[0-9a-f]{16}", "call_…", text)
    text = re.sub(r'"trace": "[0-9a-f]{32}"', '"trace": "…"', text)
    return json.loads(re.sub(r'"world": "[^"]+"', '"world": "…"', text))


@dataclass
class Author:
    """Writes a session while it is played, so that calls can name what earlier replies told."""

    random: Random
    known: dict[str, list[str]] = field(default_factory=dict)
    keys: list[Call] = field(default_factory=list)
    last: Call | None = None

    def next(self) -> Step:
        """The next step."""
        kinds: list[tuple[int, Callable[[], Step]]] = [
            (10, self._customer), (14, self._intent), (10, self._refund), (8, self._list), (7, self._broken),
            (7, self._again), (6, self._update), (5, self._product), (5, self._price), (3, self._delete), (8, self._mail),
            (7, self._crm), (4, self._deal), (5, self._dns), (5, self._denied), (2, self._violation), (4, self._canned),
            (4, self._allowed), (3, self._advance), (4, self._parcel),
        ]  # fmt: skip
        step = self.random.choices([make for _, make in kinds], [weight for weight, _ in kinds])[0]()
        if isinstance(step, Call):
            self.last = step
        return step

    def learn(self, step: Step, told: dict[str, Any]) -> None:
        """Remember the ids that a reply names."""
        if isinstance(step, Call) and told["reply"] and told["reply"][2].startswith("{"):
            found = json.loads(told["reply"][2]).get("id")
            if isinstance(found, str):
                self.known.setdefault(found.partition("_")[0], []).append(found)

    def _id(self, prefix: str) -> str:
        known = self.known.get(prefix, [])
        return self.random.choice(known) if known and self.random.random() < 0.95 else f"{prefix}_nobody"

    def _stripe(self, method: str, path: str, form: dict[str, Any] | None = None, key: str = "") -> Call:
        headers = [("host", "api.stripe.com"), ("authorization", "Bearer sk_test_session")]
        text = urlencode(form or {})
        if method == "POST":
            headers.append(("content-type", "application/x-www-form-urlencoded"))
        if key:
            headers.append(("idempotency-key", key))
        get = method == "GET"
        return Call(
            Protocol.HTTP, "api.stripe.com", 443, method=method, scheme="https", path=path, query=text if get else "",
            headers=tuple(headers), body=b"" if get else text.encode(), tls=True, http_version="HTTP/1.1",
        )  # fmt: skip

    def _customer(self) -> Call:
        number = self.random.randrange(1000)
        form = {"name": f"Jenny {number}", "email": f"jenny{number}@example.com", "metadata[order]": str(number)}
        return self._keyed("/v1/customers", form)

    def _keyed(self, path: str, form: dict[str, Any]) -> Call:
        key = f"key-{self.random.randrange(10**9)}" if self.random.random() < 0.3 else ""
        call = self._stripe("POST", path, form, key)
        if key:
            self.keys.append(call)
        return call

    def _again(self) -> Call:
        """The same call with the same idempotency key, or another one with it."""
        if not self.keys:
            return self._customer()
        call = self.random.choice(self.keys)
        return call if self.random.random() < 0.7 else replace(call, body=call.body + b"&metadata%5Bother%5D=1")

    def _intent(self) -> Call:
        card = self.random.choice(["pm_card_visa", "pm_card_visa", "pm_card_chargeDeclined", "pm_card_mastercard"])
        form = {"amount": self.random.randrange(50, 90_000), "currency": "usd", "payment_method": card,
                "payment_method_types[]": "card", "confirm": "true", "customer": self._id("cus"),
                "expand[]": "latest_charge"}  # fmt: skip
        return self._keyed("/v1/payment_intents", form)

    def _refund(self) -> Call:
        form: dict[str, Any] = {"payment_intent": self._id("pi")}
        if self.random.random() < 0.6:
            form["amount"] = self.random.randrange(1, 500)
        return self._keyed("/v1/refunds", form)

    def _list(self) -> Call:
        kind, prefix = self.random.choice(
            [("customers", "cus"), ("payment_intents", "pi"), ("refunds", "re"), ("events", "evt"), ("charges", "ch")]
        )
        query = {"limit": self.random.randrange(1, 8)}
        if self.random.random() < 0.4 and self.known.get(prefix):
            query["starting_after"] = self._id(prefix)
        return self._stripe("GET", f"/v1/{kind}", query)

    def _broken(self) -> Call:
        return self.random.choice([
            self._stripe("POST", "/v1/customers", {"nonsense": "1"}),
            self._stripe("POST", "/v1/payment_intents", {"amount": "-3", "currency": "usd"}),
            self._stripe("GET", "/v1/customers/cus_nobody"),
            self._stripe("GET", "/v1/no_such_thing"),
            replace(self._stripe("GET", "/v1/customers"), headers=(("host", "api.stripe.com"),)),
        ])  # fmt: skip

    def _update(self) -> Call:
        return self._stripe("POST", f"/v1/customers/{self._id('cus')}", {"metadata[seen]": self.random.randrange(9)})

    def _delete(self) -> Call:
        return self._stripe("DELETE", f"/v1/customers/{self._id('cus')}")

    def _product(self) -> Call:
        return self._stripe("POST", f"/v1/products/{self._id('prod')}", {"name": f"Tea {self.random.randrange(9)}"})

    def _price(self) -> Call:
        form = {"currency": "usd", "unit_amount": self.random.randrange(1, 999), "product_data[name]": "Tea"}
        return self._stripe("POST", "/v1/prices", form)

    def _mail(self) -> Call:
        to = tuple(
            f"{name}@example.com" for name in self.random.sample(["ann", "bob", "eve"], self.random.randrange(1, 4))
        )
        body = f"From: shop@example.com\r\nTo: {', '.join(to)}\r\nSubject: Order {self.random.randrange(99)}\r\n\r\nThanks."
        return Call(
            Protocol.SMTP, "smtp.example.com", 587, method="MESSAGE", body=body.encode(), tls=True,
            envelope=Envelope("shop@example.com", to, "shop", "shop@example.com", tls=True),
        )  # fmt: skip

    def _acme(self, method: str, path: str, body: dict[str, Any]) -> Call:
        headers = (
            ("host", "api.acme.com"),
            ("authorization", "Bearer acme_test"),
            ("content-type", "application/json"),
        )
        return Call(
            Protocol.HTTP, "api.acme.com", 443, method=method, scheme="https", path=path, headers=headers,
            body=json.dumps(body).encode(), tls=True, http_version="HTTP/1.1",
        )  # fmt: skip

    def _crm(self) -> Call:
        number = self.random.randrange(40)
        body = {"email": f"lead{number}@example.com", "name": f"Lead {number}"}
        return self._acme("POST", "/v2/contacts", body)

    def _deal(self) -> Call:
        if self.random.random() < 0.4:
            return self._acme("POST", f"/v2/deals/{self._id('deal')}/{self.random.choice(['win', 'lose'])}", {})
        body = {"title": "Tea", "amount": self.random.randrange(1, 9000)}
        return self._acme("POST", f"/v2/contacts/{self._id('con')}/deals", body)

    def _parcel(self) -> Call:
        body = {"to": self.random.choice(["ann", "bob"]), "hours": self.random.randrange(30)}
        call = self._acme("POST", "/parcels", body)
        return replace(call, host="api.parcels.example", headers=(("host", "api.parcels.example"), *call.headers[2:]))

    def _dns(self) -> Call:
        host = self.random.choice(["api.stripe.com", "a.telemetry.example", "nobody.example"])
        return Call(Protocol.DNS, host, 53, method=self.random.choice(["A", "AAAA", "TXT"]))

    def _denied(self) -> Call:
        return self.random.choice([
            Call(Protocol.TCP, "203.0.113.7", self.random.randrange(1, 9999), address="203.0.113.7"),
            Call(Protocol.HTTP, "nobody.example", 443, method="GET", scheme="https", path="/x", tls=True),
        ])  # fmt: skip

    def _violation(self) -> Call:
        call = self._stripe("GET", "/v1/customers")
        return replace(call, violation=Violation("host_mismatch", "the server name is another one"))

    def _canned(self) -> Call:
        return Call(Protocol.HTTP, "status.example", 443, method="GET", scheme="https", path="/", tls=True)

    def _allowed(self) -> Call:
        return Call(Protocol.HTTP, "docs.example", 443, method="GET", scheme="https", path="/guide", tls=True)

    def _advance(self) -> Step:
        return Advance(self.random.choice(ADVANCES))


def record(parts: Parts, count: int, seed: int) -> tuple[list[Step], list[Any]]:
    """Write and play a session of `count` steps; the steps, and what was seen of each."""
    author = Author(Random(seed))
    steps: list[Step] = []
    told: list[Any] = []
    for _ in range(count):
        step = author.next()
        steps.append(step)
        told.append(take(parts, step))
        author.learn(step, told[-1])
    return steps, told
