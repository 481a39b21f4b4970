"""What is wrong with a request, in a service's own words."""

from typing import Any

from childproof.stubkit.reply.errors import ErrorDialect
from childproof.stubkit.request.complaint import Complaint
from childproof.stubkit.request.request import worded

OBJECT = {"invalid_object": {"status": 422, "message": "{inspected} is not an object, {length}"}}


def said(kinds: dict[str, Any], complaint: Complaint) -> tuple[int, str]:
    """The status and the message that a stub with these kinds says it in."""
    dialect = ErrorDialect({"body": {"message": "{message}"}, "kinds": kinds})
    status, body, _ = dialect.render(worded(complaint, dialect.parameter), {})
    return status, body["message"]


def test_a_body_that_is_no_object_is_worded_for_itself() -> None:
    """Apart from a field of it that holds something else."""
    kinds = {**OBJECT, "no_object": {"status": 400, "message": "Body should be an object"}}
    assert said(kinds, Complaint("invalid_object", (), [1])) == (400, "Body should be an object")
    assert said(kinds, Complaint("invalid_object", ("note",), 1)) == (422, "1 is not an object, ")


def test_a_body_that_is_no_object_is_an_objects_place_that_holds_something_else() -> None:
    """Where the stub has words for that alone, or for neither."""
    assert said(OBJECT, Complaint("invalid_object", (), [1])) == (422, "[1] is not an object, 1")
    assert said({}, Complaint("invalid_object", (), [1])) == (400, "The request body must be an object.")


def test_messages_may_show_what_was_sent_as_ruby_does() -> None:
    """`nil` for null, texts in quotes, and what is allowed as a list."""
    found = [{"a": None}, "b", 1.5, True]
    assert said(OBJECT, Complaint("invalid_object", ("note",), found))[1] == (
        '[{"a" => nil}, "b", 1.5, true] is not an object, 4'
    )
    kinds = {"invalid_enum": "{value} is not a member of {members}."}
    assert said(kinds, Complaint("invalid_enum", ("state",), "odd", allowed=("open", None)))[1] == (
        'odd is not a member of ["open", nil].'
    )
