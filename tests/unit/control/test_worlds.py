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


def test_one_is_planted_whole(api: Api) -> None:
    """With what a world file says; faults have line and column."""
    api.made("planted", file="world: shop\npeople: {count: 3}\nemail: {mailboxes: people}\n")
    assert len(api.get("/worlds/planted/mailboxes")["mailboxes"]) == 3
    told = api.ask("POST", "/worlds", {"name": "unplanted", "file": "world: shop\npeople: many\n"})
    assert told.json["errors"][0]["found"].startswith("2:")
