"""Webhooks that wait to be sent: entities of the world, so that they fork, roll back and survive a restart with it.

Each is a row of its own; beside it, as long as it is to be sent, stands a smaller one with its time.
"""

from collections.abc import Container, Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from childproof.model import replace

from .schedule import DUE, QUEUE
from .snapshot import Snapshot
from .transaction import Transaction

if TYPE_CHECKING:
    from .world import World

KIND = "delivery"
State = Literal["waiting", "delivered", "failed", "refused", "canceled"]


class Delivery(msgspec.Struct, frozen=True):
    """One message to one listener. Times are of the world, in unix milliseconds.

    `at` is when it was queued and `due` when it is to be sent, None once it isn't any more. `subscription` is the id of
    the entity that asked for it, "" where there is none; `secret` stands for that entity's where there is none.
    `last` tells of the last attempt: `at`, `status` (None without a reply), `reason` and `call`, its id.
    """

    id: str
    service: str
    url: str
    type: str
    body: str
    media: str = "application/json"
    event: str = ""
    subscription: str = ""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    secret: str = ""
    tenant: str = ""  # whose event it is, where a service tells apart
    state: State = "waiting"
    attempts: int = 0
    at: int = 0
    due: int | None = None
    trace: str = ""
    cause: str = ""
    last: Mapping[str, Any] | None = None


class Posting(msgspec.Struct, frozen=True):
    """One attempt, ready to be sent: `headers` are all but those of the connection; `timeout` is in ms."""

    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    timeout: int


class Told(msgspec.Struct, frozen=True):
    """What became of an attempt: the listener's status, None where none came, and why not; `refused` for good.

    `failure` says in a word why none came: `timeout`, `tls` or `connection`. `body` is the beginning of what was replied.
    """

    at: int
    status: int | None
    reason: str = ""
    refused: bool = False
    call: str = ""
    failure: str = ""
    body: bytes = b""


def queue(tx: Transaction, service: str, url: str, type: str, body: str, **more: Any) -> Delivery:  # noqa: A002 - the vendors' own word
    """Have a message sent as soon as the call is stored. `more` are further fields of `Delivery`."""
    number = tx.counter(QUEUE, KIND)
    now = tx.now()
    delivery = Delivery(
        f"{KIND}_{number}", service, url, type, body, at=now, due=now, trace=tx.trace, cause=tx.call_id, **more
    )
    keep(tx, delivery)
    return delivery


def keep(tx: Transaction, delivery: Delivery) -> None:
    """Store a delivery as it is now."""
    tx.put(QUEUE, KIND, delivery.id, msgspec.structs.asdict(delivery))
    if delivery.due is None:
        tx.delete(QUEUE, DUE, delivery.id)
    else:
        tx.put(QUEUE, DUE, delivery.id, {"at": delivery.due})
        tx.stir()


def again(tx: Transaction, delivery: Delivery) -> Delivery:
    """Have a delivery sent once more, now, whatever became of it before."""
    renewed = replace(delivery, state="waiting", due=tx.now())
    keep(tx, renewed)
    return renewed


def find(view: Snapshot, delivery_id: str) -> Delivery | None:
    """A delivery by id."""
    value = view.get(QUEUE, KIND, delivery_id)
    return None if value is None else Delivery(**value)


def listed(view: Snapshot) -> list[Delivery]:
    """All deliveries of a world, in the order in which they were queued."""
    return [Delivery(**value) for value in view.list(QUEUE, KIND, newest_first=False)]


def due(world: "World", view: Snapshot, taken: Container[str] = (), most: int = 1000) -> list[Delivery]:
    """Up to so many deliveries whose time has come, the oldest first, without those in `taken`.

    `view` is of the world as it is.
    """
    ids = sorted((one for one in world.agenda(QUEUE, DUE).due(view.now()) if one not in taken), key=_number)
    found = (find(view, delivery_id) for delivery_id in ids[: max(most, 0)])
    return [one for one in found if one is not None]


def _number(delivery_id: str) -> int:
    return int(delivery_id.rpartition("_")[2])
