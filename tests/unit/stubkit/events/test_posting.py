"""What a stub.yaml says of webhooks: who gets them, in what form, what an answer means, and what follows from it."""

import hashlib
import hmac
import json
from collections.abc import Callable
from urllib.parse import parse_qs

import pytest

from childproof.errors import InputError
from childproof.stubkit.folder.loading import load_stub
from childproof.world import ClockSettings, Delivery, deliveries
from childproof.world.deliveries import Posting, Told
from tests.unit.stubkit.conftest import START, Caller

SUBSCRIBE = "subscribe: {resource: webhook, url: url, types: events}"
SIGN = "sign: {scheme: standard-webhooks, secret: secret}"
JOBS = '''
from childproof.stubkit import Context, job


@job("hook_answered")
def hook_answered(ctx: Context, payload: dict) -> None:
    """Deletes what always fails, and tells of it."""
    if payload["state"] == "failed":
        hook = ctx.get("webhook", payload["subscription"])
        ctx.delete(hook)
        ctx.emit("webhook.gone", {"id": hook.id, **payload})
'''


def hook(acme: Caller, **fields: object) -> str:
    return acme("POST /v2/webhooks", {"url": "https://hooks.example/a", "events": ["*"], **fields})[1]["id"]


def queued(acme: Caller) -> list[Delivery]:
    with acme.store.world("main").view() as view:
        return deliveries.listed(view)


def posting(acme: Caller, delivery: Delivery) -> Posting | str:
    with acme.store.world("main").view() as view:
        return acme.stub.posting(delivery, view, START)


def told(acme: Caller, delivery: Delivery, status: int | None, **more: object) -> list[str]:
    """The effects' types of an attempt that came to this."""
    with acme.store.world("main").transaction() as tx:
        return [effect.type for effect in acme.stub.told(delivery, Told(START, status, **more), tx)]


def answered(acme: Caller, *statuses: int | None) -> Delivery:
    for status in statuses:
        told(acme, queued(acme)[0], status)
    return queued(acme)[0]


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_success(acme: Caller, status: int) -> None:
    """It is delivered, and not due any more."""
    hook(acme)
    acme("POST /v2/contacts", {"email": "a@b.c"})
    assert told(acme, queued(acme)[0], status) == ["webhook.delivered"]
    [one] = queued(acme)
    assert (one.state, one.due, one.attempts, one.last) == (
        "delivered", None, 1, {"at": START, "status": status, "reason": "", "call": ""},
    )  # fmt: skip


def test_a_status_can_say_that_it_is_not_to_come_again(variant: Callable[..., Caller]) -> None:
    """`deliver.stop`: failed at once, though there would be further attempts; any other failure is tried again."""
    acme = variant(stub=[("retry:", "deliver: {stop: [406]}\n  retry:")])
    hook(acme)
    acme("POST /v2/contacts", {"email": "a@b.c"})
    assert answered(acme, 500).state == "waiting"
    stopped = answered(acme, 406)
    assert (stopped.state, stopped.due, stopped.attempts) == ("failed", None, 2)


@pytest.mark.parametrize("status", [100, 199, 300, 302, 404, 500, None])
def test_all_else_fails_and_is_tried_again(acme: Caller, status: int | None) -> None:
    """A minute later, then five; then no more."""
    hook(acme)
    acme("POST /v2/contacts", {"email": "a@b.c"})
    assert [answered(acme, status).due for _ in range(3)] == [START + 60_000, START + 300_000, None]
    assert (queued(acme)[0].state, queued(acme)[0].attempts) == ("failed", 3)


def test_a_stub_may_name_other_statuses(variant: Callable[..., Caller]) -> None:
    """Then those alone."""
    acme = variant(stub=[("retry:", "deliver: {success: [302, 410]}\n  retry:")])
    hook(acme)
    acme("POST /v2/contacts", {"email": "a@b.c"})
    assert answered(acme, 200).state == "waiting"
    assert answered(acme, 410).state == "delivered"


def test_what_was_refused_is_not_tried_again(acme: Caller) -> None:
    """No clock makes a rule allow it."""
    hook(acme)
    acme("POST /v2/contacts", {"email": "a@b.c"})
    assert told(acme, queued(acme)[0], None, reason="no rule", refused=True) == ["webhook.refused"]
    assert (queued(acme)[0].state, queued(acme)[0].due) == ("refused", None)


