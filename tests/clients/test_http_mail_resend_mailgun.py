"""Resend and Mailgun, sealed in: their official packages and curl send, one mailbox has it all, webhooks are what they check."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.npm import NoNpm, package

CHILDPROOF = [sys.executable, "-c", "from childproof.cli.main import main; main()"]
RULES = """
version: 1
rules:
  - {name: resend, match: {host: [api.resend.com, cdn.resend.app]}, stub: resend}
  - {name: mailgun, match: {host: [api.mailgun.net, "*.api.mailgun.net"]}, stub: mailgun}
  - {name: no-such-user, match: {protocol: smtp, host: gone.example}, deny: {reason: no such user}}
"""
SHOP = '''
"""A shop that mails by Resend and Mailgun, and believes only signed events."""

import hashlib
import hmac
import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
import resend
from mailgun.client import Client
from resend.exceptions import ResendError

heard, refused = [], []


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        told = json.loads(body)
        if self.path == "/resend":
            signed = {name: self.headers[f"svix-{name}"] for name in ("id", "timestamp", "signature")}
            resend.Webhooks.verify({"payload": body, "headers": signed, "webhook_secret": hook["signing_secret"]})
            heard.append(("resend", told["type"], told["data"]["to"][0]))
        else:
            signed = told["signature"]
            made = hmac.new(key.encode(), (signed["timestamp"] + signed["token"]).encode(), hashlib.sha256).hexdigest()
            assert hmac.compare_digest(made, signed["signature"])
            heard.append(("mailgun", told["event-data"]["event"], told["event-data"]["recipient"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


threading.Thread(target=ThreadingHTTPServer(("127.0.0.1", 4244), Hook).serve_forever, daemon=True).start()

resend.api_key = "re_shop_key"
hook = resend.Webhooks.create({"endpoint": "http://localhost:4244/resend", "events": ["email.delivered", "email.bounced"]})
mail = {"from": "Shop <shop@example.com>", "to": ["jenny@home.example"], "subject": "Receipt €", "html": "<b>Thanks</b>"}
sent = resend.Emails.send({**mail, "attachments": [{"filename": "a.txt", "content": list(b"Hello")}]})
try:
    resend.Emails.send({**mail, "from": "me@elsewhere.example"})
except ResendError as error:
    print("resend", error.code, error.message)
resend.Emails.send({**mail, "to": ["nobody@gone.example"]})
url = resend.Emails.Attachments.list(sent["id"])["data"][0]["download_url"]
print("resend", requests.get(url).text)

client = Client(auth=("api", "key-shop"))
asked = requests.get("https://api.mailgun.net/v5/accounts/http_signing_key", auth=("api", "key-shop"))
key = asked.json()["http_signing_key"]
for kind in ("delivered", "permanent_fail"):
    client.domains_webhooks.create(domain="example.com", data={"id": kind, "url": "http://localhost:4244/mailgun"})
shop = {"from": "shop@example.com", "subject": "Hi %recipient.first%", "text": "Hello"}
variables = {"ann@home.example": {"first": "Ann"}, "bob@home.example": {"first": "Bob"}}
told = client.messages.create(domain="example.com", data={**shop, "to": list(variables), "recipient-variables": json.dumps(variables)})
print("mailgun", told.json()["message"])
client.messages.create(domain="example.com", data={**shop, "to": "nobody@gone.example"})
stored = client.events.get(domain="example.com", filters={"event": "delivered", "ascending": "yes"}).json()["items"][0]["storage"]["url"]
print("mailgun", requests.get(stored, auth=("api", "key-shop")).json()["subject"])
curl = ["curl", "-s", "--user", "api:key-shop", "https://api.mailgun.net/v3/example.com/messages", "-F", "from=shop@example.com",
        "-F", "to=cay@home.example", "-F", "to=dan@home.example", "-F", "subject=By curl", "-F", "text=Hi", "-F", "attachment=@shop.py"]
print("curl", json.loads(subprocess.run(curl, capture_output=True, check=True).stdout)["message"])
print("curl", subprocess.run([*curl[:2], curl[4]], capture_output=True, check=True).stdout.decode())
until = time.monotonic() + 30
while len(heard) < 7 and time.monotonic() < until:
    time.sleep(0.02)
print("heard", sorted(heard))
if len(sys.argv) > 1:
    time.sleep(1)  # five calls are taken within a second
    subprocess.run(["node", "resend.js", sys.argv[1]], check=True)
'''
HEARD = [
    ("mailgun", "delivered", "ann@home.example"),
    ("mailgun", "delivered", "bob@home.example"),
    ("mailgun", "delivered", "cay@home.example"),
    ("mailgun", "delivered", "dan@home.example"),
    ("mailgun", "failed", "nobody@gone.example"),
    ("resend", "email.bounced", "nobody@gone.example"),
    ("resend", "email.delivered", "jenny@home.example"),
]
NODE = """
const { Resend } = require(process.argv[2]);
const resend = new Resend("re_shop_key");
(async () => {
  const sent = await resend.emails.send({ from: "shop@example.com", to: "tom@home.example", subject: "By Node", text: "Hi" }, { idempotencyKey: "one" });
  const again = await resend.emails.send({ from: "shop@example.com", to: "tom@home.example", subject: "By Node", text: "Hi" }, { idempotencyKey: "one" });
  console.log("node", sent.error, sent.data.id === again.data.id);
  const got = await resend.emails.get(sent.data.id);
  console.log("node", got.data.last_event, got.data.to);
  const wrong = await resend.emails.send({ from: "shop@example.com", to: "nobody", subject: "x", text: "y" });
  console.log("node", wrong.error.statusCode, wrong.error.name);
})();
"""


@pytest.mark.sealed
def test_what_official_clients_mail_by_resend_and_mailgun_is_in_one_mailbox(
    tmp_path: Path, needs_sealing: None
) -> None:
    """Sent, refused, bounced, signed and counted as these services do, and not a byte left."""
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "resend.js").write_text(NODE)
    try:
        node = str(package("resend", "6.38.0")) if shutil.which("node") else ""
    except NoNpm:
        node = ""
    command = [*CHILDPROOF, "run", "--rules", "rules.yaml", "--world", "demo", "--", sys.executable, "shop.py", node]
    done = subprocess.run(
        [part for part in command if part], cwd=tmp_path, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[:8] == [
        "resend 403 The elsewhere.example domain is not verified. Please, add and verify your domain on https://resend.com/domains",
        "resend Hello",
        "mailgun Queued. Thank you.",
        "mailgun Hi %recipient.first%",
        "curl Queued. Thank you.",
        "curl Forbidden",
        f"heard {HEARD}",
        *(["node null true"] if node else []),
    ]
    if node:
        assert said[8:] == ["node delivered [ 'tom@home.example' ]", "node 422 validation_error"]
    assert "0 bytes left this machine" in done.stderr
    assert "1 mail bounced" in done.stderr
    listed = subprocess.run(
        [*CHILDPROOF, "mail", "--world", "demo", "--json"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    mails = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [(mail["via"]["service"], mail["subject"], mail["envelope"]["to"]) for mail in mails] == [
        ("resend", "Receipt €", ["jenny@home.example"]),
        ("mailgun", "Hi Ann", ["ann@home.example"]),
        ("mailgun", "Hi Bob", ["bob@home.example"]),
        ("mailgun", "By curl", ["cay@home.example", "dan@home.example"]),
        *([("resend", "By Node", ["tom@home.example"])] if node else []),
    ]
    assert [part["filename"] for part in mails[3]["attachments"]] == ["shop.py"]
