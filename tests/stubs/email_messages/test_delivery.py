"""A message in the world: for every recipient, with what the envelope said, and as it came."""

import base64
from email.message import EmailMessage

from childproof.world import Store


def receipt() -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Shop <shop@example.com>"
    mail["To"] = "Jenny Grün <jenny@example.com>, Bob <bob@example.com>"
    mail["Cc"] = "boss@EXAMPLE.com"
    mail["Reply-To"] = "help@example.com"
    mail["Subject"] = "Your receipt · Grüße"
    mail["Message-ID"] = "<1@shop.example>"
    mail["Date"] = "Mon, 05 Jan 2026 09:00:00 +0000"
    mail.set_content("Thanks · see you!\n")
    mail.add_alternative("<b>Thanks</b>", subtype="html")
    mail.add_attachment(b"%PDF-1.7\x00\xff", maintype="application", subtype="pdf", filename="réçu.pdf")
    return mail


def test_a_message_is_taken_apart(mailbox):
    mailbox.send(
        receipt().as_bytes(), sender="bounce@example.com", to=("jenny@example.com", "boss@example.com", "x@example.com")
    )
    (message,) = mailbox.list("message")
    assert message["envelope"] == {
        "from": "bounce@example.com",
        "to": ["jenny@example.com", "boss@example.com", "x@example.com"],
    }
    assert message["via"] == {
        "host": "smtp.gmail.com",
        "port": 587,
        "tls": True,
        "user": "login@example.com",
        "helo": "me.local",
        "service": "",
    }
    assert message["from"] == [{"name": "Shop", "address": "shop@example.com"}]
    assert [one["name"] for one in message["to"]] == ["Jenny Grün", "Bob"]
    assert message["cc"] == [{"name": "", "address": "boss@EXAMPLE.com"}]
    assert message["bcc"] == ["x@example.com"]
    assert message["reply_to"][0]["address"] == "help@example.com"
    assert message["subject"] == "Your receipt · Grüße"
    assert (message["message_id"], message["date"]) == ("<1@shop.example>", "Mon, 05 Jan 2026 09:00:00 +0000")
    assert message["text"] == "Thanks · see you!\n"
    assert message["html"] == "<b>Thanks</b>\n"
    assert ["Subject", "Your receipt · Grüße"] in message["headers"]
    assert message["defects"] == []


def test_attachments_keep_their_content(mailbox):
    mailbox.send(receipt().as_bytes())
    (listed,) = mailbox.list("message")[0]["attachments"]
    (stored,) = mailbox.list("attachment")
    assert (listed["filename"], listed["type"], listed["size"], listed["inline"]) == (
        "réçu.pdf",
        "application/pdf",
        10,
        False,
    )
    assert stored["id"] == listed["id"]
    assert base64.b64decode(stored["content"]) == b"%PDF-1.7\x00\xff"


def test_every_recipient_has_it_once_in_a_mailbox(mailbox):
    mailbox.send(b"Subject: x\r\n\r\ny", to=("B@Example.COM", "c@example.com", "c@example.com"))
    message = mailbox.list("message")[0]["id"]
    assert [(row["mailbox"], row["message"]) for row in mailbox.list("delivery")] == [
        ("B@example.com", message),
        ("c@example.com", message),
    ]


def test_the_source_is_kept_byte_for_byte(mailbox):
    for raw, encoding in (
        (b"Subject: gr\xc3\xbc\xc3\x9fe\r\n\r\n\x00x\r\n", "utf-8"),
        (b"Subject: \xff\r\n\r\n", "base64"),
    ):
        mailbox.send(raw)
        source = mailbox.list("source")[-1]
        assert source["encoding"] == encoding
        content = source["content"]
        assert (content.encode() if encoding == "utf-8" else base64.b64decode(content)) == raw
        assert source["id"] == mailbox.list("message")[-1]["id"]


def test_the_effect_and_the_reply_name_the_message(mailbox):
    answer = mailbox.send(b"Subject: Hi\r\n\r\n", to=("b@example.com",))
    (effect,) = answer.effects
    assert (effect.service, effect.type) == ("email", "message.sent")
    assert (effect.data["to"], effect.data["subject"]) == (["b@example.com"], "Hi")
    assert answer.reply.status == 250
    assert answer.reply.body.decode().endswith(effect.id)
    assert answer.fidelity == "modelled"


def test_a_session_without_a_message_leaves_nothing(mailbox):
    answer = mailbox.send(b"", to=(), method="SESSION")
    assert (answer.reply.status, answer.effects) == (250, ())
    assert mailbox.list("message") == []


def test_the_same_messages_in_the_same_world_get_the_same_ids(mailbox, stub):
    first = mailbox.send(receipt().as_bytes()).reply
    with Store.open(":memory:", wall=lambda: 1_767_603_600_000) as store:
        again = type(mailbox)(stub, store.create("w", seed=7)).send(receipt().as_bytes()).reply
    assert first == again
