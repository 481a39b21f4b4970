"""The official mailgun package as the judge: it talks to the stub without proxy or socket, mail goes to the mailbox."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from mailgun.client import Client
from requests.adapters import BaseAdapter

from childproof.world import deliveries
from tests.mail_desk import START, Desk

DOMAIN = "example.com"


class InProcess(BaseAdapter):
    """A transport of the SDK's session that asks the desk."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:  # type: ignore[override]  # its options are the network's
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        reply = self.desk.call(request.method or "", request.url or "", dict(request.headers), body)
        made = requests.Response()
        made.status_code, made._content, made.url, made.request = reply.status, reply.body, request.url or "", request
        made.headers.update(dict(reply.headers))
        return made

    def close(self) -> None:
        pass


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk(
        "mailgun", "  - {name: gone, match: {protocol: smtp, host: gone.example}, deny: {reason: no such user}}\n"
    )
    yield made
    made.store.close()


@pytest.fixture
def client(desk: Desk) -> Client:
    made = Client(auth=("api", "key-test"))
    made._session.mount("https://", InProcess(desk))
    return made


def send(client: Client, files: Any = None, **fields: Any) -> dict[str, Any]:
    data = {"from": "Shop <shop@example.com>", "to": "jenny@home.example", "subject": "Hello", "text": "Hi"}
    reply = client.messages.create(domain=DOMAIN, data={**data, **fields}, files=files)
    assert reply.status_code == 200, reply.text
    return reply.json()


def events(client: Client, **filters: Any) -> list[dict[str, Any]]:
    return client.events.get(domain=DOMAIN, filters=filters).json()["items"]


def test_a_mail_lies_in_the_mailbox_as_it_was_meant(desk: Desk, client: Client) -> None:
    """Fields that come several times, headers, files and images; under the id that the reply tells."""
    told = send(
        client, [("attachment", ("a.txt", b"Hello")), ("attachment", ("b.txt", b"there")), ("inline", ("logo.png", b"\x89PNG"))],
        to=["Jenny <jenny@home.example>", "tom@home.example"], cc="boss@home.example", bcc="audit@home.example",
        html="<img src='cid:logo.png'>", **{"h:Reply-To": "help@example.com", "h:X-Order": "7", "o:tag": ["a", "b"]},
    )  # fmt: skip
    assert told["message"] == "Queued. Thank you."
    [mail] = desk.mails()
    assert mail["message_id"] == told["id"]
    assert mail["envelope"]["to"] == [
        "jenny@home.example",
        "tom@home.example",
        "boss@home.example",
        "audit@home.example",
    ]
    assert (mail["bcc"], mail["reply_to"][0]["address"]) == (["audit@home.example"], "help@example.com")
    assert ["X-Order", "7"] in mail["headers"]
    assert [(part["filename"], part["inline"]) for part in mail["attachments"]] == [
        ("logo.png", True), ("a.txt", False), ("b.txt", False),
    ]  # fmt: skip
    assert [one["recipient"] for one in events(client, event="delivered", ascending="yes")] == mail["envelope"]["to"]
    assert {tag for one in events(client, event="accepted") for tag in one["tags"]} == {"a", "b"}


def test_a_batch_is_one_mail_for_each(desk: Desk, client: Client) -> None:
    """Nobody sees the others, and each text is their own."""
    variables = {"ann@home.example": {"first": "Ann"}, "bob@home.example": {"first": "Bob"}}
    send(
        client, to=["ann@home.example", "bob@home.example"], subject="Hi %recipient.first%", text="for %recipient_email%",
        **{"recipient-variables": json.dumps(variables)},
    )  # fmt: skip
    assert [(mail["subject"], mail["text"].strip(), mail["envelope"]["to"]) for mail in desk.mails()] == [
        ("Hi Ann", "for ann@home.example", ["ann@home.example"]), ("Hi Bob", "for bob@home.example", ["bob@home.example"]),
    ]  # fmt: skip


def test_what_the_rules_refuse_has_failed_and_is_not_tried_again(desk: Desk, client: Client) -> None:
    """A permanent failure, a bounce that is kept, and the next message is dropped for it."""
    for _ in range(2):
        send(client, to="nobody@gone.example")
    assert [one["reason"] for one in events(client, event="failed")] == ["suppress-bounce", "bounce"]
    [bounce] = client.bounces.get(domain=DOMAIN).json()["items"]
    assert (bounce["address"], "no such user" in bounce["error"]) == ("nobody@gone.example", True)
    assert desk.mails() == []
    assert client.bounces.delete(domain=DOMAIN, bounce_address="nobody@gone.example").status_code == 200
    assert client.bounces.get(domain=DOMAIN).json()["items"] == []


