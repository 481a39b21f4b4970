"""Worlds over the API: made, forked, taken back, compared, written and read again."""

from .conftest import Api


def test_a_new_one_says_where_it_is(api: Api) -> None:
    """In `Location`, as the path that GET takes."""
    made = api.ask("POST", "/worlds", {"name": "placed/there", "metadata": {"agent": "a"}})
    assert made.headers["location"] == "/v1/worlds/placed:there"
    found = api.get("/worlds/placed:there")
    assert found == made.json
    assert api.get("/worlds/placed%2Fthere") == found
    assert found in api.get("/worlds")["worlds"]
    assert (found["parent"], found["calls"], found["metadata"], found["rules"]) == (None, 0, {"agent": "a"}, "common")


def test_one_goes_back_to_its_beginning_or_a_call_of_its_own(api: Api) -> None:
    """By number, id or time; what was forked later stays as it is."""
    api.made("taken")
    api.pass_time("taken", 5)
    api.made("taken/later", **{"from": "taken", "at": 5})
    back = api.ask("POST", "/worlds/taken/reset", {"at": 4})
    assert (back.status, back.json["undone"], back.json["world"]["calls"]) == (200, 1, 4)
    assert [call["seq"] for call in api.get("/worlds/taken/calls")["calls"]] == [1, 2, 3, 4]
    assert api.get("/worlds/taken:later/calls/5")["seq"] == 5
    name = api.get("/worlds/taken/calls/3")["id"]
    assert api.ask("POST", "/worlds/taken/reset", {"at": name}).json["undone"] == 1
    assert api.ask("POST", "/worlds/taken/reset", {"at": "2026-01-05T00:30:00Z"}).json["world"]["calls"] == 2
    assert api.ask("POST", "/worlds/taken/reset", content=b"", headers={"content-type": ""}).json["undone"] == 2
    assert api.get("/worlds/taken")["calls"] == 0
    assert api.get("/worlds/taken:later")["calls"] == 5


def test_one_is_deleted_with_those_that_need_it(api: Api) -> None:
    """Where that is asked for."""
    api.made("old")
    api.pass_time("old")
    api.made("old/young", **{"from": "old"})
    assert api.ask("DELETE", "/worlds/old").status == 409
    assert api.ask("DELETE", "/worlds/old", with_children="true").json == {"deleted": ["old", "old/young"]}
    assert api.ask("GET", "/worlds/old").status == 404


def test_one_is_compared_with_another_and_with_what_either_was(api: Api) -> None:
    """`with` and `at` go together: what the other one was after that call."""
    api.made("one")
    api.mailed("one", "ann@shop.example", b"Subject: a\r\n\r\na\r\n")
    api.made("two", **{"from": "one"})
    api.mailed("one", "ann@shop.example", b"Subject: b\r\n\r\nb\r\n")
    added = [len(service["added"]) for service in api.get("/worlds/one/diff", with_="two")["services"]]
    assert added == [len(service["added"]) for service in api.get("/worlds/one/diff", at=1)["services"]]
    assert added[0] > 0
    assert api.get("/worlds/two/diff", **{"with": "one", "at": 1})["services"] == []
    assert [bool(one["removed"]) for one in api.get("/worlds/two/diff", with_="one")["services"]] == [True]


def test_one_is_written_and_read_again(api: Api) -> None:
    """Under another name, with all that it did."""
    api.made("kept")
    api.pass_time("kept", 2)
    text = api.ask("GET", "/worlds/kept/export")
    assert text.headers["content-type"].startswith("application/yaml")
    made = api.ask("POST", "/worlds/import", {"file": text.content.decode(), "name": "kept/again"})
    assert (made.status, made.headers["location"]) == (201, "/v1/worlds/kept:again")
    assert made.json["calls"] == 2
    assert api.get("/worlds/kept:again/clock")["now"] == api.get("/worlds/kept/clock")["now"]


def test_one_is_planted_whole(api: Api) -> None:
    """With what a world file says; faults have line and column."""
    api.made("planted", file="world: shop\npeople: {count: 3}\nemail: {mailboxes: people}\n")
    assert len(api.get("/worlds/planted/mailboxes")["mailboxes"]) == 3
    told = api.ask("POST", "/worlds", {"name": "unplanted", "file": "world: shop\npeople: many\n"})
    assert told.json["errors"][0]["found"].startswith("2:")


def test_its_clock_is_seen_set_and_advanced(api: Api) -> None:
    """`now` is the world's time."""
    api.made("timely", clock="frozen@2026-01-05T09:00:00Z")
    assert api.ask("PATCH", "/worlds/timely/clock", {"advance": "30d"}).json["now"] == "2026-02-04T09:00:00.000Z"
    assert api.get("/worlds/timely/clock")["run"] == "frozen"
    assert api.ask("PATCH", "/worlds/timely/clock", {"run": "step:1s"}).json["run"] == "step"
