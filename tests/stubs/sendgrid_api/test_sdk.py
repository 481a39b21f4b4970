"""The official sendgrid package as the judge: it talks to the stub without proxy or socket, mail goes to the mailbox."""

import base64
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from email.message import Message
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from python_http_client.client import Client
from python_http_client.exceptions import BadRequestsError, NotFoundError, PayloadTooLargeError
from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail import (
    Asm,
    Attachment,
    BatchId,
    Bcc,
    Category,
    Cc,
    ContentId,
    CustomArg,
    Disposition,
    From,
    Header,
    Mail,
    MailSettings,
    Personalization,
    SandBoxMode,
    SendAt,
    Substitution,
    To,
)

from childproof.errors import InputError
from tests.mail_desk import START, Desk
from tests.stubs.inprocess import https, shipped_catalog, world_of

AS_JSON = {"Authorization": "Bearer SG.an.example", "Content-Type": "application/json"}


class Opened(BytesIO):
    """What an opener gives back."""

    def __init__(self, status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
        super().__init__(body)
        self.status = self.code = status
        self.headers = Message()
        for name, value in headers:
            self.headers[name] = value

    def getcode(self) -> int:
        return self.status

    def info(self) -> Message:
        return self.headers


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[Any, Desk]]]:
    desks: list[Desk] = []

    def make(rules: str = "") -> tuple[Any, Desk]:
        desk = Desk("sendgrid", rules)
        desks.append(desk)

        def asked(_: Client, opener: object, request: urllib.request.Request, timeout: object = None) -> Opened:
            del opener, timeout
            body = request.data if isinstance(request.data, bytes) else b""
            reply = desk.call(request.get_method(), request.full_url, dict(request.header_items()), body)
            opened = Opened(reply.status, reply.headers, reply.body)
            if reply.status >= 400:
                from python_http_client.exceptions import handle_error  # noqa: PLC0415 - as the client does

                raise handle_error(urllib.error.HTTPError(request.full_url, reply.status, "", opened.headers, opened))
            return opened

        monkeypatch.setattr(Client, "_make_request", asked)
        return SendGridAPIClient("SG.test.key"), desk

    yield make
    for desk in desks:
        desk.store.close()


def simple(to: str = "jenny@home.example", **more: Any) -> Mail:
    return Mail("shop@example.com", to, more.pop("subject", "Hi"), "Hello", **more)


def refused(client: Any, body: Any) -> list[tuple[str, str]]:
    with pytest.raises(BadRequestsError) as caught:
        client.client.mail.send.post(request_body=body)
    return [(one["field"], one["message"]) for one in json.loads(caught.value.body)["errors"]]


def test_a_mail_with_everything_arrives_with_everything(made: Callable[..., tuple[Any, Desk]]) -> None:
    client, desk = made()
    mail = Mail(
        From("shop@example.com", "Shop"),
        To("jenny@home.example", "Jenny"),
        "Your receipt",
        "Thank you",
        "<b>Thanks</b>",
    )
    mail.add_cc(Cc("boss@home.example", "Boss"))
    mail.add_bcc(Bcc("audit@home.example"))
    mail.header = Header("X-Order", "7")
    mail.category = Category("receipts")
    mail.custom_arg = CustomArg("order", "7")
    mail.attachment = Attachment(base64.b64encode(b"%PDF").decode(), "a.pdf", "application/pdf")
    mail.attachment = Attachment(
        base64.b64encode(b"png").decode(), "a.png", "image/png", Disposition("inline"), ContentId("logo")
    )
    sent = client.send(mail)
    assert sent.status_code == 202
    [kept] = desk.mails()
    assert kept["message_id"].startswith(f"<{sent.headers['X-Message-Id']}@")
    assert (kept["from"][0]["name"], kept["to"][0]["name"], kept["cc"][0]["name"]) == ("Shop", "Jenny", "Boss")
    assert kept["envelope"]["to"] == ["jenny@home.example", "boss@home.example", "audit@home.example"]
    assert ["X-Order", "7"] in kept["headers"]
    assert {(one["filename"], one["inline"], one["content_id"]) for one in kept["attachments"]} == {
        ("a.pdf", False, ""),
        ("a.png", True, "logo"),
    }
    assert kept["via"]["service"] == "sendgrid"


def test_personalizations_are_mails_of_their_own(made: Callable[..., tuple[Any, Desk]]) -> None:
    client, desk = made()
    mail = Mail(From("shop@example.com"), subject="Hi -name-", plain_text_content="Dear -name-")
    for name in ("Jenny", "Tom"):
        each = Personalization()
        each.add_to(To(f"{name.lower()}@home.example"))
        each.add_substitution(Substitution("-name-", name))
        mail.add_personalization(each)
    client.send(mail)
    assert sorted((kept["to"][0]["address"], kept["subject"], kept["text"]) for kept in desk.mails()) == [
        ("jenny@home.example", "Hi Jenny", "Dear Jenny\n"),
        ("tom@home.example", "Hi Tom", "Dear Tom\n"),
    ]


