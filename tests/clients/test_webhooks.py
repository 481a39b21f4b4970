"""Webhooks at work: the official Stripe package in the sandbox, and beside `childproof serve` as in a pod."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import stripe

from childproof.sandbox.support import sealing_refusal
from tests.clients.served import serving

CHILDPROOF = [sys.executable, "-c", "from childproof.cli.main import main; main()"]
SHOP = '''
"""A shop: it registers an endpoint of its own, is paid, believes only what is signed, and fails once."""

import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import stripe

stripe.api_key = "sk_test_shop"
heard = []


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        event = stripe.Webhook.construct_event(body, self.headers["Stripe-Signature"], endpoint.secret)
        try:
            stripe.Webhook.construct_event(body + b" ", self.headers["Stripe-Signature"], endpoint.secret)
        except stripe.SignatureVerificationError:
            print("heard", event.type, event.data.object.amount, event.pending_webhooks, flush=True)
        heard.append(event.type)
        self.send_response(500 if heard == ["payment_intent.created", "payment_intent.succeeded"] else 200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


threading.Thread(target=ThreadingHTTPServer(("127.0.0.1", 4242), Hook).serve_forever, daemon=True).start()
wanted = ["payment_intent.created", "payment_intent.succeeded"]
endpoint = stripe.WebhookEndpoint.create(url="http://localhost:4242/hook", enabled_events=wanted)
stripe.PaymentIntent.create(amount=2000, currency="usd", payment_method="pm_card_visa", confirm=True,
                            payment_method_types=["card"])
while len(heard) < 2:
    time.sleep(0.05)
Path("failed").touch()
while len(heard) < 3:
    time.sleep(0.05)
while stripe.Event.list(type="payment_intent.succeeded").data[0].pending_webhooks:
    time.sleep(0.05)
print("told", [event.type for event in stripe.Event.list(delivery_success=True, type="payment_intent.*").data])
'''


def childproof(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CHILDPROOF, *arguments], cwd=folder, capture_output=True, text=True, check=False)


def waited(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.sealed
@pytest.mark.slow
def test_a_shop_in_the_sandbox_is_told_and_told_again_after_it_failed(tmp_path: Path) -> None:
    """Its own endpoint, made by the API; the retry comes as soon as the world's clock is there, from another process."""
    reason = sealing_refusal()
    if reason:
        pytest.skip(reason)
    (tmp_path / "shop.py").write_text(SHOP)
    command = [*CHILDPROOF, "run", "--", sys.executable, "shop.py"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        try:
            waited(lambda: (tmp_path / "failed").exists() or run.poll() is not None)
            waited(
                lambda: "waiting\t1\t500" in childproof(tmp_path, "webhooks", "list").stdout or run.poll() is not None
            )
            advanced = childproof(tmp_path, "world", "clock", "main", "advance", "10m")
            out, err = run.communicate(timeout=60)
        finally:
            run.kill()
    assert run.returncode == 0, err
    assert "1 webhook to be sent" in advanced.stderr
    assert out.splitlines() == [
        "heard payment_intent.created 2000 1",
        "heard payment_intent.succeeded 2000 1",
        "heard payment_intent.succeeded 2000 1",
        "told ['payment_intent.succeeded', 'payment_intent.created']",
    ]
    assert "0 bytes left this machine" in err
    assert "webhooks   2 delivered" in err
    logged = childproof(tmp_path, "log", "--json").stdout.splitlines()
    attempts = [entry for entry in map(json.loads, logged) if entry["target"] == "POST http://localhost:4242/hook"]
    assert [entry["status"] for entry in attempts] == [200, 500, 200]
    [cause] = {entry["cause"] for entry in attempts}
    assert [entry["method"] for entry in map(json.loads, logged) if entry["id"] == cause] == ["POST"]


def test_a_pod_delivers_to_its_own_loopback_where_it_is_told_so(tmp_path: Path) -> None:
    """Without that line, whatever listens on this machine hears nothing."""
    heard: list[bytes] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name, configured, count in (("closed", "", 0), ("open", "webhooks: {loopback: true}\n", 1)):
            folder = tmp_path / name
            folder.mkdir()
            (folder / "childproof.yaml").write_text(configured)
            with serving(folder) as served:
                stripe.ca_bundle_path = str(served.ca)  # the only way that the SDK takes it
                http = stripe.RequestsClient(proxy=f"http://{served.http}", timeout=10)
                client = stripe.StripeClient("sk_test_pod", http_client=http, max_network_retries=0)
                url = f"http://localhost:{server.server_address[1]}/"
                client.v1.webhook_endpoints.create({"url": url, "enabled_events": ["customer.created"]})
                client.v1.customers.create({"name": "Jenny"})
                done = "delivered" if count else "refused"
                waited(lambda: done in childproof(folder, "webhooks", "list").stdout)  # noqa: B023 (called at once)
            assert len(heard) == count
        server.shutdown()
