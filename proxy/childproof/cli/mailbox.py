"""The mail that the email stub keeps in a world, read back."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import msgspec

from childproof.control import mailboxes
from childproof.control.mailboxes import SERVICE
from childproof.errors import ChildproofError
from childproof.model.text import printable_json

from .records import Records


class Message(msgspec.Struct, frozen=True):
    """A stored message with its place: `number` counts from 1 in the order in which the world got them."""

    world: str
    number: int
    value: dict[str, Any]

    @property
    def recipients(self) -> str:
        """Who would have got it, by the envelope."""
        return ", ".join(self.value["envelope"]["to"])

    @property
    def sender(self) -> str:
        """Who says to have sent it: the header, else the envelope."""
        return addresses(self.value["from"]) or self.value["envelope"]["from"]


def messages(records: Records, world: str, to: str | None = None) -> Iterator[Message]:
    """A world's messages in the order in which they came; with `to`, only what lies in that mailbox."""
    for number, value in mailboxes.messages(held(records, world), to):
        yield Message(world, number, value)


def held(records: Records, world: str) -> mailboxes.Held:
    """What a world keeps of mail, by kind."""
    return lambda kind: records.held(world, SERVICE, kind)


def find(records: Records, wanted: str, world: str | None) -> Message:
    """The message meant by a number or the beginning of an id. Raises ChildproofError where it is none, or several."""
    names = [world] if world is not None else records.names()
    known = [message for name in names for message in messages(records, name)]
    if wanted.isdecimal():
        found = [message for message in known if message.number == int(wanted)]
    else:
        found = [message for message in known if message.value["id"].startswith(wanted) and wanted]
        found = [message for message in found if message.value["id"] == wanted] or found
    if len(found) == 1:
        return found[0]
    if not found:
        where = f"world {world}" if world is not None else f"worlds: {', '.join(names) or 'none'}"
        raise ChildproofError(f"there is no message {wanted!r} ({where}); `childproof mail` lists them")
    some = "\n".join(f"  {message.world}  {message.number}  {message.value['id']}" for message in found[:10])
    raise ChildproofError(f"{wanted!r} is {len(found)} messages; add --world, or write more of an id:\n{some}")


def content_of(records: Records, message: Message, part: int) -> bytes:
    """The content of attachment `part`, counted from 1. Raises ChildproofError where there is none."""
    listed = message.value["attachments"]
    if part > len(listed):
        raise ChildproofError(f"message {message.number} has {len(listed)} attachments, there is no part {part}")
    stored = records.entity(message.world, SERVICE, "attachment", listed[part - 1]["id"])
    if stored is None:
        raise ChildproofError(f"the content of part {part} is not in the world any more")
    return base64.b64decode(stored["content"])


def source_of(records: Records, message: Message) -> bytes:
    """The message as it came."""
    stored = records.entity(message.world, SERVICE, "source", message.value["id"])
    if stored is None:
        raise ChildproofError(f"the source of message {message.number} is not in the world any more")
    return mailboxes.source(stored)


def as_line(message: Message) -> str:
    """A message as one JSON object, with its world and number."""
    line = json.dumps({"world": message.world, "number": message.number, **message.value}, ensure_ascii=False)
    return printable_json(line)


def addresses(found: list[dict[str, str]]) -> str:
    """Addresses as a header has them."""
    return ", ".join(f"{one['name']} <{one['address']}>" if one["name"] else one["address"] for one in found)
