"""Mail that a stub sends: what is written, whom it goes to, who takes it, and who is told what became of it."""

import base64
import email
from collections.abc import Callable, Iterator
from email import policy
from pathlib import Path
from typing import Any

import pytest

from childproof.catalog import load_catalog
from childproof.engine import Engine
from childproof.ledger import Ledger
from childproof.model import Call, Protocol
from childproof.policy import Source, load_ruleset
from childproof.world import ClockSettings, Store

START = 1_767_603_600_000
STUB = """
stub: poster
hosts: [api.poster.example]
openapi: openapi.yaml
auth: none
{mail}
resources: {{letter: {{id: let}}}}
"""
DOCUMENT = """
openapi: 3.0.3
info: {title: Poster, version: "1"}
paths:
  /letters: {post: {requestBody: {content: {application/json: {schema: {type: object, properties: {many: {type: integer}, only: {type: array, items: {type: string}}}}}}}, responses: {"202": {description: sent}}}}
  /raw: {post: {responses: {"202": {description: sent}}}}
"""
CODE = """
from childproof.stubkit import Attachment, Context, job, operation


@operation("POST /letters")
def send(ctx: Context) -> None:
    for number in range(ctx.body.get("many", 1)):
        ctx.mail(
            [("Müller, Jenny", "jenny@home.example"), "tom@home.example"],
            subject="Grüße", text="Guten Tag", html="<p>Guten Tag €</p>", sender="Shop <hello@shop.example>",
            cc=["boss@home.example"], bcc=["audit@home.example"], reply_to=["Help <help@shop.example>"],
            headers={"X-Order": "7\\r\\nBcc: all@home.example", "From": "evil@shop.example", "bad name": "x"},
            alternatives=[("text/x-amp-html", "<amp/>")],
            attachments=[Attachment("réçu.pdf", b"%PDF", "application/pdf"),
                         Attachment("a.png", b"png", "image/png", content_id="logo", inline=True)],
            message_id="<given@shop.example>", bounces="bounce@shop.example", only=ctx.body.get("only"), then="told", payload={"letter": "l"},
        )


@operation("POST /raw")
def raw(ctx: Context) -> None:
    ctx.mail_raw("a@shop.example", ["b@home.example"], b"Subject: 8bit\\r\\n\\r\\n\\xff\\xfe", then="told", payload={})


@job("told")
def told(ctx: Context, payload: dict) -> None:
    ctx.create("letter", state=payload["mail"]["state"], status=payload["mail"]["status"],
               reason=payload["mail"]["reason"], to=payload["mail"]["to"], letter=payload.get("letter"))
"""
HTTP = "version: 1\nrules:\n  - {name: poster, match: {host: api.poster.example}, stub: poster}\n"


class World:
    def __init__(self, folder: Path, rules: str, mail: str) -> None:
        stub = folder / "poster"
        stub.mkdir()
        (stub / "stub.yaml").write_text(STUB.format(mail=mail))
        (stub / "openapi.yaml").write_text(DOCUMENT)
        (stub / "letters.py").write_text(CODE)
        catalog = load_catalog([folder])
        self.store = Store.open(":memory:", wall=lambda: START)
        self.store.create("main", seed=1, clock=ClockSettings(START, "frozen"))
        self.ledger = Ledger(self.store.connection, lock=self.store.lock)
        ruleset = load_ruleset([Source("rules.yaml", HTTP + rules)])
        self.engine = Engine(store=self.store, ledger=self.ledger, rules=ruleset, catalog=catalog, wall=lambda: START)

    def post(self, path: str, body: bytes = b"") -> int:
        call = Call(
            Protocol.HTTP, "api.poster.example", 443, method="POST", scheme="https", path=path, body=body,
            headers=(("content-type", "application/json"),) if body else (),
        )  # fmt: skip
        reply = self.engine.handle(call).reply
        assert reply is not None
        return reply.status

    def list(self, service: str, resource: str) -> list[Any]:
        with self.store.world("main").view() as view:
            return list(view.list(service, resource, newest_first=False))


KEPT = "mail: email"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., World]]:
    worlds: list[World] = []

    def make(rules: str = "", mail: str = KEPT) -> World:
        worlds.append(World(tmp_path, rules, mail))
        return worlds[-1]

    yield make
    for world in worlds:
        world.store.close()


def test_a_message_says_all_that_it_was_given_and_nothing_that_was_smuggled_in(made: Callable[..., World]) -> None:
    """Names, copies, files, forms of the text; a header can't add a recipient or speak for another sender."""
    world = made()
    assert world.post("/letters") == 202
    [mail] = world.list("email", "message")
    assert mail["from"] == [{"name": "Shop", "address": "hello@shop.example"}]
    assert mail["to"] == [
        {"name": "Müller, Jenny", "address": "jenny@home.example"},
        {"name": "", "address": "tom@home.example"},
    ]
    assert (mail["cc"][0]["address"], mail["bcc"]) == ("boss@home.example", ["audit@home.example"])
    assert mail["reply_to"] == [{"name": "Help", "address": "help@shop.example"}]
    assert (mail["subject"], mail["message_id"]) == ("Grüße", "<given@shop.example>")
    assert (mail["text"], mail["html"]) == ("Guten Tag\n", "<p>Guten Tag €</p>\n")
    assert mail["envelope"]["from"] == "bounce@shop.example"
    assert len(mail["envelope"]["to"]) == 4
    assert mail["via"]["service"] == "poster"
    assert mail["defects"] == []
    assert [header for header in mail["headers"] if header[0] == "X-Order"] == [["X-Order", "7 Bcc: all@home.example"]]
    files = [(one["filename"], one["type"], one["inline"], one["content_id"]) for one in mail["attachments"]]
    assert ("réçu.pdf", "application/pdf", False, "") in files
    assert ("a.png", "image/png", True, "logo") in files
    [source] = world.list("email", "source")
    parsed = email.message_from_string(source["content"], policy=policy.default)
    kinds = [part.get_content_type() for part in parsed.walk()]
    assert kinds == [
        "multipart/mixed", "multipart/related", "multipart/alternative", "text/plain", "text/x-amp-html", "text/html",
        "image/png", "application/pdf",
    ]  # fmt: skip


