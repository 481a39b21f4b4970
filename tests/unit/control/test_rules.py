"""Rules over the API: seen, tried, and replaced by whoever has seen them."""

from .conftest import RULES, Api

DENY = "version: 1\nrules:\n  - {name: no, match: {host: a.example}, deny: {reason: closed}}\n"
CALL = "GET https://a.example/"


def explained(api: Api, **more: str) -> str:
    """The reason that is given for a call."""
    told = api.ask("POST", "/rules/explain", {"call": CALL, **more})
    assert told.status == 200, told
    return str(told.json["reason"])


def test_a_world_is_judged_by_its_own_until_they_are_deleted(api: Api) -> None:
    """And so is what is forked from it; each change takes the ETag of what it replaces."""
    api.made("own")
    seen = api.ask("GET", "/worlds/own/rules")
    assert (seen.json["source"], seen.headers["etag"]) == ("common", seen.json["etag"])
    put = api.ask("PUT", "/worlds/own/rules", {"text": DENY}, headers={"if-match": seen.headers["etag"]})
    assert (put.status, put.json["source"], put.json["rules"], put.json["text"]) == (200, "own", 1, DENY)
    api.made("own/fork", **{"from": "own"})
    assert api.get("/worlds/own:fork")["rules"] == "own"
    assert [explained(api, world=world) for world in ("own", "own/fork")] == ["closed", "closed"]
    assert explained(api) != "closed"
    stale = api.ask("PUT", "/worlds/own/rules", {"text": RULES}, headers={"if-match": seen.headers["etag"]})
    assert (stale.status, stale.json["errors"][0]["write"]) == (412, f"If-Match: {put.headers['etag']}")
    gone = api.ask("DELETE", "/worlds/own/rules", headers={"if-match": f'"other", {put.headers["etag"]}'})
    assert (gone.status, gone.content) == (204, b"")
    assert api.get("/worlds/own/rules")["source"] == "common"
    assert api.get("/worlds/own:fork/rules")["text"] == DENY


def test_the_common_ones_are_replaced_as_a_whole(api: Api) -> None:
    """From the next call on."""
    before = api.get("/rules")
    try:
        put = api.ask("PUT", "/rules", {"text": DENY}, headers={"if-match": before["etag"]})
        assert (put.status, put.json["source"]) == (200, "put")
        assert explained(api) == "closed"
        assert api.get("/rules")["etag"] == put.headers["etag"] != before["etag"]
    finally:
        assert api.ask("PUT", "/rules", {"text": RULES}, headers={"if-match": "*"}).status == 200


def test_a_text_is_tried_and_changes_nothing(api: Api) -> None:
    """All of its faults, each with its place."""
    before = api.state()
    assert api.ask("POST", "/rules/check", {"text": DENY}).json == {"rules": 1}
    assert explained(api, text=DENY) == "closed"
    told = api.ask("POST", "/rules/check", {"text": "version: 1\nrulez: []\nrules: [{name: a, mach: {}}]\n"})
    assert len(told.json["errors"]) >= 2
    assert all(one["pointer"] == "/text" and one["line"] for one in told.json["errors"])
    assert api.state() == before
