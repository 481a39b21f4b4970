"""Worlds as files over the API."""

from .conftest import Api


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
