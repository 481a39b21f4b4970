"""Calls to expect something of."""

from typing import Any

from childproof.testing import Call

FORM = [["content-type", "application/x-www-form-urlencoded"]]


def call(seq: int, method: str, place: str, **more: Any) -> Call:
    """A call to `host/path`, answered by Stripe's stub with 200; `body` is a form."""
    host, slash, path = place.partition("/")
    body = more.pop("body", "")
    request = {"headers": FORM, "body": body, "size": len(body), "sha256": "", "cut": False}
    line = {
        "id": f"call_{seq}", "seq": seq, "world_at": f"2026-01-05T09:00:{seq:02}.000Z", "protocol": "http", "host": host,
        "path": slash + path, "method": method, "target": f"{method} https://{place}", "verdict": "stub", "rule": "stripe",
        "reason": "", "stub": "stripe", "fidelity": "modelled", "status": 200, "cause": None, "changes": [],
        "request": request, "reply": None,
    }  # fmt: skip
    return Call({**line, **more})


def changing(seq: int, kind: str, name: str, before: Any, after: Any, service: str = "stripe") -> Call:
    """A call that changed one entity."""
    change = {"service": service, "kind": kind, "id": name, "before": before, "after": after}
    return call(seq, "POST", f"api.stripe.com/v1/{kind}s", changes=[change])
