"""What is in worlds: their calls, as they are made and afterwards, their mail, their entities."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from childproof.control import messages_record as record
from childproof.control.messages import Json

from .asking import PAGE, Asking, asked, below, foreign, refusal, world_path

if TYPE_CHECKING:
    import http.client

    from .errors import ControlError
    from .events import Event

__tracebackhide__ = True
_MOST = 1000  # calls that a page can have


class Record(Asking):
    """The operations that read a world. `NotFoundError` is raised by all of them where it isn't there."""

    def calls(
        self, world: str | None, *, after: int | None = None, limit: int | None = None, **only: Any
    ) -> Iterator[Json]:
        """A world's calls, oldest first, as `childproof log --json` has them; pages are fetched as they are read. None: of all.

        `after` is a call's number, `limit` how many at most; `only` are filters of the API: service, verdict, path and so on.
        """
        left = limit
        while left is None or left > 0:
            size = PAGE if left is None else min(left, PAGE)
            page = self._ask("GET", asked(f"{_of(world)}/calls", after=after, limit=size, **only), record.Calls)
            yield from page.calls
            left = None if left is None else left - len(page.calls)
            if page.next is None:
                return
            if page.next <= (after or 0):  # a page that leads back would be read for ever
                raise foreign(200, f"{self.url} gives the same calls again")
            after = page.next

    def newest_calls(self, world: str | None, last: int, **only: Any) -> list[Json]:
        """The newest calls of a world, or of all, so many at most; oldest first."""
        if last > _MOST:
            return [*self.calls(world, **only)][-last:]
        return self._ask("GET", asked(f"{_of(world)}/calls", last=last, **only), record.Calls).calls if last > 0 else []

    def find_calls(self, beginning: str) -> list[Json]:
        """The calls of all worlds whose id begins so (`call_` may be left out), the newest first, at most ten.

        Raises NotFoundError where there is none.
        """
        return self._ask("GET", below("/v1/calls", beginning), record.Calls).calls

    def call(self, world: str, call: str | int) -> Json:
        """One call, by its id or number; keys as docs/ledger.md has them."""
        return self._json("GET", below(f"{world_path(world)}/calls", str(call)))

    def events(self, world: str | None, *, after: str | None = None, **only: Any) -> Iterator["Event"]:
        """A world's entries from now on, or those of all, as they are made; `after` is the `id` of an event to go on from.

        The stream is opened by this call, on a connection of its own, and goes on where it broke off, nothing lost and nothing
        twice. It ends with the world, whose last event is `deleted`. Raises TooManyError where there are too many streams,
        UnreachableError when the server has been gone for some seconds.
        """
        from .events import follow  # noqa: PLC0415 (http.client: 25 ms, for those who ask something)

        return follow(self._wire, asked(f"{_of(world)}/events", **only), _streamed, after)

    def report(self, world: str) -> Json:
        """What a world's calls came to, as `--report json` has it (docs/configuration.md)."""
        return self._json("GET", f"{world_path(world)}/report")

    def mailboxes(self, world: str) -> list[record.Mailbox]:
        """A world's mailboxes, and how many messages lie in each."""
        return self._ask("GET", f"{world_path(world)}/mailboxes", record.Mailboxes).mailboxes

    def messages(self, world: str, address: str) -> list[Json]:
        """The messages in a mailbox, oldest first; none where nothing came."""
        path = f"{below(f'{world_path(world)}/mailboxes', address)}/messages"
        return self._ask("GET", path, record.Messages).messages

    def message(self, world: str, address: str, message: str) -> Json:
        """One message, by its id."""
        return self._json("GET", _message(world, address, message))

    def message_source(self, world: str, address: str, message: str) -> bytes:
        """A message as it came (message/rfc822)."""
        return self._raw(f"{_message(world, address, message)}/raw", "message/rfc822")

    def webhooks(self, world: str, *, state: str | None = None) -> list[record.Webhook]:
        """A world's webhooks in the order in which they were queued, or those in a state: waiting, delivered, failed and so on."""
        return self._ask("GET", asked(f"{world_path(world)}/webhooks", state=state), record.Webhooks).webhooks

    def redeliver(self, world: str, webhook: str) -> record.Webhook:
        """Have a webhook sent again, whatever became of it: at once where the world has a listener or a sandbox."""
        return self._ask("POST", f"{below(f'{world_path(world)}/webhooks', webhook)}/redeliver", record.Webhook)

    def kinds(self, world: str, service: str | None = None) -> list[record.Kind]:
        """What a world holds, or one service in it: kinds of entities, and how many of each."""
        return self.holdings(world, service).kinds

    def holdings(self, world: str, service: str | None = None) -> record.Kinds:
        """The same, with how many people the world was seeded with."""
        parts = () if service is None else (service,)
        return self._ask("GET", below(f"{world_path(world)}/entities", *parts), record.Kinds)

    def entities(self, world: str, service: str, kind: str) -> list[Json]:
        """A world's entities of one kind, oldest first, as the stub keeps them; all pages are fetched."""
        path, found, after = below(f"{world_path(world)}/entities", service, kind), list[Json](), None
        while True:
            page = self._ask("GET", asked(path, after=after, limit=PAGE), record.Entities)
            found += page.entities
            if page.next is None:
                return found
            if page.next == after or not page.entities:  # a page that leads back would be read for ever
                raise foreign(200, f"{self.url} gives the same entities again")
            after = page.next

    def entity(self, world: str, service: str, kind: str, id: str) -> Json:  # noqa: A002 (what it is)
        """One entity."""
        return self._json("GET", below(f"{world_path(world)}/entities", service, kind, id))


def _of(world: str | None) -> str:
    return "/v1" if world is None else world_path(world)


def _message(world: str, address: str, message: str) -> str:
    return below(f"{below(f'{world_path(world)}/mailboxes', address)}/messages", message)


def _streamed(response: "http.client.HTTPResponse", url: str) -> "ControlError":
    from .wire import WITHIN, whole  # noqa: PLC0415 (loaded by now)

    return refusal(response.status, whole(response, url, within=WITHIN), url)
