"""Mail by either API is in the world's mailbox; what isn't taken is refused in the service's words."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from childproof.model import Call, Protocol

SENDER = "Shop <hello@childproof.example>"
TEXT = {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "there"}}}


def plain(client: Any, to: str = "jenny@home.example", **options: Any) -> Any:
    return client.send_email(Source=SENDER, Destination={"ToAddresses": [to]}, Message=TEXT, **options)


def test_both_apis_send_into_the_one_mailbox(api: Any, ses: Any, ses2: Any) -> None:
    """Names, copies, blind copies, HTML and a Message-ID made of the id that the client got."""
    first = ses.send_email(
        Source=SENDER,
        Destination={
            "ToAddresses": ["Jenny <jenny@home.example>"],
            "CcAddresses": [],
            "BccAddresses": ["boss@home.example"],
        },
        Message={"Subject": {"Data": "Grüße"}, "Body": {"Text": {"Data": "plain"}, "Html": {"Data": "<b>rich</b>"}}},
        ReplyToAddresses=["help@childproof.example"],
    )
    attachment = {"FileName": "a.txt", "RawContent": b"file", "ContentType": "text/plain"}
    content = {**TEXT, "Headers": [{"Name": "X-Order", "Value": "7"}], "Attachments": [attachment]}
    second = ses2.send_email(
        FromEmailAddress="hello@childproof.example",
        Destination={"ToAddresses": ["a@home.example"], "CcAddresses": ["b@home.example"]},
        Content={"Simple": content},
    )
    one, two = api.mails()
    assert re.fullmatch(r"0100[0-9a-f]{12}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-000000", first["MessageId"])
    assert one["message_id"] == f"<{first['MessageId']}@email.amazonses.com>"
    assert (one["subject"], one["text"].strip(), one["html"].strip()) == ("Grüße", "plain", "<b>rich</b>")
    assert (one["to"], one["bcc"]) == ([{"name": "Jenny", "address": "jenny@home.example"}], ["boss@home.example"])
    assert one["reply_to"][0]["address"] == "help@childproof.example"
    assert two["message_id"] == f"<{second['MessageId']}@email.amazonses.com>"
    assert two["envelope"]["to"] == ["a@home.example", "b@home.example"]
    assert ["X-Order", "7"] in two["headers"]
    assert two["attachments"][0]["filename"] == "a.txt"


def test_a_whole_message_is_sent_as_it_was_written(api: Any, ses: Any, ses2: Any) -> None:
    """Without what is for the service alone; recipients of the request go before those of the headers."""
    raw = (
        b"From: hello@childproof.example\r\nTo: a@home.example\r\nBcc: b@home.example\r\nMessage-ID: <mine@x>\r\n"
        b"X-SES-MESSAGE-TAGS: kind=note\r\nSubject: Raw\r\n\r\nBody\r\n"
    )
    ses.send_raw_email(RawMessage={"Data": raw})
    ses2.send_email(Content={"Raw": {"Data": raw}}, Destination={"ToAddresses": ["c@home.example"]})
    one, two = api.mails()
    assert one["envelope"]["to"] == ["a@home.example", "b@home.example"]
    assert two["envelope"]["to"] == ["c@home.example"]
    names = [name.lower() for name, _ in one["headers"]]
    assert "bcc" not in names
    assert "x-ses-message-tags" not in names
    assert names.count("message-id") == 1
    assert one["text"].strip() == "Body"


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"Source": "x@nobody.example"}, "MessageRejected", "failed the check in region US-EAST-1: x@nobody.example"),
        ({"Destination": {"ToAddresses": ["nobody"]}}, "InvalidParameterValue", "Missing final '@domain'."),
        ({"Destination": {"ToAddresses": []}}, "InvalidParameterValue", "Missing required header 'To'."),
        ({"Destination": {"ToAddresses": [f"a{n}@b.example" for n in range(51)]}}, "InvalidParameterValue", "Recipient count exceeds 50."),
        ({"ConfigurationSetName": "none"}, "ConfigurationSetDoesNotExist", "Configuration set <none> does not exist."),
        ({"Tags": [{"Name": "a b", "Value": "c"}]}, "InvalidParameterValue", "Invalid tag name or value <a b>."),
        ({"Message": {**TEXT, "Body": {"Text": {"Data": "x" * 10_485_761}}}}, "InvalidParameterValue", "more than 10485760 bytes long"),
    ],
)  # fmt: skip
def test_what_isnt_taken_leaves_nothing(
    api: Any, ses: Any, refused: Callable[..., Any], change: Any, code: str, words: str
) -> None:
    """Each in the service's words, and no mail and no count afterwards."""
    asked = {"Source": SENDER, "Destination": {"ToAddresses": ["jenny@home.example"]}, "Message": TEXT, **change}
    found = refused(ses.send_email, **asked)
    assert found[0] == code
    assert words in found[1]
    assert found[2] == 400
    assert api.mails() == []
    assert ses.get_send_quota()["SentLast24Hours"] == 0


