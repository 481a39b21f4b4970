"""A mail on its way out, whichever operation asked for it: what it is made of, before anything is checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parseaddr
from functools import lru_cache
from typing import Any

from childproof.stubkit import Attachment


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be sent. `sender` and the recipients may have names; `raw` is a whole message, if the client wrote one.

    `envelope` are the recipients of a raw message, where they aren't those of its headers.
    """

    sender: str
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    subject: str = ""
    text: str = ""
    html: str = ""
    return_path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    raw: bytes = b""
    configuration_set: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    list_name: str = ""
    topic: str = ""

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody who is to get it, as the client wrote them."""
        return (*self.to, *self.cc, *self.bcc)


def letter(
    body: Mapping[str, Any],
    destination: Mapping[str, Any],
    parts: Mapping[str, str],
    tags: Sequence[Mapping[str, str]],
    *,
    sender: str,
    return_path: str,
    **more: Any,
) -> Letter:
    """A letter of what both APIs' requests call alike; `more` are further fields of it. `parts`: subject, text, html."""
    return Letter(
        sender=sender,
        to=tuple(destination.get("ToAddresses", ())),
        cc=tuple(destination.get("CcAddresses", ())),
        bcc=tuple(destination.get("BccAddresses", ())),
        reply_to=tuple(body.get("ReplyToAddresses", ())),
        subject=parts.get("subject", ""),
        text=parts.get("text", ""),
        html=parts.get("html", ""),
        return_path=return_path,
        configuration_set=body.get("ConfigurationSetName", ""),
        tags=tuple((tag["Name"], tag["Value"]) for tag in tags),
        **more,
    )


@lru_cache(maxsize=4096)
def bare(address: str) -> str:
    """An address without the name before it."""
    return parseaddr(address)[1] or address.strip()