def test_headers_and_forms_are_as_declared(variant: Callable[..., Caller]) -> None:
    """Made once for a delivery: all its attempts have the same id."""
    headers = '{X-Event: "{type}", X-Delivery: "{uuid}", X-Hook: "{subscription}"}'
    acme = variant(stub=[("retry:", f"deliver: {{body: form, timeout: 3s, headers: {headers}}}\n  retry:")])
    made = hook(acme)
    acme("POST /v2/contacts", {"email": "a@b.c", "name": "J & Co"})
    [one] = queued(acme)
    first, second = posting(acme, one), posting(acme, one)
    assert isinstance(first, Posting)
    assert first == second
    got = dict(first.headers)
    assert (got["Content-Type"], got["X-Event"], got["X-Hook"]) == (
        "application/x-www-form-urlencoded", "contact.created", made,
    )  # fmt: skip
    assert len(got["X-Delivery"]) == 36
    assert first.timeout == 3000
    fields = parse_qs(first.body.decode())
    assert fields["type"] == ["contact.created"]
    assert '"J & Co"' in fields["data"][0]


def test_only_active_subscriptions_that_match_are_told(variant: Callable[..., Caller]) -> None:
    """`where` compares a subscription with values, `match` with the event's object and the event itself."""
    written = "subscribe: {resource: webhook, url: url, types: events, where: {url: https://hooks.example/a}, match: {secret: name}}"
    acme = variant(stub=[(SUBSCRIBE, written)])
    jennys = hook(acme, secret="Jenny")
    hook(acme, secret="Tom")
    hook(acme, secret="Jenny", url="https://hooks.example/b")
    acme("POST /v2/contacts", {"email": "a@b.c", "name": "Jenny"})
    acme("POST /v2/contacts", {"email": "b@b.c", "name": "Nobody"})
    [one] = queued(acme)
    assert (one.url, one.subscription) == ("https://hooks.example/a", jennys)


def test_one_of_several_matches_is_enough(variant: Callable[..., Caller]) -> None:
    """What neither the subscription nor the object has is no match."""
    written = "subscribe: {resource: webhook, url: url, types: events, match: [{secret: name}, {absent: missing}]}"
    acme = variant(stub=[(SUBSCRIBE, written)])
    jennys = hook(acme, secret="Jenny")
    hook(acme, secret="Tom")
    acme("POST /v2/contacts", {"email": "a@b.c", "name": "Jenny"})
    assert [one.subscription for one in queued(acme)] == [jennys]


def test_a_subscription_may_choose_between_json_and_a_form(variant: Callable[..., Caller]) -> None:
    """`body_of` names its field; `form` the one field that then holds the JSON. The signature is over what is sent."""
    headers = '{X-Group: "{group}", X-Secret: "{subscription.secret}"}'
    deliver = f"deliver: {{body_of: secret, form: payload, headers: {headers}}}"
    acme = variant(stub=[(SIGN, "sign: {scheme: hmac-sha256, header: X-Sig}"), ("retry:", f"{deliver}\n  retry:")])
    hook(acme, secret="form")
    hook(acme, secret="json")
    hook(acme, secret="neither")
    acme("POST /v2/contacts", {"email": "a@b.c"})
    form, *others = [posting(acme, one) for one in queued(acme)]
    assert isinstance(form, Posting)
    [sent] = parse_qs(form.body.decode())["payload"]
    digest = hmac.new(b"form", form.body, hashlib.sha256).hexdigest()
    assert dict(form.headers) == {
        "Content-Type": "application/x-www-form-urlencoded", "X-Group": "contact", "X-Secret": "form",
        "X-Sig": f"sha256={digest}",
    }  # fmt: skip
    assert json.loads(sent)["type"] == "contact.created"
    assert [json.loads(one.body)["type"] for one in others if isinstance(one, Posting)] == ["contact.created"] * 2


