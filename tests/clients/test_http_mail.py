"""HTTP mail, sealed in: official packages send, one mailbox has it all, and what became of it is told and signed."""

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
  - {name: sendgrid, match: {host: api.sendgrid.com}, stub: sendgrid}
  - {name: postmark, match: {host: api.postmarkapp.com}, stub: postmark}
  - {name: no-such-user, match: {protocol: smtp, host: gone.example}, deny: {reason: no such user}}
"""
SHOP = '''
"""A shop that mails by SendGrid, believes only signed events, and mails by Postmark's client for Node."""

import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from python_http_client.exceptions import BadRequestsError, UnauthorizedError
from sendgrid import SendGridAPIClient
from sendgrid.helpers.eventwebhook import EventWebhook
from sendgrid.helpers.mail import Attachment, Bcc, Cc, Mail, ReplyTo, To

heard = []


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        signature = self.headers["X-Twilio-Email-Event-Webhook-Signature"]
        stamp = self.headers["X-Twilio-Email-Event-Webhook-Timestamp"]
        assert listener.verify_signature(body, signature, stamp)
        assert not listener.verify_signature(body + " ", signature, stamp)
        heard.extend((event["event"], event["email"]) for event in json.loads(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


threading.Thread(target=ThreadingHTTPServer(("127.0.0.1", 4243), Hook).serve_forever, daemon=True).start()
client = SendGridAPIClient("SG.shop.key")
wanted = {"enabled": True, "url": "http://localhost:4243/events", "delivered": True, "bounce": True, "dropped": True}
client.client.user.webhooks.event.settings.patch(request_body=wanted)
key = json.loads(client.client.user.webhooks.event.settings.signed.patch(request_body={"enabled": True}).body)["public_key"]
listener = EventWebhook(key)

mail = Mail(("shop@example.com", "Shop"), [To("jenny@home.example", "Jenny Müller")], "Your receipt €", "Thank you", "<b>Thank you</b>")
mail.add_cc(Cc("boss@home.example"))
mail.add_bcc(Bcc("audit@home.example"))
mail.reply_to = ReplyTo("help@example.com")
mail.add_attachment(Attachment("JVBERg==", "invoice.pdf", "application/pdf"))
sent = client.send(mail)
print("sendgrid", sent.status_code, len(sent.headers["X-Message-Id"]))
for attempt in range(2):
    client.send(Mail("shop@example.com", "nobody@gone.example", "Hello", "Hello"))
try:
    client.client.mail.send.post(request_body={**mail.get(), "personalizations": [{"to": [{"email": "nobody"}]}]})
except BadRequestsError as error:
    print("sendgrid", json.loads(error.body)["errors"][0]["message"])
try:
    SendGridAPIClient("wrong").send(mail)
except UnauthorizedError as error:
    print("sendgrid", json.loads(error.body)["errors"][0]["message"])
until = time.monotonic() + 30
while len(heard) < 5 and time.monotonic() < until:
    time.sleep(0.02)
print("heard", sorted(heard))
if len(sys.argv) > 1:
    subprocess.run(["node", "postmark.js", sys.argv[1]], check=True)
'''
HEARD = [
    ("bounce", "nobody@gone.example"),
    ("delivered", "audit@home.example"),
    ("delivered", "boss@home.example"),
    ("delivered", "jenny@home.example"),
    ("dropped", "nobody@gone.example"),
]
NODE = """
const { ServerClient } = require(process.argv[2]);
const client = new ServerClient("childproof-server-token");
(async () => {
  const sent = await client.sendEmail({ From: "shop@example.com", To: "Tom <tom@home.example>", Subject: "Hi", TextBody: "Hi" });
  console.log("postmark", sent.ErrorCode, sent.Message);
  await client.createTemplate({ Name: "T", Alias: "t", Subject: "For {{name}}", HtmlBody: "<p>{{name}}</p>" });
  await client.sendEmailWithTemplate({ From: "shop@example.com", To: "tom@home.example", TemplateAlias: "t", TemplateModel: { name: "Tom" } });
  await client.sendEmail({ From: "shop@example.com", To: "nobody@gone.example", TextBody: "Hi" });
  const bounces = await client.getBounces({ count: 10 });
  console.log("postmark", bounces.TotalCount, bounces.Bounces[0].Type);
  try {
    await client.sendEmail({ From: "shop@example.com", To: "nobody@gone.example", TextBody: "Hi" });
  } catch (error) {
    console.log("postmark", error.name, error.code, error.recipients);
  }
  await client.activateBounce(bounces.Bounces[0].ID);
  const found = await client.getOutboundMessages({ count: 10, recipient: "tom@home.example" });
  const details = await client.getOutboundMessageDetails(found.Messages[0].MessageID);
  console.log("postmark", found.TotalCount, details.Subject, details.MessageEvents[0].Type);
})();
"""


@pytest.mark.sealed
def test_what_official_clients_mail_is_in_one_mailbox_without_a_rule_for_mail(
    tmp_path: Path, needs_sealing: None
) -> None:
    """A rule that denies mail to a host is a bounce there; events reach the sandbox; each mail is told once."""
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "postmark.js").write_text(NODE)
    try:
        postmark = str(package("postmark", "5.1.0")) if shutil.which("node") else ""
    except NoNpm:
        postmark = ""
    command = [
        *CHILDPROOF,
        "run",
        "--rules",
        "rules.yaml",
        "--world",
        "demo",
        "--",
        sys.executable,
        "shop.py",
        postmark,
    ]
    done = subprocess.run(
        [part for part in command if part], cwd=tmp_path, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[:4] == [
        "sendgrid 202 22",
        "sendgrid Does not contain a valid address.",
        "sendgrid The provided authorization grant is invalid, expired, or revoked",
        f"heard {HEARD}",
    ]
    if postmark:
        assert said[4:] == [
            "postmark 0 OK",
            "postmark 1 HardBounce",
            "postmark InactiveRecipientsError 406 [ 'nobody@gone.example' ]",
            "postmark 2 For Tom Delivered",
        ]
    assert "0 bytes left this machine" in done.stderr
    assert done.stderr.count("would have sent") == 1
    listed = subprocess.run(
        [*CHILDPROOF, "mail", "--world", "demo", "--json"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    first, *others = [json.loads(line) for line in listed.stdout.splitlines()]
    assert first["envelope"]["to"] == ["jenny@home.example", "boss@home.example", "audit@home.example"]
    assert first["to"] == [{"name": "Jenny Müller", "address": "jenny@home.example"}]
    assert (first["bcc"], first["subject"], first["via"]["service"]) == (
        ["audit@home.example"],
        "Your receipt €",
        "sendgrid",
    )
    assert [part["filename"] for part in first["attachments"]] == ["invoice.pdf"]
    assert [mail["via"]["service"] for mail in others] == (["postmark", "postmark"] if postmark else [])
    shown = subprocess.run(
        [*CHILDPROOF, "mail", "show", "1", "--world", "demo"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "by sendgrid, from <shop@example.com>" in shown.stdout
