"""The server itself over the API."""

import pytest

from childproof.control.api import described

from .conftest import Api


def test_health_is_told_to_anybody(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is readiness, with the reasons where there is none."""
    nobody = {"authorization": ""}
    for path, state in (("/health", "alive"), ("/ready", "ready")):
        assert api.ask("GET", path, headers=nobody).json["status"] == state
    monkeypatch.setitem(
        api.states, "ready", (503, {"status": "not ready", "reasons": ["the disk is full", "no rules"]})
    )
    told = api.ask("GET", "/ready", headers=nobody)
    assert (told.status, told.json["detail"]) == (503, "the disk is full; no rules")


def test_the_document_is_the_one_that_the_command_line_prints(api: Api) -> None:
    """It doesn't depend on a server."""
    assert api.get("/openapi.json") == described()
