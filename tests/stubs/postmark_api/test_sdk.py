"""The postmarker package as the judge: it talks to the stub without proxy or socket, mail goes to the mailbox."""

import base64
import json
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from postmarker.core import PostmarkClient
from postmarker.exceptions import ClientError

from childproof.errors import InputError
from tests.mail_desk import Desk
from tests.stubs.inprocess import https, shipped_catalog, world_of


class InProcess(requests.adapters.BaseAdapter):
    """A transport that asks the stub instead of the network."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        assert request.url is not None
        made = self.desk.call(str(request.method), request.url, dict(request.headers), body)
        reply = requests.Response()
        reply.status_code, reply.url, reply.request = made.status, request.url, request
        reply.headers.update(dict(made.headers))
        reply.raw = BytesIO(made.body)
        return reply

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def made() -> Iterator[Callable[..., tuple[Any, Desk]]]:
    desks: list[Desk] = []

    def make(rules: str = "", token: str = "a-server-token") -> tuple[Any, Desk]:
        desk = Desk("postmark", rules)
        desks.append(desk)
        client = PostmarkClient(server_token=token, account_token="an-account-token")
        client.session.mount("https://", InProcess(desk))
        return client, desk

    yield make
    for desk in desks:
        desk.store.close()


def mail(**more: Any) -> dict[str, Any]:
    return {"From": "Shop <shop@example.com>", "To": "jenny@home.example", "Subject": "Hi", "TextBody": "Hello", **more}


def test_a_mail_with_everything_arrives_with_everything(made: Callable[..., tuple[Any, Desk]]) -> None:
    client, desk = made()
    attached = [
        {"Name": "a.pdf", "Content": base64.b64encode(b"%PDF").decode(), "ContentType": "application/pdf"},
        {
            "Name": "a.png",
            "Content": base64.b64encode(b"png").decode(),
            "ContentType": "image/png",
            "ContentID": "cid:logo",
        },
    ]
    sent = client.emails.send(
        **mail(To='"Müller, Jenny" <jenny@home.example>', Cc="boss@home.example", Bcc="audit@home.example", ReplyTo="help@example.com",
               HtmlBody="<p>Hello</p>", Tag="t", Headers={"X-Order": "7"}, Attachments=attached, Metadata={"order": "7"})
    )  # fmt: skip
    assert (sent["ErrorCode"], sent["Message"], sent["To"]) == (0, "OK", '"Müller, Jenny" <jenny@home.example>')
    [kept] = desk.mails()
    assert kept["to"] == [{"name": "Müller, Jenny", "address": "jenny@home.example"}]
    assert (kept["cc"][0]["address"], kept["bcc"]) == ("boss@home.example", ["audit@home.example"])
    assert kept["reply_to"][0]["address"] == "help@example.com"
    assert kept["message_id"] == f"<{sent['MessageID']}@mtasv.net>"
    assert ["X-Order", "7"] in kept["headers"]
    assert {(one["filename"], one["inline"], one["content_id"]) for one in kept["attachments"]} == {
        ("a.pdf", False, ""),
        ("a.png", True, "logo"),
    }
    found = client.messages.outbound.get(sent["MessageID"])
    assert [event["Type"] for event in found.MessageEvents] == ["Delivered"] * 3
    assert (found.Status, found.Tag, found.Attachments) == ("Sent", "t", ["a.pdf", "a.png"])


def test_a_batch_has_an_outcome_for_each_and_at_most_500(made: Callable[..., tuple[Any, Desk]]) -> None:
    client, desk = made()
    told = client.emails.send_batch(mail(), mail(To="nobody"), mail(Subject="2"))
    assert [one["ErrorCode"] for one in told] == [0, 300, 0]
    assert [kept["subject"] for kept in desk.mails()] == ["Hi", "2"]
    with pytest.raises(ClientError) as caught:
        client.call("POST", "/email/batch", data=[mail()] * 501)
    assert caught.value.error_code == 410
    assert len(desk.mails()) == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"To": ""}, 300),
        ({"To": ", ".join(f"p{number}@home.example" for number in range(51))}, 300),
        ({"From": ""}, 300),
        ({"From": "a@example.com, b@example.com"}, 300),
        ({"TextBody": ""}, 300),
        ({"To": 7}, 403),
        ({"Cc": "a@b"}, 300),
        ({"Metadata": {"a" * 21: "x"}}, 300),
        ({"Metadata": {str(number): "x" for number in range(11)}}, 300),
        ({"Tag": "x" * 1001}, 300),
        ({"Attachments": [{"Name": "a.exe", "Content": "AA=="}]}, 411),
        ({"Attachments": [{"Name": "a.txt", "Content": "?"}]}, 300),
        ({"Headers": ["x"]}, 403),
        ({"MessageStream": "nothing"}, 1235),
    ],
)
def test_what_is_wrong_is_told_by_its_number_and_nothing_is_sent(
    made: Callable[..., tuple[Any, Desk]], change: dict[str, Any], code: int
) -> None:
    client, desk = made()
    with pytest.raises(ClientError) as caught:
        client.call("POST", "/email", data=mail(**change))
    assert caught.value.error_code == code
    assert desk.mails() == []


def test_bad_json_and_a_missing_token_are_refused_in_postmarks_words(made: Callable[..., tuple[Any, Desk]]) -> None:
    _, desk = made()
    headers = {"X-Postmark-Server-Token": "a-server-token", "Content-Type": "application/json"}
    assert b'"ErrorCode":402' in desk.call("POST", "https://api.postmarkapp.com/email", headers, b"{").body
    refused = desk.call("POST", "https://api.postmarkapp.com/email", {"Content-Type": "application/json"}, b"{}")
    assert (refused.status, b'"ErrorCode":10' in refused.body) == (401, True)
    headers["X-Postmark-Server-Token"] = "?"
    assert desk.call("POST", "https://api.postmarkapp.com/email", headers, b"{}").status == 401


def test_the_test_token_sends_nothing(made: Callable[..., tuple[Any, Desk]]) -> None:
    client, desk = made(token="POSTMARK_API_TEST")
    assert client.emails.send(**mail())["Message"] == "Test job accepted"
    assert desk.mails() == []


def test_a_denial_of_mail_is_a_hard_bounce_until_it_is_activated(made: Callable[..., tuple[Any, Desk]]) -> None:
    client, desk = made("  - {name: gone, match: {protocol: smtp, host: gone.example}, deny: {reason: no such user}}\n")
    client.emails.send(**mail(To="nobody@gone.example"))
    [bounce] = client.bounces.all()
    assert (bounce.Type, bounce.Inactive, "no such user" in bounce.Details) == ("HardBounce", True, True)
    with pytest.raises(ClientError) as caught:
        client.emails.send(**mail(To="nobody@gone.example"))
    assert caught.value.error_code == 406
    assert client.bounces.deliverystats["InactiveMails"] == 1
    assert bounce.activate() == "OK"
    client.emails.send(**mail(To="nobody@gone.example"))
    assert desk.mails() == []
    assert client.stats.overview()["Bounced"] == 2


def test_templates_are_made_validated_and_sent(made: Callable[..., tuple[Any, Desk]]) -> None:
    client, desk = made()
    of = client.templates.create(
        Name="T", Subject="For {{name}}", HtmlBody="{{#each items}}<b>{{title}}</b>{{/each}}", Alias="t"
    )
    assert [one.Alias for one in client.templates.all()] == ["t"]
    checked = client.templates.validate(
        Subject="{{name}}", HtmlBody="{{#if}}", TextBody="x", TestRenderModel={"name": "Jenny"}
    )
    assert checked["AllContentIsValid"] is False
    assert checked["Subject"]["RenderedContent"] == "Jenny"
    model = {"name": "Jenny", "items": [{"title": "<Tea>"}]}
    client.emails.send_template_batch(mail(TemplateId=of.TemplateId, TemplateModel=model))
    [kept] = desk.mails()
    assert (kept["subject"], kept["html"]) == ("For Jenny", "<b>&lt;Tea&gt;</b>\n")
    with pytest.raises(ClientError) as caught:
        client.call("POST", "/email/withTemplate", data=mail(TemplateId=99, TemplateModel={}))
    assert caught.value.error_code == 1101


def test_templates_of_a_world_file_are_found_by_their_aliases(tmp_path: Path) -> None:
    """A layout among them; a broken one is refused with its place in the file."""
    frame = "{name: Frame, alias: frame, html: '<i>{{{@content}}}</i>'}"
    welcome = "{name: Welcome, alias: welcome, subject: 'Hi {{name}}', html: '<p>{{name}}</p>', layout: frame}"
    with world_of(f"world: shop\npostmark: {{templates: [{frame}, {welcome}]}}\n", tmp_path) as world:
        headers = {"X-Postmark-Server-Token": "a-server-token"}
        call = https("GET", "https://api.postmarkapp.com/templates/welcome", headers, b"")
        with world.transaction() as tx:
            found = json.loads(shipped_catalog().get("postmark").answer(call, tx).reply.body)
        assert (found["Subject"], found["LayoutTemplate"], found["TemplateType"]) == (
            "Hi {{name}}",
            "frame",
            "Standard",
        )
    for template, told in (("{name: X, nam: Y, html: x}", "unknown key 'nam'"), ("{name: X}", "neither html nor text")):
        with (
            pytest.raises(InputError, match=told),
            world_of(f"world: b\npostmark: {{templates: [{template}]}}\n", tmp_path),
        ):
            pass
