"""Outcomes as SMTP replies: nothing but a clear acceptance reads as one, and no text breaks out of its line."""

import pytest

from childproof.capture.smtp.replies import render
from childproof.model import Action, Outcome, Reply, Verdict

STUB = Verdict(Action.STUB, "mail", "")
DENY = Verdict(Action.DENY, None, "no rule matches")


@pytest.mark.parametrize(
    ("verdict", "reply", "text"),
    [
        (STUB, Reply(250), "250 2.0.0 OK c1"),
        (STUB, Reply(250, (), b"2.0.0 queued as x"), "250 2.0.0 queued as x"),
        (STUB, Reply(550, (), b"no such user"), "550 5.7.1 no such user"),
        (STUB, Reply(452, (), b"4.2.2 mailbox full"), "452 4.2.2 mailbox full"),
        (STUB, Reply(503, (), b"4.3.0 temporary failure"), "503 4.3.0 temporary failure"),
        (STUB, Reply(354), "550 5.7.1 refused"),
        (STUB, Reply(221), "550 5.7.1 refused"),
        (STUB, Reply(0), "550 5.7.1 refused"),
        (STUB, Reply(999), "550 5.7.1 refused"),
        (STUB, Reply(550, (), b"a\r\n250 ok\x00\x1b[31m"), "550-5.7.1 a\r\n550 5.7.1 250 ok [31m"),
        (DENY, Reply(550, (), b"5.7.1 childproof: no"), "550 5.7.1 childproof: no"),
        (DENY, Reply(250), "550 5.7.1 no rule matches"),
        (DENY, Reply(421), "421 4.3.0 no rule matches"),
        (DENY, None, "550 5.7.1 no rule matches"),
        (STUB, None, "550 5.7.1"),
    ],
)
def test_replies(verdict: Verdict, reply: Reply | None, text: str) -> None:
    assert render(Outcome("c1", verdict, reply)).strip() == text


def test_lines_stay_within_what_smtp_allows() -> None:
    for line in render(Outcome("c", STUB, Reply(550, (), b"x" * 5000))).split("\r\n"):
        assert len(line) + 2 <= 512
