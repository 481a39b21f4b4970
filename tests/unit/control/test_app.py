"""Whatever is asked is answered: other methods, other paths, bodies that don't come, and errors of our own."""

from typing import Any

import pytest

from childproof.control.worlds import Worlds
from childproof.errors import ChildproofError, StoreError, WorldGoneError

from .conftest import Api


def test_head_is_get_without_its_body(api: Api) -> None:
    """With the same headers; other methods are told which there are."""
    for path in ("/worlds", "/openapi.json", "/health"):
        whole, head = api.ask("GET", path), api.ask("HEAD", path)
        assert head.status == 200
        assert {name: head.headers[name] for name in ("content-type", "content-length")} == {
            "content-type": whole.headers["content-type"], "content-length": str(len(whole.content)),
        }  # fmt: skip
    told = api.ask("PUT", "/worlds", {})
    assert (told.status, told.headers["allow"]) == (405, "GET, HEAD, POST")


def test_what_has_no_route_is_not_there(api: Api) -> None:
    """For who has the token; others aren't told even that. A slash at the end is another path."""
    for path in ("/nothing", "/worlds/", "/worlds/a/b"):
        assert api.ask("GET", path).status == 404
        assert api.ask("GET", path, headers={"authorization": ""}).status == 401


def test_an_error_of_ours_is_told_and_ends_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind with its status; what nobody expected is said to the operator, too."""
    for error, status, kind in (
        (ValueError("a secret"), 500, "internal"),
        (StoreError("the disk is full"), 503, "store"),
        (WorldGoneError("gone"), 404, "not_found"),
        (ChildproofError("can't be"), 409, "refused"),
    ):

        def broken(*_: Any, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(type(api.desk), "known", broken)
        told = api.ask("GET", "/worlds/main")
        assert (told.status, told.json["type"].rpartition("#")[2]) == (status, kind)
    assert "a secret" not in str(api.ask("GET", "/health").content)
    [said] = api.trouble
    assert said == "the control API failed at GET /v1/worlds/main: ValueError: a secret"
    api.trouble.clear()
    monkeypatch.undo()
    assert api.ask("GET", "/worlds/main").status == 200


def test_a_slash_within_a_name_divides_nothing(api: Api) -> None:
    """Written %2F or, in a world's name, as a colon."""
    api.made("a/b/c")
    assert api.get("/worlds/a%2Fb%2Fc") == api.get("/worlds/a:b:c")
    assert Worlds(api.desk).operations()[0].path == "/v1/worlds"
