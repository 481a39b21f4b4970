"""JSON that a stub meets within a text: a form's field that holds an object, data of a template."""

import json


def from_json[T](text: str | bytes, kind: type[T]) -> T | None:
    """What a text says in JSON where that is a `kind` (`dict`, `list`, `object` for anything); else None.

    None is also for what nests deeper than Python reads: refuse it in the service's words, as anything that is no JSON.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, kind) else None
