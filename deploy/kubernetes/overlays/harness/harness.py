"""Between two tries: what each sandbox did is told and kept as a world of its own, and its world begins anew."""

import json
import os
import time

from childproof.client import Client

SANDBOXES = ("blue", "green")

with Client(os.environ["CHILDPROOF_SERVER"], token=os.environ["CHILDPROOF_CONTROL_TOKEN"]) as server:
    for name in SANDBOXES:
        calls = list(server.calls(name))
        kept = server.fork(name, f"kept/{name}/{time.time_ns()}") if calls else None
        server.reset(name)
        denied = [call["target"] for call in calls if call["verdict"] == "deny"]
        print(json.dumps({"sandbox": name, "calls": len(calls), "denied": denied, "kept": kept.name if kept else None}))
