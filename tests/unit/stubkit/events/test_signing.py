"""Signatures of webhooks: what the vendors publish, digit for digit, and what their own libraries accept."""

import hashlib
import hmac
import json
import time
from urllib.parse import urlencode

import pytest
import stripe

from childproof.stubkit.events.elliptic import ecdsa_key, ecdsa_public_key
from childproof.stubkit.events.signing import FORM, Message, addressed, signer, within


def message(body: str = '{"a":"ü"}', **fields: object) -> Message:
    return Message(**{"id": "evt_1", "at": 1_614_265_330, "url": "https://x.example/h", "body": body, **fields})


def test_the_standard_webhooks_example() -> None:
    """The vector that the standard's libraries test themselves with (github.com/standard-webhooks)."""
    given = message('{"test": 2432232314}', id="msg_p5jXN8AQM9LWM0D4loKWxJek")
    signed = signer({"scheme": "standard-webhooks"})(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], given)
    assert signed == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_headers_of_the_standard_may_begin_otherwise_and_hold_a_signature_for_each_secret() -> None:
    """Svix names them `svix-…`; while a secret is rolled, both sign."""
    one, two = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAECAwQFBgcICQoLDA0ODw"  # the second without padding
    signed = signer({"scheme": "standard-webhooks", "prefix": "svix"})([one, two], message())
    assert set(signed) == {"svix-id", "svix-timestamp", "svix-signature"}
    alone = [signer({"scheme": "standard-webhooks"})([secret], message())["webhook-signature"] for secret in (one, two)]
    assert signed["svix-signature"].split(" ") == alone


def test_stripes_library_takes_a_timestamped_signature_with_any_of_its_secrets() -> None:
    """`stripe.Webhook` is the judge: the right body, each secret of those that are rolled, no other."""
    now = message(at=int(time.time()))
    header = signer({"scheme": "timestamped", "header": "Stripe-Signature"})(["whsec_new", "whsec_old"], now)
    value = header["Stripe-Signature"]
    for secret in ("whsec_new", "whsec_old"):
        assert stripe.WebhookSignature.verify_header(now.body, value, secret, 300)
    for body, secret in ((now.body + " ", "whsec_new"), (now.body, "whsec_other")):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.WebhookSignature.verify_header(body, value, secret, 300)


def test_slacks_documented_example() -> None:
    """From "Verifying requests from Slack" (docs.slack.dev)."""
    body = (
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name="
        "foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2F"
        "hooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015."
        "47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    written = {"scheme": "versioned", "header": "X-Slack-Signature", "timestamp": "X-Slack-Request-Timestamp"}
    assert signer(written)(["8f742231b10e8888abcd99yyyzzz85a5"], message(body, at=1_531_420_618)) == {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }


def test_githubs_documented_example() -> None:
    """From "Validating webhook deliveries" (docs.github.com); the SHA-1 header is of the same key and body."""
    written = {"scheme": "hmac-sha256", "header": "X-Hub-Signature-256", "legacy": "X-Hub-Signature"}
    assert signer(written)(["It's a Secret to Everybody"], message("Hello, World!")) == {
        "X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "X-Hub-Signature": "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59",
    }


def test_a_digest_may_stand_alone_in_base64() -> None:
    """As shops do it that send `X-Shopify-Hmac-Sha256`."""
    written = {"scheme": "hmac-sha256", "encoding": "base64", "prefix": ""}
    signed = signer(written)(["It's a Secret to Everybody"], message("Hello, World!"))
    assert signed == {"X-Signature": "dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc="}


def test_twilios_documented_example() -> None:
    """From "Validating Signatures from Twilio" (twilio.com/docs/usage/security)."""
    pairs = {"Digits": "1234", "To": "+18005551212", "From": "+14158675309", "Caller": "+14158675309",
             "CallSid": "CA1234567890ABCDE"}  # fmt: skip
    given = message(urlencode(pairs), url="https://mycompany.com/myapp.php?foo=1&bar=2", media=FORM)
    written = {"scheme": "url-and-form", "header": "X-Twilio-Signature"}
    assert signer(written)(["12345"], given) == {"X-Twilio-Signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}


def test_a_body_that_is_no_form_is_signed_by_its_hash_in_the_url() -> None:
    """Then the URL alone is signed, and another body has another URL."""
    written = {"scheme": "url-and-form"}
    url = addressed(written, "https://x.example/h?a=1#part", "{}", "application/json")
    assert url.startswith(
        "https://x.example/h?a=1&bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61"
    )
    assert url.endswith("#part")
    assert addressed(written, "https://x.example/h", "a=1", FORM) == "https://x.example/h"
    signed = [signer(written)(["k"], message(body, url=url))["X-Signature"] for body in ("{}", "[]")]
    assert signed[0] == signed[1]
    assert signer(written)(["k"], message("{}", url="https://x.example/h"))["X-Signature"] != signed[0]


@pytest.mark.parametrize("scheme", ["standard-webhooks", "timestamped", "versioned", "hmac-sha256", "url-and-form"])
def test_without_a_secret_nothing_is_signed_and_another_secret_signs_otherwise(scheme: str) -> None:
    """A listener that knows no secret gets no signature; one that knows another refuses ours."""
    sign = signer({"scheme": scheme})
    assert sign([], message()) == {}
    assert sign(["one"], message()) != sign(["two"], message())


def test_a_signature_within_the_body_is_over_time_and_token_alone() -> None:
    """As Mailgun documents it: HMAC of the two put together; another token at another time; without a secret, none."""
    written = {"scheme": "token-in-body"}
    given = message('{"signature":{},"event-data":{"a":"ü"}}')
    sent = json.loads(within(written, ["key-1"], given))
    signed = sent["signature"]
    expected = hmac.new(b"key-1", f"{signed['timestamp']}{signed['token']}".encode(), hashlib.sha256).hexdigest()
    assert (signed["signature"], signed["timestamp"], len(signed["token"])) == (expected, "1614265330", 50)
    assert list(sent) == ["signature", "event-data"]
    later = json.loads(within(written, ["key-1"], message(given.body, at=given.at + 1)))
    assert later["signature"]["token"] != signed["token"]
    assert within(written, [], given) == given.body
    assert "proof" in json.loads(within({**written, "field": "proof"}, ["key-1"], message("{}")))
    assert signer(written)(["key-1"], given) == {}


def test_an_elliptic_signature_is_what_the_vendors_library_verifies() -> None:
    """SendGrid's own package, with the public key that listeners are given; the same text is signed the same way."""
    from sendgrid.helpers.eventwebhook import EventWebhook  # noqa: PLC0415 - slow to import

    key = ecdsa_key("ab" * 32)
    written = {"scheme": "ecdsa", "header": "X-Signed", "timestamp": "X-Time"}
    given = message('[{"event":"delivered"}]')
    signed = signer(written)([key], given)
    listener = EventWebhook(ecdsa_public_key(key))
    assert listener.verify_signature(given.body, signed["X-Signed"], signed["X-Time"])
    assert not listener.verify_signature(given.body + " ", signed["X-Signed"], signed["X-Time"])
    assert signer(written)([key], given) == signed
    assert signer(written)([], given) == {}
