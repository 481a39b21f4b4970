"""pytest's `__tracebackhide__`, for modules whose frames say nothing to who reads a failure: the message is made to be enough."""

from typing import Any

from childproof.errors import ChildproofError


def raised_on_purpose(excinfo: Any) -> bool:
    """Whether a `pytest.ExceptionInfo` is a message of ours, and no bug."""
    return isinstance(excinfo.value, ChildproofError | AssertionError)
