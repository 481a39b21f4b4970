"""Amazon SES, sealed in: boto3 and the JavaScript SDK with their own endpoints, signatures, waiters and retries."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.npm import NoNpm, package

CHILDPROOF = [sys.executable, "-c", "from childproof.cli.main import main; main()"]
WORLD = """
world: demo
clock: {run: real}
ses:
  sending: {verifies_after: 0.5}
  identities: [shop.example]
  subscriptions: [{topic: "arn:aws:sns:us-east-1:123456789012:mail", endpoint: "http://localhost:4244/sns"}]
"""
SHOP = '''
"""A shop that mails by both APIs, listens to what became of it, and asks for an identity in another region."""

import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from botocore.exceptions import ClientError

TOPIC = "arn:aws:sns:us-east-1:123456789012:mail"
heard = []


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["x-amz-sns-message-type"] == told["Type"] == "Notification"
        event = json.loads(told["Message"])
        heard.append((event["eventType"], event["mail"]["tags"]["order"][0]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


threading.Thread(target=ThreadingHTTPServer(("127.0.0.1", 4244), Hook).serve_forever, daemon=True).start()
os.environ |= {"AWS_ACCESS_KEY_ID": "AKIAFAKE", "AWS_SECRET_ACCESS_KEY": "fake", "AWS_DEFAULT_REGION": "us-east-1"}
ses, newer = boto3.client("ses"), boto3.client("sesv2")
text = {"Subject": {"Data": "Order 7"}, "Body": {"Text": {"Data": "Thank you"}, "Html": {"Data": "<b>Thank you</b>"}}}
newer.create_configuration_set(ConfigurationSetName="main")
newer.create_configuration_set_event_destination(
    ConfigurationSetName="main", EventDestinationName="topic",
    EventDestination={"Enabled": True, "MatchingEventTypes": ["DELIVERY", "BOUNCE"], "SnsDestination": {"TopicArn": TOPIC}},
)
sent = ses.send_email(
    Source="Shop <hello@shop.example>", Destination={"ToAddresses": ["Jenny <jenny@home.example>", "bounce@simulator.amazonses.com"]},
    Message=text, ConfigurationSetName="main", Tags=[{"Name": "order", "Value": "7"}],
)
print("sent", len(sent["MessageId"]), sent["ResponseMetadata"]["HTTPStatusCode"])
try:
    newer.send_email(FromEmailAddress="me@nobody.example", Destination={"ToAddresses": ["a@home.example"]}, Content={"Simple": text})
except ClientError as error:
    print(error.response["Error"]["Code"], error.response["Error"]["Message"])
ireland = boto3.client("ses", region_name="eu-west-1")
ireland.verify_email_identity(EmailAddress="me@nobody.example")
ireland.get_waiter("identity_exists").wait(Identities=["me@nobody.example"], WaiterConfig={"Delay": 1, "MaxAttempts": 20})
ireland.send_email(Source="me@nobody.example", Destination={"ToAddresses": ["tom@home.example"]}, Message=text)
print([one["IdentityName"] for one in newer.list_email_identities()["EmailIdentities"]])
until = time.monotonic() + 30
while len(heard) < 2 and time.monotonic() < until:
    time.sleep(0.02)
print("heard", sorted(heard))
if len(sys.argv) > 1:
    subprocess.run(["node", "shop.js", sys.argv[1]], check=True)
'''
NODE = """
const { SESv2Client, SendEmailCommand, GetEmailTemplateCommand } = require(process.argv[2]);
const client = new SESv2Client({ region: "us-east-1" });
(async () => {
  const Simple = { Subject: { Data: "From Node" }, Body: { Text: { Data: "Hi" } } };
  const to = { ToAddresses: ["tom@home.example"] };
  const sent = await client.send(new SendEmailCommand({ FromEmailAddress: "hello@shop.example", Destination: to, Content: { Simple } }));
  console.log("node", sent.MessageId.length);
  try {
    await client.send(new GetEmailTemplateCommand({ TemplateName: "none" }));
  } catch (error) {
    console.log("node", error.name, error.message);
  }
})();
"""


@pytest.mark.sealed
def test_amazons_clients_mail_into_the_one_mailbox(tmp_path: Path, needs_sealing: None) -> None:
    """By the default rules: two regions, what became of mails told to a topic's subscriber, refusals as SDKs know them."""
    (tmp_path / "world.yaml").write_text(WORLD)
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "shop.js").write_text(NODE)
    try:
        node = str(package("@aws-sdk/client-sesv2", "3.1169.0")) if shutil.which("node") else ""
    except NoNpm:
        node = ""
    subprocess.run([*CHILDPROOF, "world", "seed", "world.yaml"], cwd=tmp_path, capture_output=True, check=True)
    command = [*CHILDPROOF, "run", "--world", "demo", "--", sys.executable, "shop.py", node]
    done = subprocess.run(
        [part for part in command if part], cwd=tmp_path, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[:4] == [
        "sent 60 200",
        "MessageRejected Email address is not verified. The following identities failed the check in region US-EAST-1: me@nobody.example",
        "['childproof.example', 'example.com', 'shop.example']",
        "heard [('Bounce', '7'), ('Delivery', '7')]",
    ]
    if node:
        assert said[4:] == ["node 60", "node NotFoundException Template none does not exist."]
    listed = subprocess.run(
        [*CHILDPROOF, "mail", "--world", "demo", "--json"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    mails = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [mail["envelope"]["to"] for mail in mails][:2] == [["jenny@home.example"], ["tom@home.example"]]
    assert mails[0]["html"].strip() == "<b>Thank you</b>"
    assert mails[1]["message_id"].endswith("@eu-west-1.amazonses.com>")
    assert [mail["subject"] for mail in mails[2:]] == (["From Node"] if node else [])
