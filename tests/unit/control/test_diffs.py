"""Worlds compared over the API: with another one, and with what either was."""

from .conftest import Api


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
