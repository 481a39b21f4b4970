"""An entry's size has a bound, and what is left out leaves its hash."""

import hashlib
import json

import msgspec
import pytest

from childproof.ledger.bounding import LIMIT, bounded
from childproof.model import Change, Effect, Written

KEY = "sk_" + "live_51HxQ2eZvKYlo2CabcdefWXYZ"


def change(number: int = 1, **after: object) -> Change:
    return Change("email", "message", f"msg_{number}", None, after)


def test_what_is_short_stays_as_it_is():
    made = (change(text="x" * 10_000), change(2, n=1))
    assert json.loads(bounded(made))[0]["after"] == {"text": "x" * 10_000}


def test_a_long_text_keeps_its_beginning_with_length_and_hash_of_the_whole():
    text = "Dear Jenny, " + "ü" * 5_000_000
    raw = bounded((change(subject="Hello", parts=[{"text": text}]),))
    assert len(raw) < LIMIT
    after = json.loads(raw)[0]["after"]
    assert after["subject"] == "Hello"
    assert after["parts"][0]["text"].startswith("Dear Jenny, üüü")
    assert after["parts"][0]["text"].endswith(
        f"… [cut: {len(text)} characters, SHA-256 {hashlib.sha256(text.encode()).hexdigest()}]"
    )


@pytest.mark.parametrize("place", range(985, 1030, 4))
def test_a_secret_across_the_cut_leaves_nothing(place: int):
    raw = bounded((change(text="a " * (place // 2) + KEY + " b" * 100_000),)).decode()
    assert "51HxQ2" not in raw


def test_an_object_that_is_too_large_leaves_its_size_and_hash():
    big = {str(number): number for number in range(20_000)}
    whole = json.dumps(big, separators=(",", ":")).encode()
    (only,) = json.loads(bounded((Change("s", "k", "i", big, {"n": 1}),)))
    assert (only["service"], only["kind"], only["id"]) == ("s", "k", "i")
    assert only["before"] == {"cut": {"size": len(whole), "sha256": hashlib.sha256(whole).hexdigest()}}
    assert only["after"] == {"n": 1}


def test_changes_as_they_are_stored_are_bounded_like_values():
    """A change that nobody has read is cut in the same places."""
    values = (*(change(number, text="x" * 70_000) for number in range(3)), *(change(number) for number in range(3000)))
    stored = [
        Written(one.service, one.kind, one.id, None, msgspec.Raw(msgspec.json.encode(one.after))) for one in values
    ]
    assert bounded(stored) == bounded(values)


def test_what_cannot_be_listed_is_counted():
    found = json.loads(raw := bounded([Effect("s", "t", str(number), {"n": number}) for number in range(100_000)]))
    assert len(raw) <= LIMIT
    last = found.pop()
    assert (last["type"], last["id"]) == ("cut", f"{100_000 - len(found)} more")
    assert last["data"]["cut"]["items"] == 100_000 - len(found)
    assert [effect["id"] for effect in found] == [str(number) for number in range(len(found))]


def test_the_ledger_stores_the_bounded_form_and_gives_it_back(book):
    made = book.call(
        changes=(change(text="x" * 9_500_000),), effects=(Effect("e", "t", "i", {"text": "y" * 9_500_000}),)
    )
    found = book.ledger.get(made.id)
    assert found is not None
    assert "[cut: 9500000 characters" in found.changes[0].after["text"]
    assert "[cut: 9500000 characters" in found.effects[0].data["text"]
    pages = book.store.connection.execute("PRAGMA page_count").fetchone()[0]
    assert pages < 200