def test_v2_words_its_refusals_otherwise(ses2: Any, refused: Callable[..., Any]) -> None:
    """Codes in a header, messages in JSON, statuses of their own."""
    asked = {"FromEmailAddress": SENDER, "Destination": {"ToAddresses": ["a@home.example"]}}
    template = {"Template": {"TemplateName": "none", "TemplateData": "{}"}}
    assert refused(ses2.send_email, **asked, Content=template) == (
        "NotFoundException",
        "Template none does not exist.",
        404,
    )
    wrong = {"Template": {"TemplateContent": {"Subject": "a", "Text": "b"}, "TemplateData": "["}}
    assert refused(ses2.send_email, **asked, Content=wrong)[0] == "BadRequestException"
    unverified = {**asked, "FromEmailAddress": "x@nobody.example"}
    assert refused(ses2.send_email, **unverified, Content={"Simple": TEXT})[0] == "MessageRejected"


def test_an_account_sends_so_many_a_second_and_a_day(
    api: Any, ses: Any, ses2: Any, refused: Callable[..., Any]
) -> None:
    """Recipients are counted; a second later there is room again. In the sandbox, recipients must be verified, too."""
    many = {"ToAddresses": [f"a{n}@home.example" for n in range(14)]}
    ses.send_email(Source=SENDER, Destination=many, Message=TEXT)
    asked = {"Source": SENDER, "Destination": {"ToAddresses": ["b@home.example"]}, "Message": TEXT}
    assert refused(ses.send_email, **asked) == ("Throttling", "Maximum sending rate exceeded.", 400)
    newer = {
        "FromEmailAddress": SENDER,
        "Destination": {"ToAddresses": ["b@home.example"]},
        "Content": {"Simple": TEXT},
    }
    assert refused(ses2.send_email, **newer) == ("TooManyRequestsException", "Maximum sending rate exceeded.", 429)
    api.passes(1)
    plain(ses)
    ses2.put_account_details(MailType="TRANSACTIONAL", WebsiteURL="https://shop.example", ProductionAccessEnabled=False)
    api.passes(1)
    assert "jenny@home.example" in refused(plain, client=ses)[1]
    plain(ses, "jenny@example.com")
    assert ses.get_send_quota()["Max24HourSend"] == 200
    ses.update_account_sending_enabled(Enabled=False)
    assert refused(plain, client=ses, to="jenny@example.com")[0] == "AccountSendingPausedException"


def test_what_became_of_mails_is_told(api: Any, ses: Any, ses2: Any) -> None:
    """The simulator's addresses, a refusing mailbox, and who is suppressed since: to topics, insights and statistics."""
    api.subscribe("arn:aws:sns:us-east-1:123456789012:mail", "https://hooks.example/sns")
    ses2.create_configuration_set(ConfigurationSetName="main")
    kinds = ["SEND", "DELIVERY", "BOUNCE", "COMPLAINT"]
    destination = {
        "Enabled": True,
        "MatchingEventTypes": kinds,
        "SnsDestination": {"TopicArn": "arn:aws:sns:us-east-1:123456789012:mail"},
    }
    ses2.create_configuration_set_event_destination(
        ConfigurationSetName="main", EventDestinationName="t", EventDestination=destination
    )
    to = [
        "bounce@simulator.amazonses.com",
        "complaint+x@simulator.amazonses.com",
        "refused@home.example",
        "fine@home.example",
    ]
    sent = ses2.send_email(
        FromEmailAddress=SENDER, Destination={"ToAddresses": to}, Content={"Simple": TEXT}, ConfigurationSetName="main",
        EmailTags=[{"Name": "kind", "Value": "news"}],
    )  # fmt: skip
    told = [json.loads(body["Message"]) for _, body in api.told()]
    assert {url for url, _ in api.told()} == {"https://hooks.example/sns"}
    found = [
        (one["eventType"], *(one.get("bounce", {}).get(key) for key in ("bounceType", "bounceSubType"))) for one in told
    ]
    assert found[0] == ("Send", None, None)
    assert ("Bounce", "Permanent", "General") in found
    assert all(one["mail"]["messageId"] == sent["MessageId"] for one in told)
    assert told[0]["mail"]["tags"]["kind"] == ["news"]
    insights = ses2.get_message_insights(MessageId=sent["MessageId"])
    by_address = {one["Destination"]: [event["Type"] for event in one["Events"]] for one in insights["Insights"]}
    assert by_address[to[0]] == ["SEND", "BOUNCE"]
    point = ses.get_send_statistics()["SendDataPoints"][0]
    assert point["DeliveryAttempts"] == 4
    assert point["Bounces"] >= 1


