"""Sandboxes over the API: what it passes on to whoever makes them, and what it answers."""

from .conftest import Api


def test_one_from_beginning_to_end(api: Api) -> None:
    """Made, told, listed, renewed, reported, deleted; then it isn't there."""
    made = api.ask("POST", "/sandboxes", {"ttl": 60})
    assert (made.status, made.headers["location"]) == (201, f"/v1/sandboxes/{made.json['id']}")
    path = f"/sandboxes/{made.json['id']}"
    one = api.get(path)
    assert one in api.get("/sandboxes")["sandboxes"]
    assert (one["ttl"], one["id"]) == (60, made.json["id"])
    assert api.ask("POST", f"{path}/renew", {"ttl": 30}).json["id"] == one["id"]
    assert api.ask("POST", f"{path}/renew", content=b"", headers={"content-type": ""}).status == 200
    assert api.get(f"{path}/report", width=20)["text"] == "text"
    assert api.ask("DELETE", path, keep="true").json == {"deleted": one["id"], "world": None, "kept": None}
    for method, below in (("GET", ""), ("DELETE", ""), ("POST", "/renew"), ("GET", "/report")):
        assert api.ask(method, f"{path}{below}").status == 404