TELLING = '''
from childproof.stubkit import Context, Entity, Response, operation


@operation("POST /v2/contacts")
def create(ctx: Context) -> Entity:
    """Tells it in words of its own, pings the first that listens, and sends again what failed."""
    made = ctx.create("contact", **ctx.body)
    ctx.emit("contact.made", made, message=lambda: {"hello": made["email"]})
    for hook in ctx.list("webhook", newest_first=False, limit=1):
        ctx.send(hook, "ping", {"zen": "Keep it simple."})
        for delivery in ctx.deliveries(hook):
            if delivery.state == "failed":
                ctx.redeliver(delivery)
    return made
'''


def test_behaviour_says_what_is_sent_to_whom_and_again(variant: Callable[..., Caller]) -> None:
    """A message instead of the envelope; one to a subscription that asks for other types; one that failed, again."""
    acme = variant(files={"contacts.py": TELLING}, stub=[("retry: [1m, 5m]", "retry: []")])
    made = hook(acme, events=["contact.made"])
    hook(acme, events=["other"])
    acme("POST /v2/contacts", {"email": "a@b.c"})
    bodies = [(one.subscription, json.loads(one.body)) for one in queued(acme)]
    assert bodies == [(made, {"hello": "a@b.c"}), (made, {"zen": "Keep it simple."})]
    told(acme, queued(acme)[0], 500)
    assert queued(acme)[0].state == "failed"
    acme("POST /v2/contacts", {"email": "b@b.c"})
    assert (queued(acme)[0].state, queued(acme)[0].attempts) == ("waiting", 1)


def test_a_secret_that_is_rolled_signs_the_attempts_after_it(acme: Caller) -> None:
    """Each is signed with what the subscription has by then."""
    made = hook(acme, secret="whsec_MDEyMw==")
    acme("POST /v2/contacts", {"email": "a@b.c"})
    [one] = queued(acme)
    before = posting(acme, one)
    with acme.store.world("main").transaction() as tx:
        value = tx.get("acme-crm", "webhook", made)
        assert value is not None
        tx.put("acme-crm", "webhook", made, {**value, "secret": "whsec_NDU2Nw=="})
    after = posting(acme, one)
    assert isinstance(before, Posting)
    assert isinstance(after, Posting)
    assert dict(before.headers)["webhook-signature"] != dict(after.headers)["webhook-signature"]
    assert before.body == after.body


def test_the_secret_may_be_the_accounts_own(variant: Callable[..., Caller]) -> None:
    """`of` names the resource that has it; here the name of the first company."""
    acme = variant(stub=[(SIGN, "sign: {scheme: hmac-sha256, header: X-Sig, of: company, secret: name}")])
    hook(acme)
    acme("POST /v2/contacts", {"email": "a@b.c"})
    with acme.store.world("main").view() as view:
        first = view.list("acme-crm", "company", newest_first=False)[0]["name"]
    acme("POST /v2/companies", {"name": "another"})
    made = posting(acme, queued(acme)[0])
    assert isinstance(made, Posting)
    digest = hmac.new(first.encode(), made.body, hashlib.sha256).hexdigest()
    assert dict(made.headers)["X-Sig"] == f"sha256={digest}"


def test_a_stubs_job_is_done_after_each_attempt(variant: Callable[..., Caller]) -> None:
    """The place to switch off what always fails."""
    acme = variant(stub=[("retry: [1m, 5m]", "after: hook_answered\n  retry: [1m]")], files={"jobs.py": JOBS})
    made = hook(acme)
    acme("POST /v2/contacts", {"email": "a@b.c"})
    assert told(acme, queued(acme)[0], 500) == ["webhook.failed"]
    assert told(acme, queued(acme)[0], 500) == ["webhook.failed", "webhook.gone"]
    with acme.store.world("main").view() as view:
        assert view.get("acme-crm", "webhook", made) is None


def test_a_job_that_is_not_there_is_a_fault(edited: Callable[..., object]) -> None:
    """At load, with its place."""
    folder = edited(stub=[("retry:", "after: hook_answered\n  retry:")])
    with pytest.raises(InputError, match=r"stub\.yaml:\d+:\d+: there is no @job\('hook_answered'\)"):
        load_stub(folder)  # type: ignore[arg-type]


