"""Mailboxes and messages, from whatever keeps them."""

from typing import Any

from childproof.control.mailboxes import boxes, messages, source

KEPT: dict[str, list[dict[str, Any]]] = {
    "mailbox": [{"address": "ann@shop.example", "name": "Ann"}],
    "delivery": [
        {"mailbox": "Bob@shop.example", "message": "msg_1"},
        {"mailbox": "ann@shop.example", "message": "msg_2"},
        {"mailbox": "Bob@shop.example", "message": "msg_2"},
    ],
    "message": [{"id": "msg_1"}, {"id": "msg_2"}, {"id": "msg_3"}],
}


def test_the_seeded_ones_come_first() -> None:
    """Then those that came with a message; each with how many."""
    assert [*boxes(KEPT.__getitem__)] == [("ann@shop.example", "Ann", 1), ("Bob@shop.example", "", 2)]


def test_messages_keep_their_numbers() -> None:
    """Of the world, in each mailbox, whatever the case of its address."""
    numbered = [(1, "msg_1"), (2, "msg_2"), (3, "msg_3")]
    assert [(number, value["id"]) for number, value in messages(KEPT.__getitem__)] == numbered
    assert [number for number, _ in messages(KEPT.__getitem__, "bob@SHOP.example")] == [1, 2]
    assert [*messages(KEPT.__getitem__, "nobody@shop.example")] == []


def test_a_source_is_kept_to_the_byte() -> None:
    """As text, or where it is none in base64."""
    assert source({"encoding": "utf-8", "content": "Grüße\r\n"}) == "Grüße\r\n".encode()
    assert source({"encoding": "base64", "content": "//4="}) == b"\xff\xfe"
