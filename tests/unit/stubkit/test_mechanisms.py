"""Conditional requests, limits, keys, ids that nobody has made: what a dialect declares once."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from childproof.errors import InputError
from childproof.world.clock import ClockSettings

from .conftest import START, Caller
from .mechanics import building, later


@pytest.fixture
def things(tmp_path: Path) -> Iterator[Callable[..., Caller]]:
    yield from building(tmp_path)


# --- conditional requests


def test_a_client_that_has_it_is_told_so(things: Callable[..., Caller]) -> None:
    """RFC 9110: a tag that stays while nothing changes, 304 without a body, another tag after a change; for lists, too."""
    call = things(dialect={"etags": True, "time": "rfc3339"})
    call("POST /things", {"name": "a"})
    tag = call.header("etag")
    assert tag is not None
    assert call("GET /things/1")[0] == 200
    assert (call.header("etag"), call.header("last-modified")) == (tag, "Mon, 05 Jan 2026 09:00:00 GMT")
    assert call("GET /things/1", if_none_match=f'"other", W/{tag}') == (304, None)
    assert call.header("etag") == tag
    assert call("GET /things/1", if_none_match='"other"')[0] == 200
    assert call("GET /things/1", if_modified_since="Mon, 05 Jan 2026 09:00:00 GMT")[0] == 304
    assert call("GET /things/1", if_modified_since="Sun, 04 Jan 2026 09:00:00 GMT")[0] == 200
    assert call("GET /things")[0] == 200
    of_list = call.header("etag")
    assert call("GET /things", if_none_match=of_list)[0] == 304
    later(call, 5000)
    assert call("PATCH /things/1", {"name": "b"})[0] == 200
    assert call.header("etag") not in {tag, None}
    assert call("GET /things/1", if_none_match=tag)[0] == 200
    assert call("GET /things", if_none_match=of_list)[0] == 200


def test_a_change_happens_only_to_what_the_client_has_seen(things: Callable[..., Caller]) -> None:
    """A stale If-Match is 412 and changes nothing; `*` means whatever is there, or that nothing is."""
    call = things(dialect={"etags": True})
    call("POST /things", {"name": "a"})
    tag = call.header("etag")
    assert call("PATCH /things/1", {"name": "b"}, if_match=tag)[0] == 200
    status, body = call("PATCH /things/1", {"name": "c"}, if_match=tag)
    assert (status, body["error"]["code"]) == (412, "precondition_failed")
    assert call("DELETE /things/1", if_match=tag)[0] == 412
    assert call("GET /things/1")[1]["name"] == "b"
    assert call("PATCH /things/1", {"name": "c"}, if_match="*")[0] == 200
    assert call("PUT /things/1", {"name": "d"}, if_none_match="*")[0] == 412
    assert call("PATCH /things/99", {"name": "d"}, if_match="*")[0] == 412
    assert call("DELETE /things/1", if_match=f'"x", {call("GET /things/1") and call.header("etag")}')[0] == 204


def test_a_dialect_may_ask_for_conditions(things: Callable[..., Caller]) -> None:
    """428 where a method must say what it depends on; weak tags are never a strong match."""
    call = things(dialect={"etags": {"required": ["PATCH"], "weak": True, "dates": False}})
    call("POST /things", {"name": "a"})
    tag = call.header("etag") or ""
    assert (tag[:3], call.header("last-modified")) == ('W/"', None)
    assert call("PATCH /things/1", {"name": "b"})[0] == 428
    assert call("PATCH /things/1", {"name": "b"}, if_match=tag)[0] == 412
    assert call("PATCH /things/1", {"name": "b"}, if_match="*")[0] == 200
    assert call("DELETE /things/1")[0] == 204


# --- limits


HEADERS = {
    "X-RateLimit-Limit": "{limit}", "X-RateLimit-Remaining": "{remaining}", "X-RateLimit-Reset": "{reset}",
    "RateLimit": '"default";r={remaining};t={reset_after}', "RateLimit-Policy": '"default";q={limit};w={window}',
}  # fmt: skip


def test_a_limit_tells_of_itself_before_and_beyond(things: Callable[..., Caller]) -> None:
    """Both families of headers, on every reply and on the refusal, which says when to come back; then it is over."""
    call = things(dialect={"rate_limit": {"calls": 2, "per": "1m", "headers": HEADERS}})
    call("GET /things")
    assert (call.header("x-ratelimit-remaining"), call.header("ratelimit")) == ("1", '"default";r=1;t=60')
    assert call.header("ratelimit-policy") == '"default";q=2;w=60'
    later(call, 15_000)
    call("GET /things")
    status, body = call("GET /things")
    assert (status, body["error"]["code"]) == (429, "rate_limited")
    assert (call.header("retry-after"), call.header("x-ratelimit-remaining")) == ("45", "0")
    assert call.header("x-ratelimit-reset") == str(START // 1000 + 60)
    later(call, 45_000)
    assert call("GET /things")[0] == 200


def test_limits_count_apart_what_they_say(things: Callable[..., Caller]) -> None:
    """By token, by endpoint, for some operations alone; several at once."""
    call = things(dialect={"rate_limit": [
        {"calls": 1, "per": "1m", "by": ["token"], "only": ["POST /things"], "headers": {"X-Left": "{remaining}"}},
        {"calls": 3, "per": "1h", "by": ["token", "endpoint"]},
    ]})  # fmt: skip
    assert call("POST /things", {"name": "a"})[0] == 200
    assert call.header("x-left") == "0"
    assert call("POST /things", {"name": "b"})[0] == 429
    assert [call("GET /things")[0] for _ in range(4)] == [200, 200, 200, 429]
    assert call("GET /things/1")[0] == 200
    call.key = "somebody_else"
    assert call("POST /things", {"name": "b"})[0] == 200
    assert call("GET /things")[0] == 200


def test_a_limit_of_an_operation_that_is_not_there_is_refused(things: Callable[..., Caller]) -> None:
    """Told at load, with its place."""
    with pytest.raises(InputError, match="no operation GET /stuff"):
        things(dialect={"rate_limit": {"calls": 1, "per": "1m", "only": ["GET /stuff"]}})


# --- idempotency


def test_a_key_is_new_again_after_its_time(things: Callable[..., Caller]) -> None:
    """`expires` counts on the world's clock."""
    call = things(dialect={"idempotency": {"header": "Idempotency-Key", "expires": "24h"}})
    first = call("POST /things", {"name": "a"}, idempotency_key="k")
    later(call, 86_399_000)
    assert call("POST /things", {"name": "a"}, idempotency_key="k") == first
    later(call, 1_000)
    assert call("POST /things", {"name": "b"}, idempotency_key="k")[1]["id"] != first[1]["id"]


