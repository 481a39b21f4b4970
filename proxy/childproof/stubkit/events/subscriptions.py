"""Who is told of an event: the entities of a resource that hold webhook subscriptions (`events.subscribe`)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from childproof.world.snapshot import Snapshot
from childproof.world.transaction import Transaction

_ABSENT = object()


class Subscription(msgspec.Struct, frozen=True):
    """Which resource holds subscriptions, and what of its fields (dotted) matters.

    `url` and `types` hold the address and the types that are wanted. Those are left out whose fields don't equal
    `where`, or whose fields don't equal the event's object's as `match` pairs them (`{repository: repository.id}`); those
    of the event itself begin with `event.`. A list of such pairs is met by any of them; there, what neither has isn't equal.
    `tenants` is a field that is true where a tenant's events are wanted instead of one's own.
    """

    resource: str
    url: str = "url"
    types: str = "types"
    where: Mapping[str, Any] = msgspec.field(default_factory=dict)
    match: Mapping[str, str] | Sequence[Mapping[str, str]] = msgspec.field(default_factory=dict)
    tenants: str = ""

    def subscribers(
        self, tx: Transaction, service: str, kind: str, entity: Mapping[str, Any], tenant: str
    ) -> Iterator[tuple[str, str]]:
        """Id and URL of each that wants an event of this type, the oldest first."""
        places = [(self.resource, bool(tenant))] if self.tenants else [(self.resource, False)]
        if tenant:
            places.append((f"{self.resource}@{tenant}", False))
        for place, foreign in places:
            for subscriber_id, subscriber in tx.items(service, place, newest_first=False):
                url = at(subscriber, self.url)
                if (
                    isinstance(url, str)
                    and (not self.tenants or bool(at(subscriber, self.tenants)) is foreign)
                    and self.is_active(subscriber)
                    and self._matches(subscriber, entity)
                    and wants(at(subscriber, self.types), kind)
                ):
                    yield subscriber_id, url

    def _matches(self, subscriber: Mapping[str, Any], entity: Mapping[str, Any]) -> bool:
        if isinstance(self.match, Mapping):
            return all(at(subscriber, mine) == at(entity, theirs) for mine, theirs in self.match.items())
        return any(
            all(at(subscriber, mine) == at(entity, theirs) is not None for mine, theirs in pairs.items())
            for pairs in self.match
        )

    def is_active(self, subscriber: Mapping[str, Any]) -> bool:
        """Whether anything is sent there at all."""
        return all(at(subscriber, path) == value for path, value in self.where.items())

    def found(self, view: Snapshot, service: str, subscriber_id: str, tenant: str = "") -> Mapping[str, Any] | None:
        """A subscription by id, of a tenant or of the key's own."""
        own = view.get(service, self.resource, subscriber_id)
        return own if own is not None or not tenant else view.get(service, f"{self.resource}@{tenant}", subscriber_id)


def at(value: Mapping[str, Any], path: str) -> Any:
    """A field by its dotted path; None where it is missing."""
    node: Any = value
    for step in path.split("."):
        node = node.get(step, _ABSENT) if isinstance(node, Mapping) else _ABSENT
    return None if node is _ABSENT else node


def wants(wanted: Any, kind: str) -> bool:
    """Whether a list of types has this one: by name, by `*`, or by a beginning (`invoice.*`). No list is all of them."""
    if wanted is None:
        return True
    wanted = [wanted] if isinstance(wanted, str) else wanted
    return isinstance(wanted, list) and any(
        one in {"*", kind} or (isinstance(one, str) and one.endswith(".*") and kind.startswith(one[:-1]))
        for one in wanted
    )
