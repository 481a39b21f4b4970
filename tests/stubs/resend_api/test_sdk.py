"""The official resend package as the judge: it talks to the stub without proxy or socket, mail goes to the mailbox."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests
import resend
from resend.exceptions import ResendError, ValidationError
from resend.http_client import HTTPClient

from tests.mail_desk import Desk


class InProcess(HTTPClient):
    """A transport of the SDK that asks the desk. A second passes with each call, since five are the limit."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def request(
        self, method: str, url: str, headers: Mapping[str, str], json: Any = None, files: Any = None, data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        self.desk.advance(1)
        asked = requests.Request(method, url, dict(headers), files=files, data=data, json=json).prepare()
        body = asked.body.encode() if isinstance(asked.body, str) else asked.body or b""
        reply = self.desk.call(asked.method or "", asked.url or "", dict(asked.headers), body)
        return reply.body, reply.status, dict(reply.headers)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    made = Desk(
        "resend", "  - {name: gone, match: {protocol: smtp, host: gone.example}, deny: {reason: no such user}}\n"
    )
    monkeypatch.setattr(resend, "api_key", "re_test_key")
    monkeypatch.setattr(resend, "default_http_client", InProcess(made))
    yield made
    made.store.close()


def send(**fields: Any) -> str:
    mail = {"from": "Shop <shop@example.com>", "to": ["jenny@home.example"], "subject": "Hello", "html": "<p>Hi</p>"}
    return resend.Emails.send({**mail, **fields})["id"]


def test_a_mail_lies_in_the_mailbox_as_it_was_meant(desk: Desk) -> None:
    """Names, copies, headers, files; the text that Resend makes of HTML; its Message-ID is the one that the API tells."""
    made = send(
        to=["Jenny <jenny@home.example>"], cc="boss@home.example", bcc=["audit@home.example"], reply_to="help@example.com",
        html="<h1>Thanks</h1><p>Tom &amp; Jerry</p>", headers={"X-Order": "7"}, tags=[{"name": "kind", "value": "receipt"}],
        attachments=[{"filename": "a.txt", "content": list(b"Hello")}, {"filename": "logo.png", "content": "iVBORw==", "content_id": "logo"}],
    )  # fmt: skip
    [mail] = desk.mails()
    assert mail["envelope"]["to"] == ["jenny@home.example", "boss@home.example", "audit@home.example"]
    assert (mail["bcc"], mail["text"].strip()) == (["audit@home.example"], "Thanks\nTom & Jerry")
    assert ["X-Order", "7"] in mail["headers"]
    assert [(part["filename"], part["inline"], part["content_id"]) for part in mail["attachments"]] == [
        ("logo.png", True, "logo"), ("a.txt", False, ""),
    ]  # fmt: skip
    shown = resend.Emails.get(made)
    assert (shown["last_event"], shown["message_id"]) == ("delivered", mail["message_id"])
    listed = resend.Emails.Attachments.list(made)["data"]
    assert {one["filename"] for one in listed} == {"a.txt", "logo.png"}
    text = next(one for one in listed if one["filename"] == "a.txt")
    assert requests.Request("GET", text["download_url"]).prepare().url == text["download_url"]
    assert desk.call("GET", text["download_url"], {}).body == b"Hello"


def test_what_the_rules_refuse_has_bounced(desk: Desk) -> None:
    """The reason is what the recipient's server says."""
    made = send(to="nobody@gone.example")
    assert resend.Emails.get(made)["last_event"] == "bounced"
    [told] = [effect.data for effect in desk.effects() if effect.type == "email.bounced"]
    assert "no such user" in told["bounce"]["diagnosticCode"][0]
    assert desk.mails() == []


