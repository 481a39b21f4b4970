"""The mail that a world would have sent."""

import base64
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from childproof.client import Client
from childproof.control.mailboxes import SERVICE

from .hiding import raised_on_purpose
from .tables import aligned

__tracebackhide__ = raised_on_purpose
_MOST = 20  # mails in a message


class Attachment(msgspec.Struct, frozen=True):
    """What was attached; `content` is fetched when it is asked for."""

    filename: str
    type: str
    size: int
    id: str
    client: Client
    world: str

    @property
    def content(self) -> bytes:
        """Its bytes."""
        return base64.b64decode(self.client.entity(self.world, SERVICE, "attachment", self.id)["content"])


class Message(msgspec.Struct, frozen=True):
    """One mail. `to` are the envelope's recipients, hidden ones too; `text` and `html` are None where it has none."""

    sender: str
    to: tuple[str, ...]
    subject: str
    text: str | None
    html: str | None
    attachments: tuple[Attachment, ...]
    value: dict[str, Any]

    def __repr__(self) -> str:
        return f"<mail to {', '.join(self.to)}: {self.subject!r}>"


class Mail:
    """A world's mail, oldest first: a sequence of messages, read anew each time."""

    def __init__(self, client: Client, world: str) -> None:
        self._client = client
        self._world = world

    def __repr__(self) -> str:
        """What a failed `assert len(world.mail) == 2` shows."""
        mails = self.all()
        shown = ", ".join(map(repr, mails[-_MOST:]))
        return f"<mail: {f'… and {shown}' if len(mails) > _MOST else shown or 'none'}>"

    def __iter__(self) -> Iterator[Message]:
        return iter(self.all())

    def __len__(self) -> int:
        return len(self.all())

    def __bool__(self) -> bool:
        return bool(self.all())

    def __getitem__(self, place: int) -> Message:
        return self.all()[place]

    def all(self) -> list[Message]:
        """Every message."""
        return [self._message(value) for value in self._client.entities(self._world, SERVICE, "message")]

    def to(self, address: str) -> list[Message]:
        """Those that went to this address, whatever its case."""
        return [one for one in self.all() if address.casefold() in (to.casefold() for to in one.to)]

    def must_have(
        self,
        *,
        to: str | None = None,
        subject: str | re.Pattern[str] | None = None,
        text: str | re.Pattern[str] | None = None,
        exactly: int | None = None,
        at_least: int = 1,
    ) -> list[Message]:
        """Mails of this kind were sent: to an address, with a subject, with a text within. Raises AssertionError."""
        everything = self.all()
        found = [one for one in everything if _is(one, to, subject, text)]
        if len(found) != exactly if exactly is not None else len(found) < at_least:
            wanted = f"exactly {exactly}" if exactly is not None else f"at least {at_least}"
            raise AssertionError(
                _message(f"expected {wanted} of: {_kind(to, subject, text)}; found {len(found)}", everything)
            )
        return found

    def must_not_have(
        self,
        *,
        to: str | None = None,
        subject: str | re.Pattern[str] | None = None,
        text: str | re.Pattern[str] | None = None,
    ) -> None:
        """No mail of this kind was sent. Raises AssertionError."""
        everything = self.all()
        if found := [one for one in everything if _is(one, to, subject, text)]:
            raise AssertionError(_message(f"expected none of: {_kind(to, subject, text)}; found {len(found)}", found))

    def _message(self, value: dict[str, Any]) -> Message:
        parts = tuple(
            Attachment(part["filename"] or "", part["type"], part["size"], part["id"], self._client, self._world)
            for part in value["attachments"]
        )
        sender = value["from"][0]["address"] if value["from"] else value["envelope"]["from"]
        to = tuple(value["envelope"]["to"])
        return Message(sender, to, value["subject"] or "", value["text"], value["html"], parts, value)


def _is(
    one: Message, to: str | None, subject: str | re.Pattern[str] | None, text: str | re.Pattern[str] | None
) -> bool:
    bodies = [body for body in (one.text, one.html) if body is not None]
    return (
        (to is None or to.casefold() in (address.casefold() for address in one.to))
        and (
            subject is None
            or (subject == one.subject if isinstance(subject, str) else bool(subject.search(one.subject)))
        )
        and (text is None or any(text in body if isinstance(text, str) else text.search(body) for body in bodies))
    )


def _kind(to: str | None, subject: Any, text: Any) -> str:
    parts = [("to", to), ("subject", subject), ("text", text)]
    named = [
        f"{name} {value.pattern if isinstance(value, re.Pattern) else value!r}"
        for name, value in parts
        if value is not None
    ]
    return f"a mail {', '.join(named)}".strip()


def _message(head: str, mails: Sequence[Message]) -> str:
    if not mails:
        return f"{head}\n\n  no mail was sent in this world"
    rows = [("from", "to", "subject"), *((one.sender, ", ".join(one.to), one.subject) for one in mails[-_MOST:])]
    more = [f"  … and {len(mails) - _MOST} before them"] if len(mails) > _MOST else []
    return "\n".join([head, "", *more, *(f"  {line}" for line in aligned(rows))])
