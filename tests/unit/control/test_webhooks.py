"""Webhooks over the API: listed as the command line lists them, and sent again with an entry of its own."""

from childproof.model import replace
from childproof.world import deliveries
from childproof.world.deliveries import keep

from .conftest import Api


def test_webhooks_are_listed_and_sent_again(api: Api) -> None:
    """State and the last attempt are told; one that was refused waits again, and the world is looked at."""
    with api.desk.store.world(api.made("hooked")).transaction() as tx:
        tx.call_id = "call_1"
        deliveries.queue(tx, "crm", "http://localhost:1/hook", "deal.won", "{}", event="evt_1", subscription="hook_1")
        last = {"at": 0, "status": None, "reason": "no rule matches", "call": "call_2"}
        queued = deliveries.queue(tx, "crm", "https://x.example/", "deal.lost", "{}")
        keep(tx, replace(queued, state="refused", due=None, attempts=1, last=last))
    first, second = api.get("/worlds/hooked/webhooks")["webhooks"]
    assert (first["id"], first["state"], first["next"], first["cause"]) == (
        "delivery_1",
        "waiting",
        first["queued"],
        "call_1",
    )
    assert (second["attempts"], second["status"], second["reason"], second["call"]) == (
        1,
        None,
        "no rule matches",
        "call_2",
    )
    assert api.get("/worlds/hooked/webhooks", state="refused")["webhooks"] == [second]
    again = api.ask("POST", "/worlds/hooked/webhooks/delivery_2/redeliver")
    assert (again.status, again.json["state"], again.json["next"]) == (200, "waiting", first["queued"])
    [entry] = api.get("/worlds/hooked/calls")["calls"]
    assert (entry["method"], entry["target"]) == ("REDELIVER", "webhook delivery_2")