def test_who_is_suppressed_gets_nothing(api: Any, ses2: Any, refused: Callable[..., Any]) -> None:
    """A mailbox that refuses puts its address onto the list; off it, mail goes out again."""
    asked = {
        "FromEmailAddress": SENDER,
        "Destination": {"ToAddresses": ["refused@home.example"]},
        "Content": {"Simple": TEXT},
    }
    ses2.send_email(**asked)
    found = ses2.get_suppressed_destination(EmailAddress="refused@home.example")["SuppressedDestination"]
    assert found["Reason"] == "BOUNCE"
    ses2.put_suppressed_destination(EmailAddress="Gone@home.example", Reason="COMPLAINT")
    listed = ses2.list_suppressed_destinations(Reasons=["COMPLAINT"])["SuppressedDestinationSummaries"]
    assert [one["EmailAddress"] for one in listed] == ["Gone@home.example"]
    ses2.send_email(
        FromEmailAddress=SENDER, Destination={"ToAddresses": ["Gone@home.example"]}, Content={"Simple": TEXT}
    )
    assert api.mails() == []
    ses2.delete_suppressed_destination(EmailAddress="Gone@home.example")
    ses2.send_email(
        FromEmailAddress=SENDER, Destination={"ToAddresses": ["Gone@home.example"]}, Content={"Simple": TEXT}
    )
    assert len(api.mails()) == 1
    assert refused(ses2.delete_suppressed_destination, EmailAddress="Gone@home.example")[2] == 404


def test_calls_have_to_be_signed(api: Any, refused: Callable[..., Any]) -> None:
    """Without a signature, with half of one; with a secret that the seed tells, also whether it is right."""
    api.knows("AKIAKNOWN", "right")
    api.client("ses", key="AKIAKNOWN", secret="right").get_send_quota()
    api.client("sesv2", key="AKIAKNOWN", secret="right").get_email_identity(EmailIdentity="example.com")
    wrong = api.client("ses", key="AKIAKNOWN", secret="wrong")
    assert refused(wrong.get_send_quota)[0] == "SignatureDoesNotMatch"
    newer = api.client("sesv2", key="AKIAKNOWN", secret="wrong")
    assert refused(newer.get_account)[0] == "InvalidSignatureException"
    form = (("Content-Type", "application/x-www-form-urlencoded"),)

    def bare(*headers: tuple[str, str]) -> Any:
        call = Call(
            Protocol.HTTP, "email.us-east-1.amazonaws.com", 443, scheme="https", method="POST", path="/", headers=(*form, *headers),
            body=b"Action=GetSendQuota&Version=2010-12-01", tls=True,
        )  # fmt: skip
        return api.call(call)

    missing = bare()
    assert (missing.status, b"<Code>MissingAuthenticationToken</Code>" in missing.body) == (403, True)
    half = bare(("Authorization", "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request"))
    assert (half.status, b"<Code>IncompleteSignature</Code>" in half.body) == (400, True)


def test_an_action_that_isnt_there_is_said_in_xml(api: Any, ses: Any) -> None:
    """A gap, in the API's own shape."""
    signed = api.client("ses")
    sent: list[Any] = []
    signed.meta.events.register_first("before-send", lambda request, **_: sent.append(request))
    signed.get_send_quota()
    headers = tuple(
        (name, value.decode() if isinstance(value, bytes) else str(value)) for name, value in sent[0].headers.items()
    )
    call = Call(
        Protocol.HTTP, "email.us-east-1.amazonaws.com", 443, scheme="https", method="POST", path="/", tls=True,
        headers=tuple(("Content-Type", "application/x-www-form-urlencoded") if name == "Content-Type" else (name, value) for name, value in headers),
        body=b"Action=Nothing&Version=2010-12-01",
    )  # fmt: skip
    reply = api.call(call)
    assert reply.status == 400
    assert b"<Code>InvalidAction</Code>" in reply.body


def test_raw_data_that_is_no_message_is_refused(ses: Any, refused: Callable[..., Any]) -> None:
    """A message without a sender."""
    found = refused(ses.send_raw_email, RawMessage={"Data": base64.b64decode("SGVsbG8=")})
    assert found == ("InvalidParameterValue", "Missing required header 'From'.", 400)