def test_members_of_a_list_get_what_is_mailed_to_it(desk: Desk, client: Client) -> None:
    """Each apart, and only who is subscribed."""
    address = f"team@{DOMAIN}"
    client.lists.create(data={"address": address, "name": "Team"})
    members = [
        "ann@home.example",
        {"address": "bob@home.example", "subscribed": False},
        {"address": "cay@home.example", "name": "Cay"},
    ]
    added = client.lists_members.create(
        address=address, data={"upsert": True, "members": json.dumps(members)}, multiple=True
    )
    assert added.json()["list"]["members_count"] == 3
    send(client, to=address, subject="For %recipient.name%")
    assert [(mail["subject"].strip(), mail["envelope"]["to"]) for mail in desk.mails()] == [
        ("For", ["ann@home.example"]), ("For Cay", ["cay@home.example"]),
    ]  # fmt: skip


def test_a_template_makes_the_mail(desk: Desk, client: Client) -> None:
    """Its active version, its subject, and a text made of its HTML."""
    client.templates.create(
        domain=DOMAIN, data={"name": "receipt", "template": "<p>{{#each items}}{{this}};{{/each}}</p>", "headers": json.dumps({"Subject": "For {{name}}"})},
    )  # fmt: skip
    data = {"from": "shop@example.com", "to": "jenny@home.example", "template": "receipt", "t:text": "yes",
            "t:variables": json.dumps({"name": "Jenny", "items": ["a", "<b>"]})}  # fmt: skip
    assert client.messages.create(domain=DOMAIN, data=data).status_code == 200
    [mail] = desk.mails()
    assert (mail["subject"], mail["html"].strip(), mail["text"].strip()) == (
        "For Jenny",
        "<p>a;&lt;b&gt;;</p>",
        "a;<b>;",
    )


def test_mime_goes_as_it_is_and_what_is_stored_can_be_sent_again(desk: Desk, client: Client) -> None:
    raw = b"From: shop@example.com\r\nTo: jenny@home.example\r\nSubject: whole\r\n\r\nHello\r\n"
    reply = client.mimemessage.create(
        domain=DOMAIN, data={"to": "jenny@home.example"}, files={"message": ("m.mime", raw)}
    )
    assert reply.json()["message"] == "Queued. Thank you."
    [stored] = [one["storage"]["url"] for one in events(client, event="delivered")]
    assert client.resend_message.create(data={"to": "tom@home.example"}, storage_url=stored).status_code == 200
    assert [(mail["subject"], mail["envelope"]["to"]) for mail in desk.mails()] == [
        ("whole", ["jenny@home.example"]), ("whole", ["tom@home.example"]),
    ]  # fmt: skip


def test_webhooks_are_signed_with_the_accounts_key(desk: Desk, client: Client) -> None:
    """As Mailgun's manual checks them; a listener that says 406 isn't asked again."""
    client.domains_webhooks.create(domain=DOMAIN, data={"id": "delivered", "url": "https://app.example/in"})
    asked = desk.call(
        "GET", "https://api.mailgun.net/v5/accounts/http_signing_key", {"Authorization": "Basic YXBpOmtleQ=="}
    )
    key = json.loads(asked.body)["http_signing_key"]
    send(client)
    with desk.world.view() as view:
        [waiting] = deliveries.listed(view)
        posted = desk.stub.posting(waiting, view, START)
    assert not isinstance(posted, str)
    sent = json.loads(posted.body)
    signed = sent["signature"]
    expected = hmac.new(key.encode(), (signed["timestamp"] + signed["token"]).encode(), hashlib.sha256).hexdigest()
    assert (signed["signature"], sent["event-data"]["event"]) == (expected, "delivered")
    with desk.world.transaction() as tx:
        desk.stub.told(waiting, deliveries.Told(START, 406), tx)
    with desk.world.view() as view:
        assert [one.state for one in deliveries.listed(view)] == ["failed"]


def test_errors_are_mailguns(desk: Desk, client: Client) -> None:
    """By status and message; nothing is sent, nothing is kept."""
    data = {"from": "shop@example.com", "to": "nobody", "text": "x"}
    refused = client.messages.create(domain=DOMAIN, data=data)
    assert (refused.status_code, refused.json()["message"][:39]) == (400, "'to' parameter is not a valid address. ")
    unknown = client.messages.create(domain="elsewhere.example", data={**data, "to": "a@home.example"})
    assert (unknown.status_code, unknown.json()) == (404, {"message": "Domain not found: elsewhere.example"})
    assert desk.call("GET", "https://api.mailgun.net/v4/domains", {}).body == b"Forbidden"
    assert (desk.mails(), events(client)) == ([], [])


def test_what_is_put_off_comes_at_its_time(desk: Desk, client: Client) -> None:
    send(client, **{"o:deliverytime": "Mon, 05 Jan 2026 10:00:00 -0000"})
    assert desk.mails() == []
    desk.advance(3600)
    assert len(desk.mails()) == 1
