"""Requests into values."""

from .conftest import Api


def test_a_body_whose_end_is_told_in_two_ways_is_not_read(api: Api) -> None:
    """RFC 9112, section 6.1."""
    headers = {"transfer-encoding": "chunked", "content-length": "2"}
    assert api.ask("POST", "/rules/check", {"text": ""}, headers=headers).status == 400


def test_whole_numbers_may_be_written_with_a_point(api: Api) -> None:
    """1.0 is an integer to JSON Schema, and to some languages' JSON."""
    made = api.ask("POST", "/worlds", content=b'{"name": "pointed", "seed": 7.0}')
    assert (made.status, made.json["seed"]) == (201, 7)
    assert api.ask("POST", "/worlds", content=b'{"name": "pointless", "seed": 7.5}').status == 422
