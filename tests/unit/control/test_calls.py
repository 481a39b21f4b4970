"""A world's calls over the API: pages that lose nothing, and filters that are those of the command line."""

import threading

import click
import msgspec

from childproof.cli.log import log
from childproof.control.messages_record import PROTOCOLS, Only
from childproof.ledger import CLOCK, Filter
from childproof.model import Protocol

from .conftest import Api


def paged(api: Api, world: str, limit: int, **only: object) -> list[int]:
    """The numbers of all calls, a page at a time."""
    numbers: list[int] = []
    after: int | None = 0
    while after is not None:
        page = api.get(f"/worlds/{world}/calls", after=after, limit=limit, **only)
        numbers += [call["seq"] for call in page["calls"]]
        assert page["next"] is None or page["next"] == numbers[-1]
        after = page["next"]
    return numbers


def test_pages_of_any_size_have_every_call_once(api: Api) -> None:
    """In their order, with what was inherited; several entries of one number stay on one page."""
    api.made("paged")
    api.pass_time("paged", 5)
    api.made("paged/fork", **{"from": "paged", "at": 3})
    api.pass_time("paged/fork", 4)
    with api.desk.store.world("paged/fork").transaction() as tx:
        entry = next(iter(api.desk.ledger.entries(world="paged", after_seq=4)))
        for number in range(3):
            changed = msgspec.structs.asdict(entry)
            api.desk.ledger.append(
                type(entry)(**{**changed, "world": "paged/fork", "seq": tx.seq, "id": f"call_same{number}"})
            )
    for limit in (1, 2, 3, 7, 8, 9, 10, 100):
        assert paged(api, "paged:fork", limit) == [1, 2, 3, 4, 5, 6, 7, 8, 8, 8]
    assert paged(api, "paged:fork", 2, protocol="http") == []
    assert paged(api, "paged:fork", 2, protocol="clock,http") == paged(api, "paged:fork", 100)


def test_pages_are_whole_while_calls_are_made(api: Api) -> None:
    """Whoever reads on and on sees each number once, in order, whatever comes meanwhile."""
    api.made("busy")
    world = api.desk.store.world("busy")
    done = threading.Event()

    def write() -> None:
        try:
            for _ in range(60):
                api.desk.engine.passing().set(world, world.clock)
        finally:
            done.set()

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    seen: list[int] = []
    while not done.is_set() or any(writer.is_alive() for writer in writers):
        seen += [call["seq"] for call in api.get("/worlds/busy/calls", after=seen[-1] if seen else 0, limit=7)["calls"]]
    for writer in writers:
        writer.join()
    seen += [number for number in paged(api, "busy", 50) if number > (seen[-1] if seen else 0)]
    assert seen == list(range(1, world.seq + 1))
    assert len(seen) == 120


def test_what_chooses_calls_is_what_the_command_line_has() -> None:
    """Each option of `childproof log` that chooses, each field of the ledger's filter, and all protocols."""
    chosen = set(Filter.__struct_fields__) - {"protocols"} | {"protocol"}
    assert {*Only.__struct_encode_fields__} == chosen
    options = {
        max(option.opts, key=len).removeprefix("--") for option in log.params if isinstance(option, click.Option)
    }
    assert chosen <= options
    assert {*PROTOCOLS} == {*Protocol, CLOCK}


def test_a_trace_is_named_by_any_call_of_it(api: Api) -> None:
    """By its own digits, by an id, or by a number."""
    api.made("traced")
    api.pass_time("traced", 2)
    first = api.get("/worlds/traced/calls/1")
    for name in (first["trace"], first["id"], "1"):
        assert [call["seq"] for call in api.get("/worlds/traced/calls", trace=name)["calls"]] == [1]


def test_times_choose_by_real_time(api: Api) -> None:
    """Any RFC 3339 time, small letters too."""
    api.made("timed")
    api.pass_time("timed")
    for since, count in (("2026-01-05T09:00:00Z", 1), ("2026-01-05t09:00:00z", 1), ("2026-01-05T10:00:01+01:00", 0)):
        assert len(api.get("/worlds/timed/calls", since=since)["calls"]) == count, since


def test_one_call_is_found_by_number_and_id(api: Api) -> None:
    """Both give the same."""
    api.made("single")
    api.pass_time("single")
    found = api.get("/worlds/single/calls/1")
    assert api.get(f"/worlds/single/calls/{found['id']}") == found
    assert api.get(f"/worlds/single/calls/{found['id'].removeprefix('call_')}") == found
    assert api.get("/worlds/single/report")["world"] == "single"


def test_the_calls_of_all_worlds_come_in_the_order_of_the_record(api: Api) -> None:
    """In pages of any size each once, an inherited one too; the newest ones and those that an id may mean are there at once."""
    api.made("all/one")
    api.pass_time("all/one", 2)
    api.made("all/two", **{"from": "all/one"})
    api.pass_time("all/two", 1)
    api.pass_time("all/one", 1)
    whole = api.get("/calls", limit=1000)
    assert whole["next"] is None
    ids = [call["id"] for call in whole["calls"]]
    for limit in (1, 3, 100):
        found, after = [], 0
        while after is not None:
            page = api.get("/calls", after=after, limit=limit)
            found += [call["id"] for call in page["calls"]]
            after = page["next"]
        assert found == ids
    assert [call["world"] for call in whole["calls"]][-4:] == ["all/one", "all/one", "all/two", "all/one"]
    assert api.get("/calls", last=3) == {"calls": whole["calls"][-3:], "next": None}
    assert api.get("/worlds/all:two/calls", last=2)["calls"] == api.get("/worlds/all:two/calls")["calls"][-2:]
    assert api.get("/calls", trace=ids[-1])["calls"] == whole["calls"][-1:]
    assert api.get(f"/calls/{ids[-1].removeprefix('call_')[:12]}")["calls"] == whole["calls"][-1:]