def test_a_dynamic_template_made_by_the_api_is_sent_filled_in(made: Callable[..., tuple[Any, Desk]]) -> None:
    client, desk = made()
    templates = client.client.templates
    of = json.loads(templates.post(request_body={"name": "Receipt", "generation": "dynamic"}).body)
    version = {
        "name": "1", "subject": "Order {{order.id}}",
        "html_content": "<p>Dear {{insert name 'default=customer'}}</p>{{#each items}}<p>{{this.title}}: {{price}}</p>{{else}}none{{/each}}",
    }  # fmt: skip
    made_version = json.loads(templates._(of["id"]).versions.post(request_body=version).body)
    mail = Mail(From("shop@example.com"), To("jenny@home.example"))
    mail.template_id = of["id"]
    mail.dynamic_template_data = {"order": {"id": 7}, "items": [{"title": "Tea & co", "price": 2.5}]}
    client.send(mail)
    [kept] = desk.mails()
    assert kept["subject"] == "Order 7"
    assert kept["html"] == "<p>Dear customer</p><p>Tea &amp; co: 2.5</p>\n"
    assert kept["text"] == "Dear customer\nTea & co: 2.5\n"
    listed = json.loads(templates.get(query_params={"generations": "dynamic", "page_size": 10}).body)
    assert [one["id"] for one in listed["result"]] == [of["id"]]
    changed = templates._(of["id"]).versions._(made_version["id"]).patch(request_body={"subject": "New"})
    assert json.loads(changed.body)["subject"] == "New"
    templates._(of["id"]).delete()
    with pytest.raises(NotFoundError):
        templates._(of["id"]).get()


def test_a_mail_of_too_many_is_refused_whole(made: Callable[..., tuple[Any, Desk]]) -> None:
    """And a thousand go."""
    client, desk = made()
    body = simple().get()
    body["personalizations"] = [{"to": [{"email": f"p{number}@home.example"}]} for number in range(1001)]
    [(field, message)] = refused(client, body)
    assert field == "personalizations"
    assert "limited to 1000" in message
    body["personalizations"] = [{"to": [{"email": f"p{number}@home.example"} for number in range(1001)]}]
    assert [field for field, _ in refused(client, body)] == ["personalizations"]
    assert desk.mails() == []
    body["personalizations"] = [{"to": [{"email": f"p{number}@home.example"} for number in range(1000)]}]
    assert client.client.mail.send.post(request_body=body).status_code == 202
    assert len(desk.mails()[0]["envelope"]["to"]) == 1000


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"from": {"email": "nobody"}}, "from.email"),
        ({"subject": ""}, "subject"),
        ({"content": []}, "content"),
        ({"content": [{"type": "text/plain", "value": ""}]}, "content.0.value"),
        ({"custom_args": {"a": 1}}, "custom_args"),
        ({"custom_args": {"a": "x" * 10_000}}, "personalizations.0.custom_args"),
        ({"categories": [str(number) for number in range(11)]}, "categories"),
        ({"headers": {"x-sg-id": "1"}}, "headers.x-sg-id"),
        ({"send_at": "soon"}, "send_at"),
        ({"reply_to_list": [{"email": "?"}]}, "reply_to_list.0.email"),
        ({"personalizations": ["x"]}, "personalizations.0"),
        ({"attachments": "x"}, "attachments"),
    ],
)  # fmt: skip
def test_each_fault_is_told_at_its_field(
    made: Callable[..., tuple[Any, Desk]], change: dict[str, Any], field: str
) -> None:
    client, desk = made()
    found = [one for one, _ in refused(client, {**simple().get(), **change})]
    assert field in found
    assert desk.mails() == []


def test_what_is_too_large_is_413_and_a_sandbox_is_200(made: Callable[..., tuple[Any, Desk]]) -> None:
    client, desk = made()
    desk.engine.replace_rules(desk.engine.rules, max_body=100_000_000)
    large = simple()
    large.attachment = Attachment("A" * 30_000_000, "a.bin")
    with pytest.raises(PayloadTooLargeError):
        client.send(large)
    tried = simple()
    tried.mail_settings = MailSettings(sandbox_mode=SandBoxMode(True))
    assert client.send(tried).status_code == 200
    assert desk.mails() == []


@pytest.mark.parametrize(
    ("times", "change"),
    [
        (40, {"attachments": [{"content": "A" * 2_800_000, "filename": "a.bin"}]}),
        (1, {"content": [{"type": "text/plain", "value": "0" * 200_000}]}),
    ],
    ids=["a file for everybody", "a text that grows"],
)
def test_a_small_request_does_not_make_large_mail(
    made: Callable[..., tuple[Any, Desk]], times: int, change: dict[str, Any]
) -> None:
    """What it would come to is refused as a whole, and nothing of it is sent."""
    client, desk = made()
    more = {"substitutions": {"0": "1" * 100, "1": "2" * 100, "2": "3" * 100}} if times == 1 else {}
    people = [{"to": [{"email": f"p{number}@home.example"}], **more} for number in range(times)]
    with pytest.raises(PayloadTooLargeError):
        client.send({**simple().get(), "personalizations": people, **change})
    assert desk.mails() == []


