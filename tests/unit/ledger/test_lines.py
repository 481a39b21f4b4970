"""The form that programs read."""

import json
from pathlib import Path

from childproof.ledger import LINE_KEYS, Entry, record, to_line
from childproof.model import Upstream

from .conftest import make_entry


def test_a_line_has_exactly_the_documented_keys_in_their_order():
    line = json.loads(to_line(make_entry("main", 1)))
    assert list(line) == list(LINE_KEYS)
    assert set(Entry.__struct_fields__) == set(LINE_KEYS) - {"version"}


def test_its_values():
    line = json.loads(
        to_line(make_entry("main", 1, request=record((("A", "b"),), b"x"), upstream=Upstream(1, 2, 3, 4)))
    )
    assert line["version"] == 1
    assert line["at"] == "2026-01-05T12:00:00.001Z"
    assert line["world_at"] == "1970-01-01T00:00:01.000Z"
    assert line["request"] == {"headers": [["A", "b"]], "body": "x", "size": 1, "sha256": "", "cut": False}
    assert line["reply"] is None
    assert line["upstream"] == {"dns": 1, "connections": 2, "bytes_out": 3, "bytes_in": 4}
    assert line["changes"] == [
        {"service": "stripe", "kind": "thing", "id": "th_1", "before": None, "after": {"id": "th_1", "n": 1}}
    ]


def test_it_is_one_line_whatever_the_body():
    assert "\n" not in to_line(make_entry("main", 1, request=record((), "a\nb\u2028".encode())))


def test_every_key_is_documented():
    page = Path(__file__).parents[3].joinpath("docs", "ledger.md").read_text()
    for key, meaning in LINE_KEYS.items():
        assert f"| `{key}` | {meaning} |" in page
