"""What a world file plants of mail: mailboxes, empty or with the messages that already came."""

from dataclasses import dataclass
from typing import Any, Literal

from childproof.stubkit import SeedContext, Seeding, Span, seeds

from .mail import mailbox

_BATCH = 50  # mailboxes made in one step
_SENDER = "hello@shop.example"


@dataclass(frozen=True)
class Mailbox:
    """A mailbox, and whose it is."""

    address: str
    name: str | None = None


@dataclass(frozen=True)
class Message:
    """A message that already came, `ago` before the world's start: to one address, to several, or to all people.

    `{name}`, `{first_name}` and `{email}` in its texts are those of the person.
    """

    subject: str
    to: str | list[str]
    text: str = ""
    from_: str = _SENDER
    ago: Span = "1d"


@seeds("mailboxes")
def mailboxes(seeding: Seeding, options: Literal["people"] | list[Mailbox]) -> None:
    """A mailbox each: `childproof mail boxes` lists it, whether anything lies in it or not."""
    if isinstance(options, list):
        for place, box in enumerate(options):
            seeding.first(_boxes([(box.address, box.name or "")]), place)
        return
    if not len(seeding.people):
        raise seeding.refuse("mailboxes of people, of whom there are none", "people beside it", "people: 100")
    for start in range(0, len(seeding.people), _BATCH):
        seeding.first(_boxes([(person.email, person.name) for person in seeding.people[start : start + _BATCH]]))


@seeds("messages")
def messages(seeding: Seeding, options: list[Message]) -> None:
    """Messages by the same way as any other: taken apart, under each recipient, and as they came."""
    for message in options:
        time = seeding.ago(message.ago)
        if message.to != "people":
            to = [message.to] if isinstance(message.to, str) else message.to
            seeding.at(time, _message(message, to, message.subject, message.text))
            continue
        if not len(seeding.people):
            raise seeding.refuse("messages to people, of whom there are none", "people beside it", "people: 100")
        for person in seeding.people:
            words = {"name": person.name, "first_name": person.first_name, "email": person.email}
            seeding.at(
                time, _message(message, [person.email], _filled(message.subject, words), _filled(message.text, words))
            )


def _boxes(boxes: list[tuple[str, str]]) -> Any:
    def step(ctx: SeedContext) -> None:
        for address, name in boxes:
            ctx.create("mailbox", address=mailbox(address), name=name)

    return step


def _message(message: Message, to: list[str], subject: str, text: str) -> Any:
    def step(ctx: SeedContext) -> None:
        ctx.receive(message.from_, to, f"From: {message.from_}\nTo: {', '.join(to)}\nSubject: {subject}\n\n{text}\n")

    return step


def _filled(text: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        text = text.replace("{" + name + "}", value)
    return text
