"""Refusals as problem details (RFC 9457)."""

import pytest

from childproof.control.problems import Mistake, Problem, of_input, of_store
from childproof.errors import AskedError, Fault, InputError, StoreError, WorldGoneError


def test_a_problem_as_json() -> None:
    """Its word, its status in words, and only what is known of each mistake."""
    problem = Problem(422, "invalid", "no", mistakes=[Mistake("/a", "b", "c"), Mistake("/d", "e", "f", "g", "h", 1, 2)])
    assert problem.as_json() == {
        "type": "/v1/problems#invalid", "title": "Unprocessable Content", "status": 422, "detail": "no",
        "errors": [
            {"pointer": "/a", "found": "b", "expected": "c"},
            {"pointer": "/d", "found": "e", "expected": "f", "write": "g", "file": "h", "line": 1, "column": 2},
        ],
    }  # fmt: skip
    assert "errors" not in Problem(404, "not_found", "no").as_json()


def test_faults_of_a_text_keep_their_places() -> None:
    """All of them, at the field that the text came in."""
    faults = [Fault("rules", 2, 5, "a", "b", "c"), Fault("rules", 7, 1, "d", "e", "f")]
    problem = of_input(InputError(faults), "/text")
    assert (problem.status, problem.detail) == (422, "2 faults, nothing was changed")
    assert [(one.pointer, one.found, one.line) for one in problem.mistakes] == [
        ("/text", "2:5: a", 2),
        ("/text", "7:1: d", 7),
    ]


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [(WorldGoneError("a"), 404, "not_found"), (AskedError("b --with-children"), 409, "refused"), (StoreError("c"), 503, "store")],
)  # fmt: skip
def test_a_store_that_cannot(error: StoreError, status: int, kind: str) -> None:
    """In the API's words, not the command line's."""
    problem = of_store(error)
    assert (problem.status, problem.kind) == (status, kind)
    assert "--with" not in problem.detail