def test_a_whole_message_is_mailed_as_it_is_whatever_its_bytes(made: Callable[..., World]) -> None:
    world = made()
    world.post("/raw")
    [source] = world.list("email", "source")
    assert base64.b64decode(source["content"]) == b"Subject: 8bit\r\n\r\n\xff\xfe"
    assert world.list("poster", "letter")[0]["state"] == "delivered"


def test_who_asks_is_told_that_a_mail_has_arrived(made: Callable[..., World]) -> None:
    world = made()
    world.post("/letters")
    [told] = world.list("poster", "letter")
    assert (told["state"], told["status"], told["letter"]) == ("delivered", 250, "l")
    assert told["to"] == ["jenny@home.example", "tom@home.example", "boss@home.example", "audit@home.example"]


@pytest.mark.parametrize(
    ("rules", "mail", "state", "taken"),
    [
        ("", KEPT, "delivered", 1),  # nobody says anything of mail: the stub's own keeper has it
        ("", "", "refused", 0),  # it names none
        ("  - {name: mail, match: {protocol: smtp}, stub: email}\n", "", "delivered", 1),
        ("  - {name: no, match: {protocol: smtp, host: home.example}, deny: {reason: no such user}}\n", KEPT, "refused", 0),
        ("  - {name: no, match: {protocol: smtp, host: other.example}, deny: {}}\n", KEPT, "delivered", 1),
        ("  - {name: full, match: {protocol: smtp}, stub: email, limit: {calls: 1, per: 1h}}\n", KEPT, "delivered", 1),
    ],
)  # fmt: skip
def test_rules_have_the_last_word_about_mail_and_the_keeper_the_one_after(
    made: Callable[..., World], rules: str, mail: str, state: str, taken: int
) -> None:
    world = made(rules, mail)
    world.post("/letters")
    [told] = world.list("poster", "letter")
    assert told["state"] == state
    assert len(world.list("email", "message")) == taken


def test_a_denial_is_told_with_its_reason(made: Callable[..., World]) -> None:
    world = made("  - {name: no, match: {protocol: smtp}, deny: {reason: no such user}}\n")
    world.post("/letters")
    [told] = world.list("poster", "letter")
    assert told["status"] == 550
    assert "no such user" in told["reason"]


def test_hundreds_of_mails_of_one_call_are_all_there_and_in_order(made: Callable[..., World]) -> None:
    world = made()
    world.post("/letters", b'{"many": 200}')
    assert len(world.list("email", "message")) == 200
    assert len(world.list("poster", "letter")) == 200
    mails = list(world.ledger.entries(world="main"))
    assert [entry.protocol for entry in mails] == ["http", *["smtp"] * 200]
    assert {entry.cause for entry in mails[1:]} == {mails[0].id}


def test_mail_that_nobody_keeps_says_which_rule_would(made: Callable[..., World]) -> None:
    """It is denied, and the entry has the line to write."""
    world = made("", "")
    world.post("/letters")
    entry = list(world.ledger.entries(world="main"))[-1]
    assert (entry.verdict, entry.rule) == ("deny", None)
    assert entry.reason == "no rule matches (default: deny); the mail of poster is kept nowhere"


def test_mail_beyond_a_limit_is_told_as_put_off(made: Callable[..., World]) -> None:
    world = made("  - {name: few, match: {protocol: smtp}, stub: email, limit: {calls: 1, per: 1h}}\n")
    world.post("/letters")
    world.post("/letters")
    assert [(one["state"], one["status"]) for one in world.list("poster", "letter")] == [
        ("delivered", 250),
        ("deferred", 452),
    ]
    assert len(world.list("email", "message")) == 1


def test_only_those_who_are_to_get_it_do_and_nobody_is_told_of_as_well(made: Callable[..., World]) -> None:
    """The headers name all. An address that mail can't be sent to is refused, before the next call."""
    world = made()
    world.post("/letters", b'{"only": ["tom@home.example"]}')
    [mail] = world.list("email", "message")
    assert (mail["envelope"]["to"], len(mail["to"])) == (["tom@home.example"], 2)
    world.post("/letters", b'{"only": ["nobody"]}')
    world.post("/raw")
    told = [(one["state"], one["status"], one["to"]) for one in world.list("poster", "letter")]
    assert told[1] == ("refused", 553, ["nobody"])
