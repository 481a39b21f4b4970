"""What goes over the wire about a world's record and what it holds."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from .messages import ClockText, Given, Json, Place, Time, Told, WorldName

Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Limit = Annotated[int, Meta(ge=1, le=1000)]
Word = Annotated[str, Meta(max_length=1000)]
Duration = Annotated[
    str,
    Meta(
        max_length=100,
        examples=["30d"],
        extra_json_schema={"format": "childproof-duration", "pattern": "^(?:[0-9]{1,16}(?:ms|s|m|h|d|w))+$"},
    ),
]
# model.Protocol's and the ledger's own, without what those import.
PROTOCOLS = ("http", "smtp", "dns", "tcp", "udp", "websocket", "ip", "clock")
_PROTOCOL = "|".join(PROTOCOLS)
Protocols = Annotated[
    str,
    Meta(
        max_length=1000,
        examples=["http,smtp"],
        extra_json_schema={"pattern": f"^(?:{_PROTOCOL})(?:,(?:{_PROTOCOL}))*$"},
    ),
]
Line = Annotated[Json, Meta(description="an entry of the ledger, as `childproof schema ledger` has it")]
EVENT_ID = "^[0-9]{1,18}-[0-9]{1,18}$"
WebhookState = Literal["waiting", "delivered", "failed", "refused", "canceled"]
Verdict = Literal["stub", "reply", "allow", "deny"]
Fidelity = Literal["modelled", "generic", "synthesized", "gap"]


class Only(Given, frozen=True):
    """Which calls."""

    verdict: Verdict | None = None
    service: Annotated[Word | None, Meta(description="a stub's name, or a host")] = None
    fidelity: Fidelity | None = None
    since: Annotated[Time | None, Meta(description="real time in RFC 3339: not those before")] = None
    path: Annotated[Word | None, Meta(description="a glob: `*` is within a segment, `**` any number of them")] = None
    entity: Annotated[Word | None, Meta(description="the id of something that a call changed or told of")] = None
    protocol: Annotated[Protocols | None, Meta(description="with `,` between several")] = None
    trace: Annotated[
        Word | None, Meta(description="what follows from one call: 32 hexadecimal digits, or any call of the trace")
    ] = None


class EventsQuery(Only, frozen=True):
    """Which entries, and whether to wait for more of them."""

    follow: Annotated[bool, Meta(description="false: end when all that is there was sent")] = True


class CallsQuery(Only, frozen=True):
    """A page of calls: those after a number."""

    after: Annotated[Number, Meta(description="a call's number; `next` of the page before")] = 0
    limit: Limit = 100
    last: Annotated[Limit | None, Meta(description="instead of a page: the newest ones, so many")] = None


class AllCallsQuery(Only, frozen=True):
    """A page of the calls of all worlds."""

    after: Annotated[Number, Meta(description="`next` of the page before")] = 0
    limit: Limit = 100
    last: Annotated[Limit | None, Meta(description="instead of a page: the newest ones, so many")] = None


class Calls(Told, frozen=True):
    """A page, oldest first; `next` is the `after` of the page that follows, null on the last one."""

    calls: list[Line]
    next: int | None


class DiffQuery(Given, frozen=True):
    """With another world, or with what the world itself was after a call; by default with where it began."""

    with_: Annotated[WorldName | None, Meta(description="another world")] = msgspec.field(name="with", default=None)
    at: Annotated[
        Place,
        Meta(description="a call's number or id, or a time: of `with`, where that is given, else of the world itself"),
    ] = None


class ClockState(Told, frozen=True):
    """How time passes in a world; `now` is its time."""

    run: Literal["real", "frozen", "step"]
    start: Time | None
    step: int
    now: Time
    scheduled: Annotated[int, Meta(description="jobs that wait for their time")]
    webhooks: Annotated[int, Meta(description="webhooks that are to be sent")]


class ClockChange(Given, frozen=True):
    """One of the two."""

    advance: Annotated[Duration | UnsetType, Meta(description="let time pass: 30d, 12h, 1d12h")] = UNSET
    run: Annotated[ClockText | UnsetType, Meta(description="real, frozen@TIME or step:1s@TIME")] = UNSET


class ClockMoved(ClockState, frozen=True):
    """A clock after a change: how many jobs were done on the way, and how many of them failed."""

    jobs: int = 0
    failed: int = 0


class NewFile(Given, frozen=True):
    """A file of `childproof world export` or of GET …/export."""

    file: Annotated[str, Meta(min_length=1, extra_json_schema={"format": "childproof-export"})]
    name: Annotated[WorldName | None, Meta(description="instead of the name in the file")] = None


class Mailbox(Told, frozen=True):
    """An address, whose it is, and how many messages lie there."""

    address: str
    name: str
    messages: int


class Mailboxes(Told, frozen=True):
    """Those that the world was seeded with, then those that came with a message."""

    mailboxes: list[Mailbox]


Message = Annotated[Json, Meta(description="a message, as `childproof mail show --json` has it")]


class Messages(Told, frozen=True):
    """A mailbox's messages, oldest first."""

    messages: list[Message]


class Kind(Told, frozen=True):
    """How many entities there are of a kind."""

    service: str
    kind: str
    count: int


class Kinds(Told, frozen=True):
    """What a world holds; `people` are those that it was seeded with."""

    kinds: list[Kind]
    people: int = 0


class WebhooksQuery(Given, frozen=True):
    """Which webhooks."""

    state: WebhookState | None = None


class Webhook(Told, frozen=True):
    """A webhook: `attempts` were made, `status` and `reason` are the last one's, `next` is when another is due.

    `call` is the entry of the last attempt, `cause` the call that it tells of.
    """

    id: str
    world: str
    service: str
    state: WebhookState
    type: str
    event: str
    url: str
    subscription: str
    attempts: int
    status: int | None
    reason: str
    queued: str
    next: str | None
    call: str | None
    cause: str | None


class Webhooks(Told, frozen=True):
    """A world's webhooks, in the order in which they were queued."""

    webhooks: list[Webhook]


class EntitiesQuery(Given, frozen=True):
    """A page of entities: those after one."""

    after: Annotated[Word | None, Meta(description="an entity's id; `next` of the page before")] = None
    limit: Limit = 100


class Entities(Told, frozen=True):
    """A page in order of creation; `next` is the `after` of the page that follows, null on the last one."""

    entities: list[Json]
    next: str | None
