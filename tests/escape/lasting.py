"""What the tests of streams and WebSockets share: clients through a machine's proxy, and what was settled."""

import ssl
import time

import httpx
import websockets.exceptions
import websockets.sync.client
import websockets.sync.server


def settled(machine, count=1):
    deadline = time.monotonic() + 5
    while len(machine.judge.settled) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return machine.judge.settled


class OnlyHttp2(ssl.SSLContext):
    def set_alpn_protocols(self, protocols):
        super().set_alpn_protocols(["h2"])


def client(machine, http2):
    context = OnlyHttp2(ssl.PROTOCOL_TLS_CLIENT) if http2 else ssl.create_default_context()
    context.load_verify_locations(str(machine.ca.cert_pem))
    return httpx.Client(
        http1=not http2, http2=http2, verify=context, proxy=f"http://127.0.0.1:{machine.port}", timeout=10
    )


def connect(machine, address="wss://api.example/live", **more):
    trust = ssl.create_default_context(cafile=str(machine.ca.cert_pem))
    return websockets.sync.client.connect(address, ssl=trust, proxy=f"http://127.0.0.1:{machine.port}", **more)
