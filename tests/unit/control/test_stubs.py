"""Stubs over the API."""

from childproof.control.messages_rules import Stub
from childproof.control.stubtold import told

from .conftest import Api


def test_they_are_listed_and_told_one_by_one(api: Api) -> None:
    """By name, each as it is told alone; without loading one."""
    listed = api.get("/stubs")["stubs"]
    names = [one["name"] for one in listed]
    assert names == sorted(names) == sorted(api.desk.engine.catalog.names())
    assert "email" in names
    for one in listed:
        assert one["fault"] == "", one
    [email] = [one for one in listed if one["name"] == "email"]
    assert api.get("/stubs/email") == email
    assert isinstance(told(api.desk.engine.catalog, "email"), Stub)


def test_coverage_counts_what_it_lists(api: Api) -> None:
    """Each operation once, by fidelity."""
    found = api.get("/stubs/resend/coverage")
    assert found["stub"] == "resend"
    counted = dict.fromkeys(found["counts"], 0)
    for row in found["operations"]:
        counted[row["fidelity"]] += 1
    assert {name: count for name, count in counted.items() if count} == {
        name: count for name, count in found["counts"].items() if count
    }
