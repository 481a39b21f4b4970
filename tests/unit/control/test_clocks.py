"""A world's clock over the API."""

from .conftest import Api


def test_its_clock_is_seen_set_and_advanced(api: Api) -> None:
    """`now` is the world's time."""
    api.made("timely", clock="frozen@2026-01-05T09:00:00Z")
    assert api.ask("PATCH", "/worlds/timely/clock", {"advance": "30d"}).json["now"] == "2026-02-04T09:00:00.000Z"
    assert api.get("/worlds/timely/clock")["run"] == "frozen"
    assert api.ask("PATCH", "/worlds/timely/clock", {"run": "step:1s"}).json["run"] == "step"