def test_a_url_that_the_request_named_itself_may_be_told(variant: Callable[..., Caller]) -> None:
    """Without a subscription, signed with the secret that is given."""
    code = """
from childproof.stubkit import Context, operation


@operation("POST /v2/deals/{deal}/split")
def split(ctx: Context, deal: str) -> object:
    ctx.notify("http://localhost:1/status", "deal.split", {"deal": deal}, secret="whsec_MDEyMw==")
    return ctx.get("deal", deal)
"""
    acme = variant(files={"deals.py": code})
    _, jenny = acme("POST /v2/contacts", {"email": "a@b.c"})
    _, deal = acme(f"POST /v2/contacts/{jenny['id']}/deals", {"amount": 5})
    acme(f"POST /v2/deals/{deal['id']}/split", {"parts": [1, 4]})
    assert [effect.type for effect in acme.effects] == ["webhook.queued"]
    [one] = queued(acme)
    made = posting(acme, one)
    assert isinstance(made, Posting)
    assert (made.url, made.body) == ("http://localhost:1/status", f'{{"deal":"{deal["id"]}"}}'.encode())
    assert dict(made.headers)["webhook-id"] == one.id


def test_retries_are_by_the_clock_of_the_world(acme: Caller) -> None:
    """Counted from the attempt."""
    hook(acme)
    acme("POST /v2/contacts", {"email": "a@b.c"})
    acme.store.world("main").set_clock(ClockSettings(START + 5000, "frozen"))
    assert answered(acme, 500).due == START + 65_000


def test_attempts_after_the_first_say_so(variant: Callable[..., Caller]) -> None:
    """Which one it is, and what became of the one before, in the service's words."""
    again = 'again: {X-Retry: "{retry}", X-Why: "{failure}"}, failures: {timeout: too_slow}'
    acme = variant(stub=[("retry: [1m, 5m]", f"deliver: {{{again}}}\n  retry: [0s, 0s, 0s]")])
    hook(acme)
    acme("POST /v2/contacts", {"email": "a@b.c"})
    said = []
    for more in ({"status": None, "failure": "timeout"}, {"status": 500}, {"status": None}):
        [one] = queued(acme)
        made = posting(acme, one)
        assert isinstance(made, Posting)
        said.append([dict(made.headers).get(name) for name in ("X-Retry", "X-Why")])
        told(acme, one, **more)  # type: ignore[arg-type]
    assert said == [[None, None], ["1", "too_slow"], ["2", "status"]]


def test_a_stub_hears_of_what_it_tells(variant: Callable[..., Caller]) -> None:
    """In the same call, by type or of all: for what a webhook of the kit's can't do."""
    code = """
from childproof.stubkit import Context, hears


@hears("*")
def hear(ctx: Context, type: str, entity: dict) -> None:
    ctx.notify("http://localhost:1/all", type, {"id": entity["id"]}, form=True)


@hears("company.created")
def silent(ctx: Context, type: str, entity: dict) -> None:
    pass
"""
    acme = variant(files={"hearing.py": code})
    _, jenny = acme("POST /v2/contacts", {"email": "a@b.c"})
    acme("POST /v2/companies", {"name": "Acme"})
    assert [(one.type, one.media, one.body) for one in queued(acme)] == [
        ("contact.created", "application/x-www-form-urlencoded", f"id={jenny['id']}")
    ]


def test_what_a_listener_replied_is_for_the_stub_to_heed(variant: Callable[..., Caller]) -> None:
    """With what the message was about, as behaviour has said."""
    code = """
from childproof.stubkit import Context, hears, job


@hears("contact.created")
def hear(ctx: Context, type: str, entity: dict) -> None:
    ctx.notify("http://localhost:1/asked", "question", {}, about=f"contact {entity['id']}")


@job("answered")
def answered(ctx: Context, payload: dict) -> None:
    ctx.emit("answer", {"id": payload["event"], "said": payload["body"]})
"""
    acme = variant(stub=[("retry: [1m, 5m]", "after: answered")], files={"asking.py": code})
    _, jenny = acme("POST /v2/contacts", {"email": "a@b.c"})
    [one] = queued(acme)
    with acme.store.world("main").transaction() as tx:
        effects = acme.stub.told(one, Told(START, 200, body=b"yes \xff"), tx)
    assert effects[-1].data == {"id": f"contact {jenny['id']}", "said": "yes \ufffd"}
