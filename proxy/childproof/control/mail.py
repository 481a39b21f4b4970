"""The mail that a world would have sent, over the API."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from childproof.world import Snapshot

from . import mailboxes
from . import messages_record as messages
from .desk import Desk
from .mailboxes import SERVICE
from .operation import Answer, Asked, Operation
from .problems import not_found

RAW = "message/rfc822"
_UNKNOWN = {404: "no such world"}


class Mail(msgspec.Struct, frozen=True):
    """The operations, over a desk."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Their table."""
        box = "/v1/worlds/{world}/mailboxes/{address}/messages"
        gone = {404: "no such world or message"}
        return [
            Operation(
                "GET", "/v1/worlds/{world}/mailboxes", "listMailboxes", "A world's mailboxes", self.boxes,
                answer=messages.Mailboxes, problems=_UNKNOWN,
                gives={"address": "$response.body#/mailboxes/0/address"},
                about="Those that it was seeded with, then those that came with a message.",
            ),
            Operation(
                "GET", box, "listMessages", "The messages in a mailbox, oldest first; none where nothing came", self.list,
                answer=messages.Messages, problems=_UNKNOWN, gives={"message": "$response.body#/messages/0/id"},
                about="An address to which nothing was sent has an empty mailbox.",
            ),
            Operation(
                "GET", f"{box}/{{message}}", "getMessage", "One message, by its id", self.get, answer=messages.Message,
                problems=gone, about="Envelope, headers, texts and attachments, as `childproof mail show --json` has it.",
            ),
            Operation(
                "GET", f"{box}/{{message}}/raw", "getMessageSource", "A message as it came", self.raw, media=RAW,
                problems=gone, about="RFC 5322, to the byte.",
            ),
        ]  # fmt: skip

    def boxes(self, asked: Asked) -> messages.Mailboxes:
        """GET /v1/worlds/{world}/mailboxes."""
        world = self.desk.known(asked.path["world"])
        with self.desk.store.known(world).view() as view:
            return messages.Mailboxes([messages.Mailbox(*box) for box in mailboxes.boxes(_held(view))])

    def list(self, asked: Asked) -> messages.Messages:
        """GET …/messages."""
        world = self.desk.known(asked.path["world"])
        with self.desk.store.known(world).view() as view:
            return messages.Messages([*_within(view, world, asked.path["address"])])

    def get(self, asked: Asked) -> Answer:
        """GET …/messages/{message}."""
        return Answer(self._message(asked))

    def raw(self, asked: Asked) -> Answer:
        """GET …/messages/{message}/raw."""
        message = self._message(asked)
        with self.desk.store.known(message["world"]).view() as view:
            stored = view.get(SERVICE, "source", message["id"])
        if stored is None:
            raise not_found("source", message["id"], "it is not in the world any more", pointer="message")
        return Answer(raw=mailboxes.source(stored), media=RAW)

    def _message(self, asked: Asked) -> dict[str, Any]:
        world, wanted = self.desk.known(asked.path["world"]), asked.path["message"]
        with self.desk.store.known(world).view() as view:
            for message in _within(view, world, asked.path["address"]):
                if message["id"] == wanted:
                    return message
        raise not_found("message", wanted, "GET the mailbox's messages lists them")


def _within(view: Snapshot, world: str, address: str) -> Iterator[dict[str, Any]]:
    """The messages of a mailbox, numbered as in the world."""
    for number, value in mailboxes.messages(_held(view), address):
        yield {"world": world, "number": number, **value}


def _held(view: Snapshot) -> mailboxes.Held:
    def held(kind: str) -> Iterable[dict[str, Any]]:
        return view.list(SERVICE, kind, newest_first=False)

    return held
