"""A world's record over the API: its calls in pages, one call, and the report."""

import re
from dataclasses import dataclass

from childproof.ledger import Filter, Mark, entry_line
from childproof.world.written import read_time

from . import messages, messages_record
from .desk import Desk
from .finding import call_of, invalid
from .operation import Answer, Asked, Operation
from .reader import reading

_UNKNOWN = "no such world"
_PROTOCOLS = messages_record.PROTOCOLS
_MARK = re.compile(messages_record.EVENT_ID)
_TRACE = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Calls:
    """The operations, over a desk."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Their table."""
        return [
            Operation(
                "GET", "/v1/worlds/{world}/calls", "listCalls", "A world's calls, those that it inherited included", self.list,
                query=messages_record.CallsQuery, answer=messages_record.Calls,
                problems={404: "no such world, or no call of `trace`"}, gives={"call": "$response.body#/calls/0/id"},
                about="Oldest first, in pages: `next` is the `after` of the page that follows. What chooses calls is that of "
                "`childproof log`.",
            ),
            Operation(
                "GET", "/v1/worlds/{world}/calls/{call}", "getCall", "One call, by its number or id", self.get,
                answer=messages_record.Line, problems={404: "no such world or call"},
                about="With request, reply, verdict and changes; the keys stand in docs/ledger.md.",
            ),
            Operation(
                "GET", "/v1/worlds/{world}/report", "getReport", "What a world's calls came to, as `--report json` has it",
                self.report, answer=messages.Json, problems={404: _UNKNOWN, 409: "too many calls for a store in memory"},
                about="Counts by service, verdict and outcome; the keys stand in docs/ledger.md.",
            ),
        ]  # fmt: skip

    def list(self, asked: Asked) -> messages_record.Calls:
        """GET /v1/worlds/{world}/calls."""
        world, query = self.desk.known(asked.path["world"]), asked.query
        found = [*self.desk.ledger.entries(
            world=world, after_seq=query.after, only=filter_of(self.desk, world, query), limit=query.limit + 1
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


def filter_of(desk: Desk, world: str, query: messages_record.Only) -> Filter:
    """A query's filter. Raises Problem for what none could mean, and for a trace of a call that isn't there."""
    protocols = () if query.protocol is None else tuple(query.protocol.split(","))
    for one in protocols:
        if one not in _PROTOCOLS:
            invalid("?protocol", repr(one), f"one of {', '.join(_PROTOCOLS)}", "http,smtp")
    since = None
    if query.since is not None:
        try:
            since = read_time(query.since)
        except ValueError:
            invalid("?since", repr(query.since), "a time", "2026-01-05T09:00:00Z")
    trace = query.trace
    if trace is not None and not _TRACE.fullmatch(trace):
        trace = call_of(desk, world, trace).trace
    return Filter(query.verdict, query.service, query.fidelity, since, query.path, query.entity, protocols, trace)


def mark_of(text: str) -> Mark | None:
    """What an event's id means; None for what is none."""
    if not _MARK.fullmatch(text):
        return None
    position, _, number = text.partition("-")
    return Mark(int(position), int(number))
