"""What names and examples tell: which field is the id, how ids look, what an action changes, what one of many is called."""

from typing import Any

import pytest

from childproof.stubkit.document.naming import singular, thing_of
from childproof.stubkit.inference.actions import participles, state_change
from childproof.stubkit.inference.ids import id_field, id_template
from tests.unit.stubkit.inference.inferring import api


@pytest.mark.parametrize(
    ("fields", "collection", "parameter", "schema", "wanted"),
    [
        (("id", "uuid"), "/things", "thing", "Thing", "id"),
        (("account_sid", "sid"), "/Calls", "Sid", "Call", "sid"),
        (("name", "thing_id"), "/things", "x", "Thing", "thing_id"),
        (("thingId", "name"), "/things", "id", "Thing", "thingId"),
        (("name", "gid"), "/tasks", "task_gid", "Task", "gid"),
        (("slug", "title"), "/sizes", "size_slug", "Size", "slug"),
        (("key", "title"), "/projects", "projectKey", "Project", "key"),
        (("number", "title"), "/issues", "issue_number", "Issue", "number"),
        (("contactId", "name"), "/people", "id", "Contact", "contactId"),
        (("title", "text"), "/things", "thing", "Thing", ""),
    ],
)
def test_the_field_that_identifies_an_entity(
    fields: tuple[str, ...], collection: str, parameter: str, schema: str, wanted: str
) -> None:
    """Its own name for it, the parameter's, the thing's, or what the parameter's name ends in."""
    assert id_field({field: {} for field in fields}, collection, parameter, schema) == wanted


@pytest.mark.parametrize(
    ("node", "template"),
    [
        ({"type": "integer", "example": 12}, "{counter}"),
        ({"type": "string", "format": "uuid"}, "{uuid}"),
        ({"type": "string", "example": "4f6c71e2-1e90-4762-9fee-6cc4a0a9f2cf"}, "{uuid}"),
        ({"type": "string", "pattern": "^CH[0-9a-fA-F]{32}$"}, "CH{hex:32}"),
        ({"type": "string", "pattern": r"^cus_[A-Za-z0-9]{14}$"}, ""),
        ({"type": "string", "pattern": r"^\d{6}$"}, "{digits:6}"),
        ({"type": "string", "example": "con_8sK2mQ9xLwTz41"}, "con_{alnum:14}"),
        ({"type": "string", "example": "ord-00412739"}, "ord-{digits:8}"),
        ({"type": "string", "example": "PL99XX23QQ"}, "PL{upper:8}"),
        ({"type": "string", "examples": ["507f1f77bcf86cd799439011"]}, "{hex:24}"),
        ({"type": "string", "example": "my first thing"}, ""),
        ({"type": "string", "example": "production"}, ""),
        ({"type": "string", "maxLength": 9}, "{alnum:9}"),
        ({"type": "string"}, ""),
    ],
)
def test_how_ids_look(node: dict[str, Any], template: str) -> None:
    """By type, format, pattern, example or length; what looks like a word tells nothing."""
    assert id_template(api({}), node)[0] == template


@pytest.mark.parametrize(
    ("verb", "fields", "wanted"),
    [
        ("archive", {"archived": {"type": "boolean"}, "archived_at": {"type": "string"}}, {"archived": True, "archived_at": "now"}),
        ("unarchive", {"is_archived": {"type": "boolean"}, "archivedAt": {"type": "string", "nullable": True}}, {"is_archived": False, "archivedAt": None}),
        ("cancel", {"status": {"enum": ["open", "Cancelled"]}}, {"status": "Cancelled"}),
        ("send", {"state": {"enum": ["draft", "sent"]}, "sent_on": {"type": "string"}}, {"state": "sent", "sent_on": "now"}),
        ("pay", {"status": {"enum": ["open", "paid"]}}, {"status": "paid"}),
        ("enable", {"enabled": {"type": "boolean"}}, {"enabled": True}),
        ("disable", {"enabled": {"type": "boolean"}}, {"enabled": False}),
        ("reopen", {"status": {"enum": ["closed", "open"]}}, {"status": "open"}),
        ("split", {"status": {"enum": ["open", "closed"]}}, {}),
    ],
)  # fmt: skip
def test_what_an_action_changes(verb: str, fields: dict[str, Any], wanted: dict[str, Any]) -> None:
    """A listed state, a boolean or a time by the verb's participle; nothing where nothing is plain."""
    assert state_change(api({}), fields, verb) == wanted


@pytest.mark.parametrize(
    ("verb", "wanted"),
    [("archive", "archived"), ("carry", "carried"), ("stop", "stopped"), ("drop", "dropped"), ("lock", "locked")],
)
def test_participles(verb: str, wanted: str) -> None:
    """As plain English has them."""
    assert wanted in participles(verb)


@pytest.mark.parametrize(
    ("plural", "wanted"),
    [
        ("boxes", "box"),
        ("companies", "company"),
        ("people", "person"),
        ("statuses", "status"),
        ("news", "news"),
        ("cases", "case"),
    ],
)
def test_singulars(plural: str, wanted: str) -> None:
    """As plain English has them."""
    assert singular(plural) == wanted
    assert thing_of(f"/v1/{{x}}/{plural}") == wanted
