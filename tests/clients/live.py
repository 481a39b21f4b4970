"""The stub of tests/data that streams, talks and has procedures, served through the real proxy."""

import sys
from pathlib import Path
from typing import Any

from tests.clients.served import Served

STUB = Path(__file__).parents[1] / "data" / "stubs" / "live"
RULES = """
version: 1
rules:
  - {name: live, match: {host: "*.live.example"}, stub: live}
  - {name: canned, match: {host: canned.example}, reply: {parts: ["one ", {pause: 50ms}, "two"]}}
"""
# what each script begins with: an order, placed over plain HTTP
PLACED = """
import os, ssl, json, httpx
trust = ssl.create_default_context(cafile=os.environ["CA"])
class OnlyHttp2(ssl.SSLContext):
    def set_alpn_protocols(self, protocols): super().set_alpn_protocols(["h2"])
only_http2 = OnlyHttp2(ssl.PROTOCOL_TLS_CLIENT)
only_http2.load_verify_locations(os.environ["CA"])
KEY = {"authorization": "Bearer key"}
def client(http2=False):
    verify = only_http2 if http2 else trust
    return httpx.Client(proxy=os.environ["PROXY"], verify=verify, headers=KEY, timeout=20, http1=not http2, http2=http2)
api = "https://api.live.example"
with client() as http:
    order = http.post(api + "/orders", json={"item": "tea"}).json()["id"]
"""


def script(served: Served, code: str, **env: str) -> list[str]:
    done = served.run(sys.executable, "-c", PLACED + code, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def last(served: Served, **wanted: Any) -> dict[str, Any]:
    """The newest entry with these values."""
    found = [entry for entry in served.entries() if all(entry[key] == value for key, value in wanted.items())]
    assert found, wanted
    return found[-1]
