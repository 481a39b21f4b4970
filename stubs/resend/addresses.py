"""Addresses as Resend takes them: bare, or with a name; and the ones of its own that stand for something."""

import re
from typing import Any

from childproof.stubkit import Refusal

LONGEST = 1000  # characters of a mailbox
MOST = 50  # recipients in each of `to`, `cc` and `bcc` (resend.com/docs/api-reference/emails/send-email)
OWN = "resend.dev"  # its domain for tests: anybody may send from it, to oneself
_BARE = re.compile(r"[^\s<>@,;\"]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}")
_NAMED = re.compile(r"\s*(?P<name>[^<>]*?)\s*<\s*(?P<address>[^<>\s]+)\s*>\s*")


def bare(mailbox: str) -> str:
    """The address without its name; "" where there is none that could be used."""
    if len(mailbox) > LONGEST:
        return ""
    fit = _NAMED.fullmatch(mailbox)
    address = fit["address"] if fit is not None else mailbox.strip()
    return address if _BARE.fullmatch(address) else ""


def domain(mailbox: str) -> str:
    """The domain of a mailbox, in lower case."""
    return bare(mailbox).rpartition("@")[2].lower()


def mailboxes(given: Any, field: str) -> list[str]:
    """What a field holds, one or several, as a list. Raises Resend's refusal of what is no address."""
    found = [given] if isinstance(given, str) else [*(given or ())]
    for one in found:
        if not isinstance(one, str) or not bare(one):
            raise wrong(field)
    if len(found) > MOST:
        raise Refusal(422, "validation_error", f"The `{field}` field must not have more than {MOST} recipients.")
    return found


def sender(given: str) -> str:
    """The `from` of a mail. Raises Resend's refusal."""
    if not bare(given):
        raise wrong("from")
    return given


def wrong(field: str) -> Refusal:
    """What Resend says of a mailbox that is none."""
    return Refusal(
        422,
        "validation_error",
        f"Invalid `{field}` field. The email address needs to follow the `email@example.com` or "
        "`Name <email@example.com>` format.",
    )


def meaning(mailbox: str) -> str:
    """What one of Resend's own test addresses stands for (`bounced+label@resend.dev`); "" for any other address."""
    local, _, host = bare(mailbox).lower().rpartition("@")
    what = local.partition("+")[0]
    return what if host == OWN and what in {"delivered", "bounced", "complained", "suppressed"} else ""
