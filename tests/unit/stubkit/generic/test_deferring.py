"""Operations that take their time: 202, and where to poll."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from childproof.errors import InputError
from tests.unit.stubkit.conftest import Caller
from tests.unit.stubkit.mechanics import building, later


@pytest.fixture
def things(tmp_path: Path) -> Iterator[Callable[..., Caller]]:
    yield from building(tmp_path)


ASYNC = {"resource": "job", "states": ["queued", "running", "done"], "after": "10s", "result": "thing", "error": "problem",
         "header": "Operation-Location", "retry_after": "5s"}  # fmt: skip


def test_what_takes_its_time_is_polled_until_it_is_done(things: Callable[..., Caller]) -> None:
    """202 and where to poll; through its states by the world's clock; the thing is there at the end and not before."""
    call = things(operations={"POST /things": {"async": ASYNC}}, events={"emit": {"thing": ["created"]}})
    status, job = call("POST /things", {"name": "a"})
    assert (status, job["status"], call.header("retry-after")) == (202, "queued", "5")
    polled = call.header("operation-location")
    assert polled == f"/jobs/{job['id']}"
    later(call, 4_999)
    assert call(f"GET {polled}")[1]["status"] == "queued"
    later(call, 1)
    assert call(f"GET {polled}")[1]["status"] == "running"
    assert call("GET /things")[1] == []
    later(call, 5_000)
    assert [effect.type for effect in call.effects] == ["thing.created"]
    assert call(f"GET {polled}")[1] == {"id": job["id"], "status": "done", "thing": "1", "problem": None}
    assert call("GET /things/1")[1]["name"] == "a"


def test_what_is_refused_at_the_end_is_told_by_the_polled_resource(things: Callable[..., Caller]) -> None:
    """The request is checked at once, what it does when it is done; a refusal then changes nothing else."""
    call = things(operations={"POST /things": {"async": ASYNC}})
    assert call("POST /things", {"size": 1})[0] == 400
    jobs = [call("POST /things", {"name": "a"})[1]["id"] for _ in range(2)]
    later(call, 10_000)
    first, second = (call(f"GET /jobs/{job}")[1] for job in jobs)
    assert (first["status"], second["status"]) == ("done", "failed")
    assert second["problem"]["error"]["code"] == "not_unique"
    assert len(call("GET /things")[1]) == 1


def test_an_async_operation_is_checked_at_load(things: Callable[..., Caller]) -> None:
    """Unknown resources and fields are faults."""
    with pytest.raises(InputError) as refused:
        things(operations={"POST /things": {"async": {"resource": "jobb"}}, "PATCH /things/{thing}":
                           {"async": {"resource": "job", "result": "stuff"}}})  # fmt: skip
    assert "unknown resource 'jobb'" in str(refused.value)
    assert "'stuff'" in str(refused.value)
