"""Events: effects for the ledger, event objects, signed deliveries."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable

import pytest

from childproof.model import Call, Protocol
from childproof.world import Delivery, deliveries
from childproof.world.deliveries import Posting
from tests.unit.stubkit.conftest import START, Caller


def test_creations_changes_and_deletions_tell_what_stub_yaml_lists(acme: Caller) -> None:
    _, jenny = acme("POST /v2/contacts", {"email": "a@b.c"})
    assert [(effect.type, effect.id) for effect in acme.effects] == [("contact.created", jenny["id"])]
    assert acme.effects[0].data == jenny
    acme(f"PATCH /v2/contacts/{jenny['id']}", {"name": "Jenny"})
    assert [effect.type for effect in acme.effects] == ["contact.updated"]
    acme(f"PATCH /v2/contacts/{jenny['id']}", {"name": "Jenny"})
    assert acme.effects == ()
    acme(f"DELETE /v2/contacts/{jenny['id']}")
    assert [effect.type for effect in acme.effects] == ["contact.deleted"]
    acme("POST /v2/companies", {"name": "A"})
    assert acme.effects == ()


def test_a_move_that_is_listed_and_emitted_is_told_once(acme: Caller) -> None:
    _, jenny = acme("POST /v2/contacts", {"email": "a@b.c"})
    _, deal = acme(f"POST /v2/contacts/{jenny['id']}/deals", {"amount": 5})
    acme(f"POST /v2/deals/{deal['id']}/win")
    assert [effect.type for effect in acme.effects] == ["deal.won"]


def queued(acme: Caller) -> list[Delivery]:
    with acme.store.world("main").view() as view:
        return deliveries.listed(view)


def posting(acme: Caller, delivery: Delivery, at: int = START) -> Posting:
    with acme.store.world("main").view() as view:
        made = acme.stub.posting(delivery, view, at)
    assert isinstance(made, Posting)
    return made


def test_subscribers_get_a_signed_delivery_queued(acme: Caller) -> None:
    secret = "whsec_" + base64.b64encode(b"0123456789abcdef").decode()
    acme("POST /v2/webhooks", {"url": "https://hooks.example/a", "events": ["contact.*"], "secret": secret})
    acme("POST /v2/webhooks", {"url": "https://hooks.example/b", "events": ["deal.won"]})
    _, jenny = acme("POST /v2/contacts", {"email": "a@b.c"})
    assert [effect.type for effect in acme.effects] == ["contact.created", "webhook.queued"]
    (delivery,) = queued(acme)
    assert (delivery.url, delivery.state, delivery.due) == ("https://hooks.example/a", "waiting", START)
    event = json.loads(delivery.body)
    assert event["type"] == "contact.created"
    assert event["data"] == {"object": jenny}
    headers = dict(posting(acme, delivery).headers)
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{delivery.body}".encode()
    wanted = base64.b64encode(hmac.new(b"0123456789abcdef", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"


def test_an_update_says_what_was_there_before(acme: Caller) -> None:
    _, jenny = acme("POST /v2/contacts", {"email": "a@b.c", "name": "Jenny"})
    acme("POST /v2/webhooks", {"url": "https://hooks.example/a", "events": ["*"]})
    acme(f"PATCH /v2/contacts/{jenny['id']}", {"name": "Jen"})
    event = json.loads(queued(acme)[-1].body)
    assert event["data"]["previous"]["name"] == "Jenny"


REFUSING = """
from childproof.stubkit import Context, Refusal, operation


@operation("POST /v2/deals/{deal}/split")
def split(ctx: Context, deal: str) -> object:
    ctx.emit("deal.split", ctx.get("deal", deal))
    ctx.update(ctx.get("deal", deal), note="changed")
    raise Refusal(422, "no", "No.", keep_changes=KEEP)
"""


@pytest.mark.parametrize(("keep", "told", "note"), [("False", [], None), ("True", ["deal.split"], "changed")])
def test_a_refusal_undoes_everything_unless_it_keeps_it(
    variant: Callable[..., Caller], keep: str, told: list, note: str | None
) -> None:
    acme = variant(files={"deals.py": REFUSING.replace("KEEP", keep)})
    _, jenny = acme("POST /v2/contacts", {"email": "a@b.c"})
    _, deal = acme(f"POST /v2/contacts/{jenny['id']}/deals", {"amount": 5})
    assert acme(f"POST /v2/deals/{deal['id']}/split", {"parts": [1, 4]})[0] == 422
    assert [effect.type for effect in acme.effects] == told
    assert acme(f"GET /v2/deals/{deal['id']}")[1]["note"] == note


def test_a_delivery_says_which_call_it_follows_from(acme: Caller) -> None:
    """So that a payment, its receipt and its webhook can be read as one."""
    acme("POST /v2/webhooks", {"url": "https://hooks.example/a", "events": ["*"]})
    request = Call(Protocol.HTTP, "api.acme.com", 443, method="POST", scheme="https", path="/v2/contacts",
                   headers=(("authorization", "Bearer acme_test"), ("content-type", "application/json")),
                   body=b'{"email": "a@b.c"}')  # fmt: skip
    with acme.store.world("main").transaction() as tx:
        tx.call_id, tx.trace = "call_0123456789abcdef", "ab" * 16
        assert acme.stub.answer(request, tx).reply.status < 300
    (delivery,) = queued(acme)
    assert (delivery.cause, delivery.trace) == ("call_0123456789abcdef", "ab" * 16)
