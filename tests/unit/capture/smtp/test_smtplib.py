"""An unmodified client, Python's own smtplib, on all ports."""

import smtplib
import socket
from collections.abc import Callable
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import pytest

from childproof.model import Action, Call, Forward, Outcome, Protocol, Reply, Verdict

if TYPE_CHECKING:
    import ssl

HOST = "smtp.gmail.com"
Address = tuple[str, int]


def connect(address: Address, port: int, certificates: Any, *, starttls: bool = True) -> smtplib.SMTP:
    """Like `smtplib.SMTP(HOST, port)`, with the connection itself led to our listener."""
    context: ssl.SSLContext = certificates.client()
    if port == 465:

        class Implicit(smtplib.SMTP_SSL):
            def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
                return self.context.wrap_socket(socket.create_connection(address, 10), server_hostname=HOST)

        return Implicit(HOST, port, context=context)

    class Plain(smtplib.SMTP):
        def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
            return socket.create_connection(address, 10)

    client = Plain(HOST, port)
    if starttls:
        client.starttls(context=context)
    return client


def message() -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "shop@example.com"
    mail["To"] = "Jenny <jenny@example.com>"
    mail["Subject"] = "Your receipt"
    mail.set_content("Thanks!\n.leading dot\n")
    return mail


@pytest.mark.parametrize("port", [25, 465, 587, 2525])
def test_tls_login_and_message(converse: Callable[..., Any], judge: Any, certificates: Any, port: int) -> None:
    def client(address: Address) -> Any:
        with connect(address, port, certificates) as smtp:
            smtp.login("me@gmail.com", "hunter2-secret")
            return smtp.send_message(message(), to_addrs=["jenny@example.com", "bcc@example.com"])

    assert converse(judge, port, client) == {}
    (call,) = judge.calls
    assert (call.protocol, call.method, call.host, call.port, call.address) == (
        Protocol.SMTP, "MESSAGE", HOST, port, "198.18.0.1",
    )  # fmt: skip
    assert (call.world, call.sandbox, call.tls) == ("w", "s", True)
    envelope = call.envelope
    assert (envelope.sender, envelope.recipients) == ("shop@example.com", ("jenny@example.com", "bcc@example.com"))
    assert (envelope.user, envelope.tls) == ("me@gmail.com", True)
    assert b"\r\n.leading dot\r\n" in call.body
    assert "hunter2" not in repr(call)


@pytest.mark.parametrize("port", [25, 587, 2525])
def test_a_client_without_tls(converse: Callable[..., Any], judge: Any, certificates: Any, port: int) -> None:
    def client(address: Address) -> None:
        with connect(address, port, certificates, starttls=False) as smtp:
            smtp.send_message(message())

    converse(judge, port, client)
    assert [(call.tls, call.envelope.user) for call in judge.calls] == [(False, "")]


def test_submission_offers_logins_behind_tls_only(converse: Callable[..., Any], judge: Any, certificates: Any) -> None:
    """As the large providers do on 587; a client that logs in all the same is told what to do."""

    def client(address: Address) -> tuple[bool, bool, int]:
        with connect(address, 587, certificates, starttls=False) as smtp:
            smtp.ehlo()
            before = smtp.has_extn("auth")
            code, _ = smtp.docmd("AUTH", "PLAIN AGEAYg==")
            smtp.starttls(context=certificates.client())
            smtp.ehlo()
            return before, smtp.has_extn("auth"), code

    assert converse(judge, 587, client) == (False, True, 538)


@pytest.mark.parametrize("port", [25, 2525])
def test_relay_ports_offer_logins_at_once(
    converse: Callable[..., Any], judge: Any, certificates: Any, port: int
) -> None:
    def client(address: Address) -> None:
        with connect(address, port, certificates, starttls=False) as smtp:
            smtp.login("apikey", "SG.secret")
            smtp.send_message(message())

    converse(judge, port, client)
    assert judge.calls[0].envelope.user == "apikey"


@pytest.mark.parametrize("mechanism", ["auth_plain", "auth_login"])
def test_both_password_mechanisms(converse: Callable[..., Any], judge: Any, certificates: Any, mechanism: str) -> None:
    def client(address: Address) -> int:
        with connect(address, 465, certificates) as smtp:
            smtp.ehlo()
            smtp.user, smtp.password = "me@gmail.com", "secret"
            code, _ = smtp.auth(mechanism.removeprefix("auth_").lower(), getattr(smtp, mechanism))
            return code

    assert converse(judge, 465, client) == 235
    (call,) = judge.calls
    assert (call.method, call.body, call.envelope.user) == ("SESSION", b"", "me@gmail.com")


def test_oauth_logins_keep_the_name_and_drop_the_token(
    converse: Callable[..., Any], judge: Any, certificates: Any
) -> None:
    def client(address: Address) -> int:
        with connect(address, 587, certificates) as smtp:
            smtp.ehlo()
            code, _ = smtp.auth("XOAUTH2", lambda _=None: "user=me@gmail.com\x01auth=Bearer ya29.token\x01\x01")
            return code

    assert converse(judge, 587, client) == 235
    assert judge.calls[0].envelope.user == "me@gmail.com"
    assert "ya29" not in repr(judge.calls)


def test_a_denied_message_is_refused_with_the_reason(
    converse: Callable[..., Any], denying: Any, certificates: Any
) -> None:
    def client(address: Address) -> tuple[int, bytes]:
        with connect(address, 587, certificates) as smtp, pytest.raises(smtplib.SMTPDataError) as caught:
            smtp.send_message(message())
        return caught.value.smtp_code, caught.value.smtp_error

    assert converse(denying, 587, client) == (550, b"5.7.1 childproof: no rule matches")


