"""Mailboxes, messages and entities over the API."""

from .conftest import Api

TEXT = b"From: a@shop.example\r\nTo: ann@shop.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHello\r\n"


def test_a_message_is_found_in_its_mailbox(api: Api) -> None:
    """Whatever the case of its address; listed, one, and as it came; an address without mail has an empty mailbox."""
    api.made("mailed", file="world: shop\npeople: {count: 1}\nemail: {mailboxes: people}\n")
    api.mailed("mailed", "ann@shop.example", TEXT)
    boxes = api.get("/worlds/mailed/mailboxes")["mailboxes"]
    assert [(box["address"] == "ann@shop.example", box["messages"]) for box in boxes] == [(False, 0), (True, 1)]
    [message] = api.get("/worlds/mailed/mailboxes/ANN@shop.example/messages")["messages"]
    assert (message["subject"], message["number"], message["world"]) == ("Grüße", 1, "mailed")
    path = f"/worlds/mailed/mailboxes/ann@shop.example/messages/{message['id']}"
    assert api.get(path) == message
    raw = api.ask("GET", f"{path}/raw")
    assert (raw.headers["content-type"], raw.content) == ("message/rfc822", TEXT)
    assert api.get("/worlds/mailed/mailboxes/nobody@shop.example/messages") == {"messages": []}
