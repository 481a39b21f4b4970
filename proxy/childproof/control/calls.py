"""A world's record over the API: its calls in pages, one call, and the report."""

import re
from itertools import takewhile

import msgspec

from childproof.ledger import Filter, Mark, entry_line
from childproof.world.written import read_time

from . import messages, messages_record
from .desk import Desk
from .finding import call_of, invalid
from .operation import Answer, Asked, Operation
from .problems import not_found
from .reader import reading

_UNKNOWN = "no such world"
_PROTOCOLS = messages_record.PROTOCOLS
_MARK = re.compile(messages_record.EVENT_ID)
_TRACE = re.compile(r"[0-9a-f]{32}")


class Calls(msgspec.Struct, frozen=True):
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
                "GET", "/v1/calls", "listAllCalls", "The calls of all worlds, in the order of the record", self.list_all,
                query=messages_record.AllCallsQuery, answer=messages_record.Calls, problems={404: "no call of `trace`"},
                gives={"beginning": "$response.body#/calls/0/id"},
                about="In pages as those of one world, whose numbers say nothing here: `next` is a place in the record.",
            ),
            Operation(
                "GET", "/v1/calls/{beginning}", "findCalls", "The calls of all worlds that an id may mean", self.find,
                answer=messages_record.Calls, problems={404: "no such call"},
                about="Those whose id begins so, the newest first, at most ten.",
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
        only, entries = filter_of(self.desk, world, query), self.desk.ledger.entries
        if query.last is not None:
            newest = entries(world=world, after_seq=query.after, only=only, last=query.last)
            return messages_record.Calls([*map(entry_line, newest)], None)
        page = [*entries(world=world, after_seq=query.after, only=only, limit=query.limit)]
        if len(page) < query.limit:
            return messages_record.Calls([*map(entry_line, page)], None)
        # What shares a number stays together, however much that is: the next page begins after it.
        last = page[-1].seq
        rest = entries(world=world, after_seq=last - 1, only=only)
        page = [entry for entry in page if entry.seq != last] + [*takewhile(lambda entry: entry.seq == last, rest)]
        more = next(iter(entries(world=world, after_seq=last, only=only, limit=1)), None)
        return messages_record.Calls([*map(entry_line, page)], None if more is None else last)

    def list_all(self, asked: Asked) -> messages_record.Calls:
        """GET /v1/calls."""
        query: messages_record.AllCallsQuery = asked.query
        only = filter_of(self.desk, None, query)
        if query.last is not None:
            newest = self.desk.ledger.entries(after=query.after, only=only, last=query.last)
            return messages_record.Calls([*map(entry_line, newest)], None)
        found = self.desk.ledger.placed(after=query.after, only=only, limit=query.limit + 1)
        page = found[: query.limit]
        return messages_record.Calls(
            [entry_line(entry) for _, entry in page], page[-1][0] if len(found) > query.limit else None
        )

    def find(self, asked: Asked) -> messages_record.Calls:
        """GET /v1/calls/{beginning}."""
        found = self.desk.ledger.find(asked.path["beginning"])
        if not found:
            raise not_found("call", asked.path["beginning"], "GET /v1/calls lists them", pointer="beginning")
        return messages_record.Calls([*map(entry_line, found)], None)

    def get(self, asked: Asked) -> Answer:
        """GET /v1/worlds/{world}/calls/{call}."""
        world = self.desk.known(asked.path["world"])
        return Answer(entry_line(call_of(self.desk, world, asked.path["call"])))

    async def report(self, asked: Asked) -> Answer:
        """GET /v1/worlds/{world}/report."""
        world = self.desk.known(asked.path["world"])
        return Answer(await reading(self.desk, world, lambda store, ledger: self.desk.report(store, ledger, world)))


def filter_of(desk: Desk, world: str | None, query: messages_record.Only) -> Filter:
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
        trace = call_of(desk, world, trace, "?trace").trace
    return Filter(query.verdict, query.service, query.fidelity, since, query.path, query.entity, protocols, trace)


def mark_of(text: str) -> Mark | None:
    """What an event's id means; None for what is none."""
    if not _MARK.fullmatch(text):
        return None
    position, _, number = text.partition("-")
    return Mark(int(position), int(number))
