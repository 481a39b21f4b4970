"""A real credential that the sandbox got hold of: in no record, however its call ends."""

import pytest

from childproof.engine.vault import MASK, Vault
from childproof.model import Call, Frame, Hidden, Protocol, Reply, SecretSource, Step, Talk, Violation, replace
from tests.unit.engine.test_engine import POST, STUB, Bench, Shop
from tests.unit.engine.test_streams import Answer

REAL = "real-credential-9f8e7d6c"
VAULT = Vault({SecretSource(env="TOKEN"): Hidden(REAL)})
CARRYING = replace(
    POST, method=REAL, path=f"/{REAL}", query=f"a={REAL}", headers=(("x-a", REAL),), body=f"b={REAL}".encode()
)


class Failing(Shop):
    def answer(self, call: Call, tx: object) -> object:
        raise RuntimeError("oh")


class Echoing(Shop):
    def answer(self, call: Call, tx: object) -> object:
        return Answer(Reply(200, (("x-echo", call.query),), call.body))


class Talking(Shop):
    """Says each message back, or fails at one of two bytes."""

    def answer(self, call: Call, tx: object) -> object:
        def hear(frame: Frame) -> Step:
            return Step(lambda _: ((frame,), () if len(frame.data) != 2 else 1 / 0), "hear")

        return Answer(Reply(101, (), stream=Talk((), hear)))


@pytest.mark.parametrize(
    ("stub", "call"),
    [
        (Shop(), CARRYING),
        (Echoing(), CARRYING),
        (Failing(), CARRYING),
        (Shop(), replace(CARRYING, violation=Violation("malformed", "malformed HTTP", 400))),
        (Shop(), replace(CARRYING, body=CARRYING.body + b"." * 1000)),
    ],
    ids=["answered", "said back", "a bug", "malformed", "too large"],
)
def test_it_is_masked_in_the_entry(stub: Shop, call: Call) -> None:
    """Also where the call is denied before any rule is asked, or because something broke."""
    bench = Bench(STUB, stub=stub, vault=VAULT, max_body=500)
    bench.engine.handle(call)
    [entry] = bench.entries()
    assert entry.request is not None
    assert REAL not in f"{entry}{bench.trouble}"
    assert MASK in entry.path
    assert MASK in entry.request.body


def test_it_is_masked_in_messages_of_a_websocket() -> None:
    """Each has an entry of its own, with the path and query of the call that began it; also where the stub fails."""
    bench = Bench(STUB, stub=Talking(), vault=VAULT)
    reply = bench.engine.handle(CARRYING).reply
    assert reply is not None
    assert isinstance(reply.stream, Talk)
    reply.stream.hear(Frame("text", REAL.encode()))
    reply.stream.hear(Frame("text", b"xx"))
    entries = bench.entries()
    assert [entry.protocol for entry in entries] == [Protocol.HTTP, Protocol.WEBSOCKET, Protocol.WEBSOCKET]
    assert entries[2].error is not None
    assert REAL not in f"{entries}{bench.trouble}"
