"""`Client`: each operation of the control API as a method. docs/api.md says what they do; names here follow it."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlencode

import msgspec

from childproof.control import messages as told
from childproof.control import messages_record as record
from childproof.control import messages_rules as ruled

from .errors import ControlError

if TYPE_CHECKING:
    import http.client

    from .events import Event
    from .wire import Received

TIMEOUT = 30.0  # seconds
_encode = msgspec.json.Encoder().encode
_PAGE = 500  # calls that a page is asked to have
Json = dict[str, Any]


class Client:
    """A server's control API: `unix:PATH`, `http://HOST:PORT`. Threads may share one; `with` closes its connections.

    Every method raises ControlError where the server refuses or doesn't answer; then nothing was changed. Worlds are named
    as everywhere (`try/3`). Values without a type of their own are JSON as docs/api.md has it.
    """

    def __init__(self, url: str, *, token: str | None = None, timeout: float = TIMEOUT) -> None:
        from .wire import Wire  # noqa: PLC0415 (http.client: 25 ms, for those who ask something)

        self.url = url
        self.token = token
        self._wire = Wire(url, token, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections. The client can still be used: it opens others."""
        self._wire.close()

    # --- the server

    def health(self) -> told.Health:
        """Whether it lives."""
        return self._ask("GET", "/v1/health", told.Health)

    def ready(self) -> told.Ready:
        """Whether it serves. Raises ControlError (503) where it doesn't yet, or not any more."""
        return self._ask("GET", "/v1/ready", told.Ready)

    # --- worlds

    def worlds(self) -> list[told.World]:
        """All worlds."""
        return self._ask("GET", "/v1/worlds", told.Worlds).worlds

    def world(self, name: str) -> told.World:
        """One world's place among the others."""
        return self._ask("GET", _world(name), told.World)

    def create(
        self,
        name: str,
        *,
        seed: int = 0,
        clock: str = "real",
        from_: str | None = None,
        at: str | int | None = None,
        file: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> told.World:
        """Make a world: empty, a fork of another (`from_`, `at`), or what a world file's text plants (`file`)."""
        body = {"name": name, "from": from_, "at": at, "seed": seed, "clock": clock, "file": file, "metadata": metadata}
        return self._ask("POST", "/v1/worlds", told.World, _given(body))

    def fork(
        self, world: str, name: str, *, at: str | int | None = None, metadata: Mapping[str, str] | None = None
    ) -> told.World:
        """A new world that goes on where `world` is, or was."""
        body = _given({"name": name, "at": at, "metadata": metadata})
        return self._ask("POST", f"{_world(world)}/fork", told.World, body)

    def reset(self, world: str, *, at: str | int | None = None) -> told.Undone:
        """Back to where it was forked from, or to its beginning; or to after a call of its own (`at`)."""
        return self._ask("POST", f"{_world(world)}/reset", told.Undone, _given({"at": at}))

    def delete(self, world: str, *, with_children: bool = False) -> list[str]:
        """Delete a world; the names of those that are gone."""
        return self._ask("DELETE", _path(_world(world), with_children=with_children), told.Deleted).deleted

    def diff(self, world: str, *, other: str | None = None, at: str | int | None = None) -> Json:
        """What `world` holds otherwise than `other`, or than it did itself at a call; than its parent, without both."""
        return self._json("GET", _path(f"{_world(world)}/diff", **{"with": other, "at": at}))

    def clock(self, world: str) -> record.ClockState:
        """A world's clock, and what waits for its time."""
        return self._ask("GET", f"{_world(world)}/clock", record.ClockState)

    def advance(self, world: str, duration: str) -> record.ClockMoved:
        """Let time pass (`30d`): what was scheduled until then is done, in order."""
        return self._ask("PATCH", f"{_world(world)}/clock", record.ClockMoved, {"advance": duration})

    def set_clock(self, world: str, run: str) -> record.ClockMoved:
        """Set a clock: `real`, `frozen@TIME`, `step:1s@TIME`."""
        return self._ask("PATCH", f"{_world(world)}/clock", record.ClockMoved, {"run": run})

    def export(self, world: str) -> str:
        """A world as a YAML file."""
        return self._request("GET", f"{_world(world)}/export").content.decode()

    def import_(self, file: str, *, name: str | None = None) -> told.World:
        """Make the world that a file's text holds; under another name, if one is given."""
        return self._ask("POST", "/v1/worlds/import", told.World, _given({"file": file, "name": name}))

    # --- the record

    def calls(self, world: str, *, after: int | None = None, limit: int | None = None, **only: Any) -> Iterator[Json]:
        """A world's calls, oldest first, as `childproof log --json` has them; pages are fetched as they are read.

        `after` is a call's number, `limit` how many at most; `only` are filters of the API: service, verdict, path and so on.
        """
        left = limit
        while left is None or left > 0:
            size = _PAGE if left is None else min(left, _PAGE)
            page = self._json("GET", _path(f"{_world(world)}/calls", after=after, limit=size, **only))
            yield from page["calls"]
            left = None if left is None else left - len(page["calls"])
            after = page.get("next")
            if after is None:
                return

    def call(self, world: str, call: str) -> Json:
        """One call, by its id or number."""
        return self._json("GET", f"{_world(world)}/calls/{quote(call, safe='')}")

    def events(self, world: str, *, after: str | None = None, **only: Any) -> Iterator["Event"]:
        """A world's entries as they are made. Goes on where it broke off; `after` is an event's id to go on from."""
        from .events import follow  # noqa: PLC0415 (likewise)

        return follow(self._wire, _path(f"{_world(world)}/events", **only), _streamed, after)

    def report(self, world: str) -> Json:
        """What a world's calls came to, as `--report json` has it."""
        return self._json("GET", f"{_world(world)}/report")

    # --- mail and entities

    def mailboxes(self, world: str) -> list[record.Mailbox]:
        """A world's mailboxes."""
        return self._ask("GET", f"{_world(world)}/mailboxes", record.Mailboxes).mailboxes

    def messages(self, world: str, address: str) -> list[Json]:
        """The messages in a mailbox, oldest first."""
        path = f"{_world(world)}/mailboxes/{quote(address, safe='@')}/messages"
        return _listed(self._json("GET", path), "messages")

    def message(self, world: str, address: str, message: str) -> Json:
        """One message."""
        path = f"{_world(world)}/mailboxes/{quote(address, safe='@')}/messages/{quote(message, safe='')}"
        return self._json("GET", path)

    def message_source(self, world: str, address: str, message: str) -> bytes:
        """A message as it came."""
        path = f"{_world(world)}/mailboxes/{quote(address, safe='@')}/messages/{quote(message, safe='')}/raw"
        return self._request("GET", path).content

    def kinds(self, world: str, service: str | None = None) -> list[record.Kind]:
        """What a world holds, or one service in it: kinds of entities, and how many of each."""
        below = "" if service is None else f"/{quote(service, safe='')}"
        return self._ask("GET", f"{_world(world)}/entities{below}", record.Kinds).kinds

    def entities(self, world: str, service: str, kind: str) -> list[Json]:
        """A world's entities of one kind, oldest first."""
        path, found, after = f"{_world(world)}/entities/{quote(service, safe='')}/{quote(kind, safe='')}", [], None
        while True:
            page = self._json("GET", _path(path, after=after, limit=_PAGE))
            found += _listed(page, "entities")
            after = page.get("next")
            if after is None:
                return found

    def entity(self, world: str, service: str, kind: str, id: str) -> Json:  # noqa: A002 (what it is)
        """One entity."""
        place = "/".join(quote(part, safe="") for part in (service, kind, id))
        return self._json("GET", f"{_world(world)}/entities/{place}")

    # --- rules

    def rules(self, world: str | None = None) -> ruled.RulesInForce:
        """The rules of a world, or those of the server; their `etag` is what `put_rules` wants to see."""
        return self._ask("GET", _rules(world), ruled.RulesInForce)

    def put_rules(self, text: str, *, etag: str, world: str | None = None) -> ruled.RulesInForce:
        """Replace rules as a whole; a world gets rules of its own. `*` is any etag.

        Raises ControlError: 412 where somebody else was quicker, 422 with every fault.
        """
        return self._ask("PUT", _rules(world), ruled.RulesInForce, {"text": text}, {"if-match": etag})

    def delete_rules(self, world: str) -> None:
        """Judge a world by the server's rules again."""
        self._request("DELETE", _rules(world))

    def check_rules(self, text: str) -> int:
        """How many rules a text has that would do. Raises ControlError (422) with every fault."""
        return self._ask("POST", "/v1/rules/check", ruled.Checked, {"text": text}).rules

    def explain(
        self, call: str | ruled.WrittenCall, *, world: str | None = None, text: str | None = None
    ) -> ruled.Explained:
        """What rules make of a call, and why: the server's, a world's, or those of a text."""
        body = _given({"call": call, "world": world, "text": text})
        return self._ask("POST", "/v1/rules/explain", ruled.Explained, body)

    # --- stubs

    def stubs(self) -> list[ruled.Stub]:
        """The stubs of the server."""
        return self._ask("GET", "/v1/stubs", ruled.Stubs).stubs

    def stub(self, name: str) -> ruled.Stub:
        """One stub."""
        return self._ask("GET", f"/v1/stubs/{quote(name, safe='')}", ruled.Stub)

    def coverage(self, name: str) -> ruled.StubCoverage:
        """A stub's operations by fidelity."""
        return self._ask("GET", f"/v1/stubs/{quote(name, safe='')}/coverage", ruled.StubCoverage)

    # --- sandboxes

    def sandboxes(self) -> list[Json]:
        """The sandboxes that there are."""
        return _listed(self._json("GET", "/v1/sandboxes"), "sandboxes")

    def create_sandbox(self, **wanted: Any) -> Json:
        """A world and its listeners: `world` or `from_`, `seed`, `clock`, `rules`, `ttl` in seconds, `listen`, `sealed`."""
        wanted = {name.rstrip("_"): value for name, value in wanted.items()}
        return self._json("POST", "/v1/sandboxes", _given(wanted))

    def sandbox(self, id: str) -> Json:  # noqa: A002 (what it is)
        """One sandbox."""
        return self._json("GET", f"/v1/sandboxes/{quote(id, safe='')}")

    def renew(self, id: str) -> Json:  # noqa: A002 (what it is)
        """Let a sandbox live for its time to live again."""
        return self._json("POST", f"/v1/sandboxes/{quote(id, safe='')}/renew")

    def delete_sandbox(self, id: str, *, keep: bool = False) -> None:  # noqa: A002 (what it is)
        """Close a sandbox's listeners and connections; its world goes with it, if it made it, but for `keep`."""
        self._request("DELETE", _path(f"/v1/sandboxes/{quote(id, safe='')}", keep=keep))

    def report_sandbox(
        self,
        id: str,  # noqa: A002 (what it is)
        *,
        width: int | None = None,
        colours: bool = False,
        server: str | None = None,
    ) -> Json:
        """What a sandbox's calls came to: `report`, the same as `text` of that width, and what is `incomplete`."""
        path = f"/v1/sandboxes/{quote(id, safe='')}/report"
        return self._json("GET", _path(path, width=width, colours=colours, server=server))

    # --- within

    def _request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> "Received":
        received = self._wire.request(method, path, None if body is None else _encode(body), headers)
        if received.status >= 300:
            raise _problem(received.status, received.content, self.url)
        return received

    def _json(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Json:
        found: Json = msgspec.json.decode(self._request(method, path, body, headers).content)
        return found

    def _ask[T](
        self, method: str, path: str, kind: type[T], body: Any = None, headers: Mapping[str, str] | None = None
    ) -> T:
        return msgspec.json.decode(self._request(method, path, body, headers).content, type=kind)


def _world(name: str) -> str:
    return f"/v1/worlds/{quote(name.replace('/', ':'), safe=':')}"


def _rules(world: str | None) -> str:
    return "/v1/rules" if world is None else f"{_world(world)}/rules"


def _given(values: Mapping[str, Any]) -> Json:
    """A body without what was left out."""
    return {name: value for name, value in values.items() if value is not None}


def _path(path: str, /, **query: Any) -> str:
    given = {name: _word(value) for name, value in query.items() if value is not None and value is not False}
    return f"{path}?{urlencode(given)}" if given else path


def _word(value: Any) -> str:
    return "true" if value is True else ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _listed(page: Json, name: str) -> list[Json]:
    return list(page[name])


def _streamed(response: "http.client.HTTPResponse") -> ControlError:
    return _problem(response.status, response.read(), "the server")


def _problem(status: int, content: bytes, url: str) -> ControlError:
    try:
        problem = msgspec.json.decode(content, type=told.Problem)
    except msgspec.DecodeError:
        return ControlError(
            status, "foreign", f"{url} answered {status}, and not as childproof does; is it the address of --control?"
        )
    return ControlError(status, problem.type.rpartition("#")[2], problem.detail, problem.errors)
