"""Real clients through the explicit proxy: the official Stripe SDK, smtplib, requests, httpx, curl, git."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.served import Served, serving

STRIPE = """
import os, stripe
stripe.api_key, stripe.proxy, stripe.ca_bundle_path = "sk_test_client", os.environ["PROXY"], os.environ["CA"]
customer = stripe.Customer.create(email="jenny@example.com", metadata={"a": "b"})
assert stripe.Customer.retrieve(customer.id).email == "jenny@example.com"
def pay():
    return stripe.PaymentIntent.create(amount=4200, currency="usd", customer=customer.id, payment_method="pm_card_visa",
        payment_method_types=["card"], confirm=True, expand=["latest_charge"], idempotency_key="once")
intent = pay()
assert intent.status == "succeeded" and intent.latest_charge.amount == 4200
assert pay().id == intent.id
try:
    stripe.PaymentIntent.create(amount=1, currency="usd", nonsense=1)
except stripe.InvalidRequestError as error:
    assert error.code == "parameter_unknown" and error.param == "nonsense", error
else:
    raise SystemExit("nonsense was accepted")
print(intent.id)
"""

MAIL = """
import os, smtplib, socket, ssl
host, port = os.environ["PROXY"].removeprefix("http://").split(":")

class Tunnelled(smtplib.SMTP):
    def _get_socket(self, target, target_port, timeout):
        sock = socket.create_connection((host, int(port)), timeout)
        sock.sendall(f"CONNECT {target}:{target_port} HTTP/1.1\\r\\nHost: {target}:{target_port}\\r\\n\\r\\n".encode())
        head = b""
        while not head.endswith(b"\\r\\n\\r\\n"):
            head += sock.recv(1)
        assert b" 200 " in head.split(b"\\r\\n")[0], head
        return sock

with Tunnelled("smtp.gmail.com", 587, timeout=20) as smtp:
    smtp.starttls(context=ssl.create_default_context(cafile=os.environ["CA"]))
    smtp.login("shop@example.com", "an app password")
    print(smtp.sendmail("shop@example.com", ["jenny@example.com"], "Subject: Your receipt\\n\\nThank you."))
"""

REQUESTS = """
import os, requests
reply = requests.get("https://nobody.example/x", proxies={"https": os.environ["PROXY"]})
print(reply.status_code, reply.json()["error"]["type"])
"""

HTTPX = """
import os, ssl, httpx
trust = ssl.create_default_context(cafile=os.environ["CA"])
reply = httpx.Client(proxy=os.environ["PROXY"], verify=trust).get("https://nobody.example/x")
print(reply.status_code, reply.json()["error"]["type"])
"""


def test_the_official_stripe_sdk_works_unchanged(served: Served) -> None:
    done = served.run(sys.executable, "-c", STRIPE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("pi_")


def test_smtplib_sends_through_a_tunnel_with_starttls_and_login(served: Served) -> None:
    done = served.run(sys.executable, "-c", MAIL)
    assert done.returncode == 0, done.stderr
    entry = [entry for entry in served.entries() if entry["protocol"] == "smtp"][-1]
    assert (entry["verdict"], entry["stub"], entry["status"]) == ("stub", "email", 250)
    assert "an app password" not in str(entry)


@pytest.mark.parametrize("code", [REQUESTS, HTTPX], ids=["requests", "httpx"])
def test_a_host_that_no_rule_knows_is_denied_in_words(served: Served, code: str) -> None:
    done = served.run(sys.executable, "-c", code)
    assert done.stdout.split() == ["403", "childproof_denied"], done.stderr


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("way", ["http", "socks5h"])
def test_curl_gets_the_stub_through_http_and_socks(served: Served, way: str) -> None:
    address = served.http if way == "http" else served.socks
    done = served.run(
        "curl", "-sS", "-x", f"{way}://{address}", "-u", "sk_test_client:", "https://api.stripe.com/v1/balance"
    )
    assert '"object": "balance"' in done.stdout, done.stderr


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_a_host_header_that_names_another_host_is_refused(served: Served) -> None:
    done = served.run(
        "curl", "-sS", "-x", f"http://{served.http}", "-H", "Host: evil.example", "https://api.stripe.com/v1/balance"
    )
    assert "childproof_denied" in done.stdout, done.stderr
    assert served.entries()[-1]["verdict"] == "deny"


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_git_is_refused_and_says_why(served: Served) -> None:
    done = served.run(
        "git",
        *("-c", f"http.proxy=http://{served.http}", "-c", f"http.sslCAInfo={served.ca}"),
        *("ls-remote", "https://git.example/someone/something.git"),
    )
    assert done.returncode != 0
    assert "403" in done.stderr


def test_the_proxy_can_not_be_used_to_reach_the_machine_it_runs_on(served: Served) -> None:
    done = served.run(
        sys.executable,
        "-c",
        f"import requests; r = requests.get('http://{served.http}/', proxies={{'http': 'http://{served.http}'}}); "
        "print(r.status_code)",
    )
    assert done.stdout.strip() == "403", done.stderr


def test_mode_env_says_that_it_is_not_sealed_and_judges_what_comes(tmp_path: Path) -> None:
    code = "import requests; print(requests.get('https://nobody.example/').status_code)"
    done = subprocess.run(
        [sys.executable, "-m", "childproof", "run", "--mode", "env", "--", sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "403\n"), done.stderr
    assert "NOT SEALED" in done.stderr
    assert "GET https://nobody.example/" in done.stderr


def test_rules_are_read_again_on_sighup_and_broken_ones_leave_the_old_in_force(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rule = "version: 1\nrules:\n  - {name: hello, match: {host: hello.example}, reply: {status: 200, text: %s}}\n"
    rules.write_text(rule % "one")
    with serving(tmp_path, "--rules", str(rules)) as served:

        def hello() -> str:
            code = "import os, requests; print(requests.get('http://hello.example/', proxies={'http': os.environ['PROXY']}).text)"
            return served.run(sys.executable, "-c", code).stdout.strip()

        def reread(until: str) -> str:
            served.process.send_signal(signal.SIGHUP)
            assert served.process.stderr is not None
            said = ""
            while until not in said:
                line = served.process.stderr.readline()
                assert line, said
                said += line
            return said

        assert hello() == "one"
        rules.write_text("version: 1\nrules: nonsense\n")
        assert "stay as they were" in reread("rules.yaml:2")
        assert hello() == "one"
        rules.write_text(rule % "two")
        reread("read again")
        assert hello() == "two"