def test_scheduled_mail_goes_at_its_time_on_the_worlds_clock(made: Callable[..., tuple[Any, Desk]]) -> None:
    client, desk = made()
    batch = json.loads(client.client.mail.batch.post().body)["batch_id"]
    for number, batched in enumerate((False, True)):
        mail = simple(subject=str(number))
        mail.send_at = SendAt(START // 1000 + 3600)
        if batched:
            mail.batch_id = BatchId(batch)
        client.send(mail)
    client.client.user.scheduled_sends.post(request_body={"batch_id": batch, "status": "cancel"})
    desk.advance(3599)
    assert desk.mails() == []
    desk.advance(1)
    assert [kept["subject"] for kept in desk.mails()] == ["0"]


def test_a_denial_of_mail_is_a_bounce_and_bounced_addresses_are_dropped_until_they_are_deleted(
    made: Callable[..., tuple[Any, Desk]],
) -> None:
    client, desk = made("  - {name: gone, match: {protocol: smtp, host: gone.example}, deny: {reason: no such user}}\n")
    client.send(simple("nobody@gone.example"))
    bounces = client.client.suppression.bounces
    [found] = json.loads(bounces.get().body)
    assert (found["email"], found["status"]) == ("nobody@gone.example", "5.7.1")
    client.send(simple("nobody@gone.example"))
    told = [effect.type for effect in desk.effects() if effect.service == "sendgrid"]
    assert told == ["mail.queued", "mail.bounced", "mail.dropped"]
    bounces._("nobody@gone.example").delete()
    assert json.loads(bounces.get().body) == []
    numbers = json.loads(client.client.stats.get(query_params={"start_date": "2026-01-05"}).body)[0]["stats"][0][
        "metrics"
    ]
    assert (numbers["requests"], numbers["bounces"], numbers["bounce_drops"], numbers["delivered"]) == (2, 1, 1, 0)


def test_members_of_an_unsubscribe_group_are_not_mailed_by_it(made: Callable[..., tuple[Any, Desk]]) -> None:
    client, desk = made()
    group = json.loads(client.client.asm.groups.post(request_body={"name": "News", "description": "Weekly"}).body)["id"]
    client.client.asm.groups._(group).suppressions.post(request_body={"recipient_emails": ["jenny@home.example"]})
    news = simple()
    news.asm = Asm(group)
    client.send(news)
    assert desk.mails() == []
    client.send(simple())
    assert len(desk.mails()) == 1
    assert json.loads(client.client.asm.groups._(group).get().body)["unsubscribes"] == 1
    client.client.asm.groups._(group).suppressions._("jenny@home.example").delete()
    client.send(news)
    assert len(desk.mails()) == 2


def test_a_key_that_works_says_that_it_may_send(made: Callable[..., tuple[Any, Desk]]) -> None:
    """By which programs look at their key before they use it."""
    client, _ = made()
    assert {"mail.send", "templates.read"} <= set(json.loads(client.client.scopes.get().body)["scopes"])


def test_a_template_of_a_world_file_is_filled_in_by_its_id(tmp_path: Path) -> None:
    """The id that a program knows, from its account; its version is active."""
    template = "{id: d-0123, name: Welcome, subject: 'Hi {{name}}', html: '<p>{{name}}</p>'}"
    asked = {"from": {"email": "shop@example.com"}, "template_id": "d-0123", "personalizations": [
        {"to": [{"email": "zoe@example.com"}], "dynamic_template_data": {"name": "Zoe"}}]}  # fmt: skip
    with world_of(f"world: shop\nsendgrid: {{templates: [{template}]}}\n", tmp_path) as world:
        stub = shipped_catalog().get("sendgrid")
        call = https("POST", "https://api.sendgrid.com/v3/mail/send", AS_JSON, json.dumps(asked).encode())
        with world.transaction() as tx:
            answer = stub.answer(call, tx)
        assert answer.reply.status == 202, answer.reply.body
        read = https("GET", "https://api.sendgrid.com/v3/templates/d-0123", AS_JSON, b"")
        with world.transaction() as tx:
            [version] = json.loads(stub.answer(read, tx).reply.body)["versions"]
        assert (version["subject"], version["active"]) == ("Hi {{name}}", 1)


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{id: welcome, name: Welcome}", "'welcome' is no dynamic template's id"),
        ("{id: d-1, name: Welcome, html: '{{#if a}}'}", "if is opened and never closed"),
        ("{id: d-1, nam: Welcome}", "unknown key 'nam'"),
    ],
)
def test_a_template_that_can_not_be_is_refused_with_its_place(tmp_path: Path, template: str, told: str) -> None:
    """Before any world is made."""
    with (
        pytest.raises(InputError, match=re.escape(told)),
        world_of(f"world: shop\nsendgrid: {{templates: [{template}]}}\n", tmp_path),
    ):
        pass
