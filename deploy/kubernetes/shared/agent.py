"""The agent that these manifests are shown with: it charges a card, reads a page that nobody allowed it, and waits."""

import json
import signal
import sys
import urllib.error
import urllib.request

signal.signal(signal.SIGTERM, lambda *_: sys.exit())


def call(url, **form):
    """The status and the body of one call; a refusal is an answer like any other."""
    body = "&".join(f"{key}={value}" for key, value in form.items()).encode() or None
    request = urllib.request.Request(url, body, {"Authorization": "Bearer sk_test_agent"})
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


status, charge = call("https://api.stripe.com/v1/charges", amount=4200, currency="usd", source="tok_visa")
print(json.dumps({"charged": status, "id": charge.get("id")}), flush=True)
status, denial = call("https://paste.example.com/")
print(json.dumps({"refused": status, "rule": denial["error"]["rule"]}), flush=True)
signal.pause()
