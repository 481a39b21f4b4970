"""Messages that no sender should send and many do: nothing raises, nothing is lost, nothing can't be stored."""

import json

import pytest
from hypothesis import HealthCheck, given, settings, strategies


@pytest.mark.parametrize(
    ("raw", "field", "value"),
    [
        (b"", "text", ""),
        (b"no header\r\n", "text", "no header\n"),
        (b"Subject: =?utf-8?b?R3LDvMOfZQ==?= =?iso-8859-1?q?_=E4?=\r\n\r\n", "subject", "Grüße ä"),
        (b"Subject: =?utf-8?b?!!!?= x\r\n\r\n", "subject", None),
        (b"Subject: =?no-such-charset?q?abc?=\r\n\r\n", "subject", "=?no-such-charset?q?abc?="),
        (b"Subject: gr\xc3\xbc\xc3\x9fe bare\r\n\r\n", "subject", "grüße bare"),
        (b"Subject: \xff\xfe\r\n\r\n", "subject", "��"),
        (b"Subject: folded\r\n over lines\r\n\r\n", "subject", "folded over lines"),
        (b"Subject: a\r\nSubject: b\r\n\r\n", "subject", "a"),
        (b"From: <<>>;;,,\r\nTo: (((\r\n\r\nx", "text", "x"),
        (b'To: "Doe, Jane" <j@example.com>\r\n\r\n', "to", [{"name": "Doe, Jane", "address": "j@example.com"}]),
        (b"To: =?utf-8?q?Doe=2C_Jane?= <j@example.com>\r\n\r\n", "to", [{"name": "Doe, Jane", "address": "j@example.com"}]),
        (b"To: undisclosed-recipients:;\r\n\r\n", "to", []),
        (b"Content-Type: text/plain; charset=no-such\r\n\r\nh\xc3\xa9", "text", "hé"),
        (b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\nh\xe9", "text", "hé"),
        (b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nabc", "text", None),
        (b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A9=\r\n=ZZ", "text", "é=ZZ"),
        (b"Content-Type: multipart/mixed\r\n\r\nno boundary", "text", None),
        (b"Content-Type: ;;;=\r\n\r\nx", "text", "x"),
        (b'Content-Type: text/plain; charset="utf-7"\r\n\r\n+AGE-', "text", None),
        (b"Content-Type: text/plain; charset=a\x00b\r\n\r\nh\xc3\xa9", "text", "hé"),
        (b"Content-Type: text/html\r\n\r\n<b>only</b>", "html", "<b>only</b>"),
        (b"Content-Disposition: attachment; filename*=utf-8''%ff\r\n\r\nx", "text", None),
        (b"Content-Disposition: attachment; filename*0*=bad'; filename*1=x\r\n\r\nx", "text", None),
    ],
)  # fmt: skip
def test_broken_messages(parsed, raw, field, value):
    message = parsed(raw)
    if value is not None:
        assert message[field] == value
    json.dumps(message).encode()


def test_parts_nested_without_end(parsed):
    raw = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(2000))
    assert parsed(raw)["defects"]


def test_a_multitude_of_parts_is_bounded(parsed):
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\nContent-Type: image/png\r\n\r\nx\r\n" * 5000
    message = parsed(raw)
    assert len(message["attachments"]) == 1000
    assert "more than 1000 parts" in message["defects"]


def test_an_endless_header_is_kept_but_not_taken_apart(parsed):
    message = parsed(
        b"To: " + b"a@example.com, " * 20_000 + b"\r\nSubject: " + b"=?utf-8?q?x?= " * 20_000 + b"\r\n\r\n"
    )
    assert message["to"] == []
    assert message["subject"].startswith("=?utf-8?q?x?=")


def test_a_forwarded_message_is_one_attachment(parsed):
    inner = b"From: x@example.com\r\nSubject: inner\r\n\r\ninside\r\n"
    message = parsed(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee below\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        + inner
        + b"\r\n--b--\r\n"
    )
    assert message["text"] == "see below"
    (part,) = message["attachments"]
    assert (part["type"], part["size"] > 40) == ("message/rfc822", True)


def test_an_inline_image_and_a_second_text_are_not_lost(parsed):
    part = b"--b\r\nContent-Type: text/plain\r\n\r\n%s\r\n"
    image = b"--b\r\nContent-Type: image/png\r\nContent-ID: <logo>\r\nContent-Disposition: inline\r\n\r\nPNG\r\n"
    message = parsed(
        b"Content-Type: multipart/related; boundary=b\r\n\r\n" + part % b"one" + image + part % b"two" + b"--b--"
    )
    assert message["text"] == "one"
    assert [(one["type"], one["inline"], one["content_id"]) for one in message["attachments"]] == [
        ("image/png", True, "logo"),
        ("text/plain", True, ""),
    ]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    strategies.lists(
        strategies.one_of(
            strategies.sampled_from(
                [b"Subject: ", b"From: ", b"To: ", b"Content-Type: ", b"multipart/mixed; boundary=b", b"--b\r\n", b"--b--", b"\r\n", b"\r\n\r\n",
                 b"text/html; charset=", b"Content-Transfer-Encoding: base64", b"=?utf-8?q?=ff?=", b"filename*=", b"Content-Disposition: attachment; "]
            ),
            strategies.binary(max_size=20),
        ),
        max_size=30,
    )
)  # fmt: skip
def test_no_bytes_whatever_are_refused(mailbox, pieces):
    answer = mailbox.send(b"".join(pieces))
    assert answer.reply.status == 250
