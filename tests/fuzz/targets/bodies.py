"""Bodies and queries (`model/body.py`, `policy/facts.py`): JSON and nested forms, as stubs and as rules read them.

Only BodyError and EvaluationError are raised; what both can read, both read alike, so that no rule judges another
amount than the stub books; and the standard library's JSON agrees.
"""

import json
import math
from typing import Any
from urllib.parse import parse_qsl

from childproof.model import BodyError, Call, Protocol, parse_form, parse_json
from childproof.policy.condition import EvaluationError
from childproof.policy.facts import FORM, Facts

_DEEPEST = 21


def check(data: bytes) -> None:
    """The same bytes as JSON, as a form and as a query."""
    _json(data)
    _form(data)


def _json(data: bytes) -> None:
    try:
        ours = parse_json(data)
    except BodyError:
        ours = BodyError
    call = Call(Protocol.HTTP, "api.example", 443, body=data, headers=(("content-type", "application/json"),))
    try:
        rules = Facts(call).json
    except EvaluationError:
        return
    # the rules read a part of what stubs read: never something else
    if ours is not BodyError:
        assert _same(ours, rules), (ours, rules)
    else:
        assert _beyond(rules), (data, rules)
    assert data.strip(b" \t\r\n") == b"" or _same(json.loads(data), rules)


def _form(data: bytes) -> None:
    try:
        ours: Any = parse_form(data)
    except BodyError:
        ours = BodyError
    else:
        assert isinstance(ours, dict)
        _walk(ours, 0)
        if b"[" not in data and b"%5" not in data:
            assert ours == dict(parse_qsl(data.decode(), keep_blank_values=True, errors="strict"))
    headers = (("content-type", FORM),)
    facts = Facts(Call(Protocol.HTTP, "api.example", 443, body=data, headers=headers, query=data.decode("latin-1")))
    _ = facts.overrides, facts.query_values, facts.loose_query_values
    try:
        rules = facts.form
    except EvaluationError:
        return
    assert ours is not BodyError, rules
    assert _texts(rules) == _texts(ours), (rules, ours)


def _walk(value: Any, depth: int) -> None:
    assert depth <= _DEEPEST
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _walk(item, depth + 1)
    else:
        assert isinstance(value, str)


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return list(map(_texts, value))
    return str(value)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        # a whole number past 64 bits is a float to one of them
        return one == other or math.isclose(one, other, rel_tol=1e-15)
    return type(one) is type(other) and bool(one == other)


def _beyond(value: Any) -> bool:
    """Whether the value has something that only Python's JSON takes: lone surrogates, infinities by overflow."""
    if isinstance(value, dict):
        return any(_beyond(key) or _beyond(item) for key, item in value.items())
    if isinstance(value, list):
        return any(map(_beyond, value))
    if isinstance(value, str):
        return any("\ud800" <= sign <= "\udfff" for sign in value)
    return isinstance(value, float) and math.isinf(value)