def test_several_messages_in_a_session_are_several_calls(
    converse: Callable[..., Any], judge: Any, certificates: Any
) -> None:
    def client(address: Address) -> None:
        with connect(address, 587, certificates) as smtp:
            for _ in range(3):
                smtp.send_message(message())

    converse(judge, 587, client)
    assert [call.method for call in judge.calls] == ["MESSAGE"] * 3


def test_a_message_up_to_the_limit_passes_and_above_it_does_not(
    converse: Callable[..., Any], judge_of: Any, certificates: Any
) -> None:
    """With SIZE announced, refused at MAIL; without, at the end of DATA. Never judged, but recorded."""
    judge = judge_of(max_body=1_000_000)

    def client(address: Address) -> list[int]:
        codes = []
        with connect(address, 587, certificates) as smtp:
            fitting = b"Subject: x\r\n\r\n" + b"a" * 998_000
            codes.append(len(smtp.sendmail("a@example.com", "b@example.com", fitting)))
            with pytest.raises(smtplib.SMTPSenderRefused) as refused:
                smtp.sendmail("a@example.com", "b@example.com", b"x\r\n" * 500_000)
            codes.append(refused.value.smtp_code)
            smtp.mail("a@example.com")
            smtp.rcpt("b@example.com")
            codes.append(smtp.data(b"x\r\n" * 500_000)[0])
        return codes

    assert converse(judge, 587, client) == [0, 552, 552]
    assert judge.violations == ["body_too_large", "body_too_large"]
    assert len(judge.calls[0].body) == 998_016
    assert judge.calls[2].envelope.recipients == ("b@example.com",)
    assert judge.calls[2].body == b""


def test_international_addresses_and_eight_bit_text(
    converse: Callable[..., Any], judge: Any, certificates: Any
) -> None:
    def client(address: Address) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "jörg@example.com", "zoë@exämple.com", "Grüße"
        mail.set_content("schön", cte="8bit")
        with connect(address, 587, certificates) as smtp:
            smtp.send_message(mail)

    converse(judge, 587, client)
    envelope = judge.calls[0].envelope
    assert (envelope.sender, envelope.recipients) == ("jörg@example.com", ("zoë@exämple.com",))


def test_the_empty_sender_of_bounces(converse: Callable[..., Any], judge: Any, certificates: Any) -> None:
    def client(address: Address) -> None:
        with connect(address, 25, certificates) as smtp:
            smtp.sendmail("", ["a@example.com"], b"bounced\r\n")

    converse(judge, 25, client)
    assert judge.calls[0].envelope.sender == ""


def test_the_server_speaks_in_the_destinations_voice(
    converse: Callable[..., Any], judge: Any, certificates: Any
) -> None:
    def client(address: Address) -> tuple[bytes, bytes]:
        with socket.create_connection(address, 10) as sock:
            greeting = sock.recv(1000)
            sock.sendall(b"EHLO me\r\nQUIT\r\n")
            extensions = b""
            while chunk := sock.recv(1000):
                extensions += chunk
            return greeting, extensions

    greeting, extensions = converse(judge, 25, client)
    assert greeting == b"220 smtp.gmail.com ESMTP\r\n"
    assert extensions.startswith(b"250-smtp.gmail.com at your service\r\n250-SIZE 100000\r\n")
    assert b"250 PIPELINING\r\n" in extensions
    assert b"childproof" not in extensions.lower()
    assert b"Python" not in greeting


def test_a_delay_is_waited_before_the_reply_and_a_status_is_given_as_it_is(
    converse: Callable[..., Any], judge_of: Any, certificates: Any
) -> None:
    judge = judge_of(
        lambda _: Outcome("c", Verdict(Action.REPLY), Reply(451, (), b"4.3.0 come back\nlater"), None, 0.01)
    )

    def client(address: Address) -> tuple[int, bytes]:
        with connect(address, 587, certificates) as smtp, pytest.raises(smtplib.SMTPDataError) as caught:
            smtp.send_message(message())
        return caught.value.smtp_code, caught.value.smtp_error

    assert converse(judge, 587, client) == (451, b"4.3.0 come back\n4.3.0 later")


def test_a_reset_fault_breaks_the_connection(converse: Callable[..., Any], judge_of: Any, certificates: Any) -> None:
    judge = judge_of(lambda _: Outcome("c", Verdict(Action.STUB), None, None, 0.0, "reset"))

    def client(address: Address) -> None:
        smtp = connect(address, 587, certificates, starttls=False)
        with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
            smtp.send_message(message())

    converse(judge, 587, client)
    assert len(judge.calls) == 1


def test_mail_is_never_passed_on(converse: Callable[..., Any], judge_of: Any, certificates: Any) -> None:
    """Even if an outcome said so: the password that a relay would need is not kept."""
    judge = judge_of(lambda call: Outcome("c", Verdict(Action.ALLOW), None, Forward(call.host, call.port)))

    def client(address: Address) -> int:
        with connect(address, 587, certificates) as smtp, pytest.raises(smtplib.SMTPDataError) as caught:
            smtp.send_message(message())
        return caught.value.smtp_code

    assert converse(judge, 587, client) == 550
    assert judge.settled[0][0].connections == 0


def test_an_exception_of_ours_is_421_with_an_entry(
    converse: Callable[..., Any], judge_of: Any, certificates: Any
) -> None:
    def broken(call: Call) -> Outcome:
        raise RuntimeError("a bug")

    judge = judge_of(broken)

    def client(address: Address) -> int:
        smtp = connect(address, 587, certificates)
        with pytest.raises(smtplib.SMTPResponseException) as caught:
            smtp.send_message(message())
        return caught.value.smtp_code

    assert converse(judge, 587, client) == 421
    assert judge.violations == ["internal"]
    assert "RuntimeError: a bug" in judge.calls[-1].violation.reason
