"""The stream of events: from a mark on, nothing lost and nothing twice, and an end where none is awaited."""

import json
import threading
from typing import Any

from .conftest import Api


def events(api: Api, world: str | None, after: str = "0-0", **query: Any) -> list[tuple[str, str, Any]]:
    """Id, kind and data of each event that is there, and the id of the stream's beginning before them."""
    path = "/events" if world is None else f"/worlds/{world}/events"
    told = api.ask("GET", path, headers={"last-event-id": after}, follow="false", **query)
    assert (told.status, told.headers["content-type"].partition(";")[0]) == (200, "text/event-stream"), told
    found = []
    for block in told.content.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in lines:
            found.append((lines["id"], lines["event"], json.loads(lines["data"])))
    return found


def test_it_goes_on_after_any_event(api: Api) -> None:
    """Whichever was the last one seen: the others follow, in order."""
    api.made("followed")
    api.pass_time("followed", 6)
    whole = events(api, "followed")
    assert [data["seq"] for _, _, data in whole] == [1, 2, 3, 4, 5, 6]
    for number, (mark, _, _) in enumerate(whole, 1):
        assert events(api, "followed", mark) == whole[number:]
    assert events(api, "followed", protocol="http") == []
    assert events(api, "followed", protocol="http,clock", trace="3") == [whole[2]]


def test_those_of_all_worlds_are_one_stream(api: Api) -> None:
    """Worlds that are made meanwhile are among them, and what chooses events chooses them too."""
    mark = events(api, None)[-1][0]
    for name in ("stream/one", "stream/two", "stream/one"):
        if not api.desk.there(name):
            api.made(name)
        api.pass_time(name)
    found = events(api, None, mark)
    assert [data["world"] for _, _, data in found] == ["stream/one", "stream/two", "stream/one"]
    assert events(api, None, mark, trace=found[1][2]["id"]) == found[1:2]


def test_writers_lose_and_double_nothing(api: Api) -> None:
    """Five at once, while somebody breaks off after every look and resumes."""
    api.made("written")
    world = api.desk.store.world("written")

    def write() -> None:
        for _ in range(40):
            api.desk.engine.passing().set(world, world.clock)

    writers = [threading.Thread(target=write) for _ in range(5)]
    for writer in writers:
        writer.start()
    seen: list[int] = []
    mark, alive = "0-0", True
    while alive:
        alive = any(writer.is_alive() for writer in writers)
        found = events(api, "written", mark)
        assert {kind for _, kind, _ in found} <= {"entry"}
        seen += [data["seq"] for _, _, data in found]
        mark = found[-1][0] if found else mark
    assert seen == list(range(1, 201))


def test_a_head_of_it_ends_at_once(api: Api) -> None:
    """HEAD has no body to wait for."""
    told = api.ask("HEAD", "/worlds/main/events")
    assert (told.status, told.content) == (200, b"")
