"""Whatever bytes come to the mail server, in whatever pieces. The promises are those of `tests/fuzz/targets/smtp.py`."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import smtp

LINES = st.sampled_from(
    [b"EHLO me", b"HELO me", b"MAIL FROM:<a@example.com>", b"MAIL FROM:<a@", b"MAIL FROM:<>", b"RCPT TO:<b@example.com>", b"RCPT TO:<\xff@x>",
     b"DATA", b".", b"..", b"Subject: x", b"", b"x" * 400, b"\n.", b"RSET", b"NOOP", b"QUIT", b"VRFY <a@", b"EXPN x", b"HELP MAIL", b"STARTTLS",
     b"AUTH PLAIN AGEAYg==", b"AUTH LOGIN", b"AUTH XOAUTH2 ===", b"*", b"YQ==", b"NONSENSE", b"\x00", b"EHLO " + b"a" * 600]
)  # fmt: skip


@settings(max_examples=60)
@given(
    st.integers(0, 255),
    st.lists(LINES | st.binary(max_size=8), max_size=12),
    st.sampled_from([b"\r\n", b"\r\n", b"\n"]),
)
def test_each_message_accepted_is_one_call_however_the_bytes_are_cut(cut: int, lines: list[bytes], end: bytes) -> None:
    """Nothing escapes, every reply has SMTP's form, and pieces make no difference."""
    smtp.check(bytes([cut]) + end.join(lines) + end)