def test_refusals_are_kept_as_the_vendor_keeps_them(things: Callable[..., Caller]) -> None:
    """`errors: none`: a refused operation is tried anew."""
    call = things(dialect={"idempotency": {"header": "Idempotency-Key", "errors": "none"}})
    call("POST /things", {"name": "a"})
    assert call("POST /things", {"name": "a"}, idempotency_key="k")[0] == 409
    call("DELETE /things/1")
    status, made = call("POST /things", {"name": "a"}, idempotency_key="k")
    assert status == 200
    assert call("POST /things", {"name": "a"}, idempotency_key="k") == (200, made)


@pytest.mark.parametrize(
    ("request_line", "body", "expected"),
    [
        ("POST /token", {"grant_type": "client_credentials", "client_id": "app", "client_secret": "gé"}, 401),
        ("GET /authorize?response_type=code&client_id=app&redirect_uri=http://[", None, 400),
        (
            "GET /authorize?response_type=code&client_id=any&redirect_uri=https://a.example/%0d%0aSet-Cookie:+a=b",
            None,
            400,
        ),
        ("GET /authorize?response_type=code&client_id=any&redirect_uri=https://a.example/%E2%98%83", None, 400),
    ],
)
def test_odd_clients_are_refused_by_oauth(
    things: Callable[..., Caller], request_line: str, body: object, expected: int
) -> None:
    """Secrets that aren't ASCII, addresses that none can read or that would break a header."""
    call = things(auth={"oauth": {"token": "/token", "authorize": "/authorize"}})
    with call.store.world("main").transaction() as tx:
        tx.put("_tokens", "things~client", "app", {"id": "app", "secret": "s3cret"})
    headers = {"content_type": "application/json"} if body is not None else {}
    try:
        status = call(request_line, body, **headers)[0]
    except json.JSONDecodeError:  # a page
        assert call.answer is not None
        status = call.answer.reply.status
    assert status == expected


# --- ids that nobody has made


def test_an_unknown_id_may_be_somebodys_the_same_each_time(things: Callable[..., Caller]) -> None:
    """A plausible entity in place of the 404: it can be changed and deleted; the ledger knows what it was; no event tells of it."""
    call = things(dialect={"unknown_ids": "synthesize"}, events={"emit": {"thing": ["created", "updated"]}})
    status, thing = call("GET /things/77")
    assert (status, thing["id"], type(thing["name"]), type(thing["size"])) == (200, "77", str, int)
    assert call.answer is not None
    assert (call.answer.fidelity, call.effects, call.changes) == ("synthesized", (), ())
    later(call, 60_000)
    assert call("GET /things/77")[1] == thing
    assert call.answer.fidelity == "generic"
    assert call("GET /things/78")[1]["name"] != thing["name"]
    assert call("PATCH /things/79", {"name": "mine"})[1]["name"] == "mine"
    assert [effect.type for effect in call.effects] == ["thing.updated"]
    assert call("DELETE /things/77")[0] == 204
    assert call("GET /things/77")[0] == 404


def test_another_world_of_the_same_seed_supposes_the_same(things: Callable[..., Caller]) -> None:
    """Whatever was called before: what an id stands for depends on the seed and the id."""
    call = things(dialect={"unknown_ids": "synthesize"})
    call.store.create("other", seed=7, clock=ClockSettings(START, "frozen"))
    first = call("GET /things/5")
    call.world = "other"
    call("POST /things", {"name": "before"})
    assert call("GET /things/5") == first


def test_a_resource_may_be_supposed_alone(things: Callable[..., Caller]) -> None:
    """`unknown_ids` of a resource wins over the dialect's."""
    resources = {"thing": {"schema": "Thing", "path": "/things", "id": "{counter}"},
                 "job": {"schema": "Job", "path": "/jobs", "id": "job", "unknown_ids": "synthesize"}}  # fmt: skip
    call = things(resources=resources)
    assert call("GET /things/1")[0] == 404
    assert call("GET /jobs/job_x")[0] == 200
