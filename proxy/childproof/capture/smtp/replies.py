"""An outcome as an SMTP reply (RFC 5321, section 4.2; enhanced codes RFC 3463). No I/O."""

import re

from childproof.model import Action, Outcome

DENIED = 550
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_LINE = 480  # characters of text in a line, so that code, text and CR LF stay within 512 octets
_USUAL = {2: "2.0.0", 4: "4.3.0", 5: "5.7.1"}
_PLAIN = {2: "OK", 4: "try again later", 5: "refused"}


def render(outcome: Outcome) -> str:
    """The reply to a message, lines joined by CR LF. Whatever is no clear acceptance is a refusal."""
    reply = outcome.reply
    if reply is None:
        return f"{DENIED} 5.7.1 {clean(outcome.verdict.reason)[:_LINE]}"
    status = reply.status
    refused = outcome.verdict.action is Action.DENY
    # 354 and 221 would derail the client's state machine; a denial never sounds like acceptance
    if not (status == 250 or 400 <= status < 560) or (refused and status < 400):
        status = DENIED
    text = reply.body.decode("utf-8", "replace") or (outcome.verdict.reason if refused else "")
    return reply_lines(status, text, outcome.call_id if status == 250 else "")


def reply_lines(status: int, text: str, queue_id: str = "") -> str:
    """A reply with its enhanced code; without words of its own it gets the usual ones, and the queue id."""
    kind = status // 100
    lines = [clean(line)[:_LINE] for line in text.splitlines()] or [f"{_PLAIN[kind]} {queue_id}".strip()]
    match = _ENHANCED.match(lines[0])
    code = match[0] if match else _USUAL[kind]
    marked = [line if _ENHANCED.match(line) else f"{code} {line}" for line in lines]
    last = len(marked) - 1
    return "\r\n".join(f"{status}{' ' if place == last else '-'}{line}" for place, line in enumerate(marked))


def clean(text: str) -> str:
    """Text that can't break out of its line."""
    return _CONTROL.sub(" ", text).strip()
