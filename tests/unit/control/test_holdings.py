"""What a world holds, over the API."""

from .conftest import Api

TEXT = b"From: a@shop.example\r\nTo: ann@shop.example\r\nSubject: a\r\n\r\nHello\r\n"


def test_entities_are_paged_in_order_of_creation(api: Api) -> None:
    """Each once, whatever the size of a page; those that childproof keeps for itself are nobody's."""
    api.made("held")
    for number in range(5):
        api.mailed("held", f"{number}@shop.example", TEXT)
    kinds = {(kind["service"], kind["kind"]): kind["count"] for kind in api.get("/worlds/held/entities")["kinds"]}
    assert kinds["email", "message"] == 5
    assert not [service for service, _ in kinds if service.startswith("_")]
    assert {kind["kind"] for kind in api.get("/worlds/held/entities/email")["kinds"]} == {kind for _, kind in kinds}
    whole = [one["id"] for one in api.get("/worlds/held/entities/email/message")["entities"]]
    for limit in (1, 2, 5):
        found, after = list[str](), None
        while True:
            asked = {"limit": limit} | ({"after": after} if after else {})
            page = api.get("/worlds/held/entities/email/message", **asked)
            found += [one["id"] for one in page["entities"]]
            after = page["next"]
            if after is None:
                break
        assert found == whole
    assert api.get(f"/worlds/held/entities/email/message/{whole[0]}")["id"] == whole[0]
    for path in ("_clock/clock", "nothing/there"):
        assert api.get(f"/worlds/held/entities/{path}") == {"entities": [], "next": None}
    assert api.ask("GET", "/worlds/held/entities/_clock/clock/clock").status == 404
