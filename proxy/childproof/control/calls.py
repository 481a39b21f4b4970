"""A world's record over the API: its calls in pages, one call, and the report."""

from dataclasses import dataclass

from childproof.ledger import ANY, CLOCK, Filter, Mark, entry_line
from childproof.model import Protocol
from childproof.world.written import read_time

from . import messages, messages_record
from .desk import Desk
from .finding import call_of, invalid
from .operation import Answer, Asked, Operation
from .reader import reading

_UNKNOWN = "no such world"
_PROTOCOLS = (*(protocol.value for protocol in Protocol), CLOCK)


@dataclass(frozen=True, slots=True)
class Calls:
    """The operations, over a desk."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Their table."""
        return [
            Operation(
                "GET", "/v1/worlds/{world}/calls", "listCalls", "A world's calls, those that it inherited included", self.list,
                query=messages_record.CallsQuery, answer=messages_record.Calls, problems={404: _UNKNOWN},
            ),
            Operation(
                "GET", "/v1/worlds/{world}/calls/{call}", "getCall", "One call, by its number or id", self.get,
                answer=messages_record.Line, problems={404: "no such world or call"},
            ),
            Operation(
                "GET", "/v1/worlds/{world}/report", "getReport", "What a world's calls came to, as `--report json` has it",
                self.report, answer=messages.Json, problems={404: _UNKNOWN, 409: "too many calls for a store in memory"},
            ),
        ]  # fmt: skip

    def list(self, asked: Asked) -> messages_record.Calls:
        """GET /v1/worlds/{world}/calls."""
        world, query = self.desk.known(asked.path["world"]), asked.query
        found = [*self.desk.ledger.entries(
            world=world, after_seq=query.after, only=filter_of(query), limit=query.limit + 1
        )]  # fmt: skip
        page = found[: query.limit]
        if len(found) > query.limit and page[-1].seq == found[-1].seq:
            page = [entry for entry in page if entry.seq != found[-1].seq] or page  # those of one call stay together
        return messages_record.Calls(
            [entry_line(entry) for entry in page], page[-1].seq if len(found) > query.limit else None
        )

    def get(self, asked: Asked) -> Answer:
        """GET /v1/worlds/{world}/calls/{call}."""
        world = self.desk.known(asked.path["world"])
        return Answer(entry_line(call_of(self.desk, world, asked.path["call"])))

    async def report(self, asked: Asked) -> Answer:
        """GET /v1/worlds/{world}/report."""
        world = self.desk.known(asked.path["world"])
        return Answer(await reading(self.desk, world, lambda store, ledger: self.desk.report(store, ledger, world)))


def filter_of(query: messages_record.Only) -> Filter:
    """A query's filter. Raises Problem for what none could mean."""
    protocols = tuple(filter(None, (query.protocol or "").split(",")))
    for one in protocols:
        if one not in _PROTOCOLS:
            invalid("?protocol", repr(one), f"one of {', '.join(_PROTOCOLS)}")
    since = None
    if query.since is not None:
        try:
            since = read_time(query.since)
        except ValueError:
            invalid("?since", repr(query.since), "a time", "2026-01-05T09:00:00Z")
    if query == messages_record.Only():
        return ANY
    return Filter(query.verdict, query.service, query.fidelity, since, query.path, query.entity, protocols, query.trace)


def mark_of(text: str) -> Mark | None:
    """What an event's id means; None for what is none."""
    position, dash, number = text.partition("-")
    if not dash or not (position.isascii() and position.isdecimal() and number.isascii() and number.isdecimal()):
        return None
    return Mark(min(int(position[:18]), 2**62), min(int(number[:18]), 2**62))