def test_the_package_takes_webhooks_for_signed(desk: Desk) -> None:
    """Its own verification is the judge, of each attempt's headers and body."""
    hook = resend.Webhooks.create(
        {"endpoint": "https://app.example/in", "events": ["email.delivered", "contact.created"]}
    )
    send()
    resend.Contacts.create({"email": "jenny@home.example", "first_name": "Jenny"})
    from childproof.world import deliveries  # noqa: PLC0415 - what waits to be sent, for this test alone

    with desk.world.view() as view:
        waiting = deliveries.listed(view)
        for one in waiting:
            sent = desk.stub.posting(one, view, 1_767_603_600_000)
            assert not isinstance(sent, str)
            named = {name.lower().replace("svix-", ""): value for name, value in sent.headers}
            options = {"payload": sent.body.decode(), "webhook_secret": hook["signing_secret"]}
            headers = {"id": named["id"], "timestamp": named["timestamp"], "signature": named["signature"]}
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("time.time", lambda: 1_767_603_600)
                resend.Webhooks.verify({**options, "headers": headers})
                with pytest.raises(ValueError, match="signature"):
                    resend.Webhooks.verify({**options, "headers": headers, "payload": options["payload"] + " "})
    assert [json.loads(one.body)["type"] for one in waiting] == ["email.delivered", "contact.created"]


def test_errors_are_those_that_the_package_knows(desk: Desk) -> None:
    """By status, name and message; nothing is sent."""
    with pytest.raises(ValidationError, match=r"follow the `email@example\.com`"):
        send(to="nobody")
    with pytest.raises(ResendError) as caught:
        send(**{"from": "me@elsewhere.example"})
    assert (caught.value.code, caught.value.error_type) == (403, "validation_error")
    with pytest.raises(ResendError, match="at least one"):
        resend.Batch.send([])
    with pytest.raises(ValidationError, match="more than 50 recipients"):
        send(to=[f"a{number}@home.example" for number in range(51)])
    assert desk.mails() == []


def test_keys_that_only_send_send_only(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    key = resend.ApiKeys.create({"name": "app", "permission": "sending_access"})
    monkeypatch.setattr(resend, "api_key", key["token"])
    send()
    with pytest.raises(ResendError) as caught:
        resend.Domains.list()
    assert (caught.value.code, caught.value.error_type) == (401, "restricted_api_key")
    assert len(desk.mails()) == 1


def test_a_batch_and_its_key_are_once(desk: Desk) -> None:
    """The same key again is the same reply, and no further mail."""
    mail = {"from": "shop@example.com", "to": ["a@home.example"], "subject": "x", "text": "y"}
    first = resend.Batch.send([mail, {**mail, "to": ["b@home.example"]}], {"idempotency_key": "batch/1"})
    again = resend.Batch.send([mail, {**mail, "to": ["b@home.example"]}], {"idempotency_key": "batch/1"})
    assert [one["id"] for one in first["data"]] == [one["id"] for one in again["data"]]
    assert len(desk.mails()) == 2


def test_what_is_scheduled_comes_at_its_time(desk: Desk) -> None:
    """In plain English or as a moment; what is canceled doesn't come."""
    kept, gone = send(scheduled_at="in 1 hour"), send(scheduled_at="2026-01-05T11:00:00Z")
    resend.Emails.cancel(gone)
    assert desk.mails() == []
    desk.advance(3 * 3600)
    assert len(desk.mails()) == 1
    assert [resend.Emails.get(one)["last_event"] for one in (kept, gone)] == ["delivered", "canceled"]


def test_a_broadcast_is_a_mail_for_each(desk: Desk) -> None:
    """By name, with a way to leave, to those who want it."""
    segment = resend.Segments.create({"name": "Readers"})["id"]
    for name in ("Ann", "Bob"):
        resend.Contacts.create(
            {"email": f"{name.lower()}@home.example", "first_name": name, "segments": [{"id": segment}]}
        )
    resend.Contacts.update({"id": resend.Contacts.get(email="bob@home.example")["id"], "unsubscribed": True})
    made = resend.Broadcasts.create({
        "segment_id": segment, "from": "news@example.com", "subject": "Hi {{{FIRST_NAME|you}}}",
        "html": "<p>{{{contact.first_name}}} <a href='{{{RESEND_UNSUBSCRIBE_URL}}}'>leave</a></p>",
    })  # fmt: skip
    resend.Broadcasts.send({"broadcast_id": made["id"]})
    [mail] = desk.mails()
    assert (mail["envelope"]["to"], mail["subject"]) == (["ann@home.example"], "Hi Ann")
    assert "https://unsubscribe.resend.com/" in mail["html"]
    assert resend.Broadcasts.get(made["id"])["status"] == "sent"
