"""YAML that a stub meets in what it keeps: a workflow, a manifest."""

from typing import Any

from childproof.documents import parse_yaml
from childproof.errors import InputError


def from_yaml(text: str) -> Any:
    """The value of a YAML document, read as YAML 1.2 (`on` is a text). Raises ValueError, with its place, for what is none."""
    try:
        return parse_yaml(text, "line").value
    except InputError as error:
        raise ValueError(str(error)) from None
