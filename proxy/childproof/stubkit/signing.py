"""Signatures of webhooks, by named scheme.

`standard-webhooks` (https://www.standardwebhooks.com, section "signature scheme"), `timestamped` (`t=…,v1=…` over
`timestamp.body`, SHA-256) and `hmac-sha256` (the hexadecimal digest of the body).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

Signer = Callable[[Mapping[str, Any], str, int, str], dict[str, str]]


def signer(written: Mapping[str, Any]) -> Signer:
    """A function from (subscription, event id, unix seconds, body) to headers. `secret` names the subscription's field."""
    field = written.get("secret", "secret")
    header = written.get("header", "")

    def sign(subscription: Mapping[str, Any], event_id: str, at: int, body: str) -> dict[str, str]:
        secret = str(subscription.get(field) or "")
        match written["scheme"]:
            case "standard-webhooks":
                digest = base64.b64encode(_digest(_key(secret), f"{event_id}.{at}.{body}")).decode()
                return {"webhook-id": event_id, "webhook-timestamp": str(at), "webhook-signature": f"v1,{digest}"}
            case "timestamped":
                digest = _digest(secret.encode(), f"{at}.{body}").hex()
                return {header or "X-Signature": f"t={at},v1={digest}"}
            case _:
                return {header or "X-Signature": f"sha256={_digest(secret.encode(), body).hex()}"}

    return sign


def _digest(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _key(secret: str) -> bytes:
    """A standard-webhooks secret: base64 behind `whsec_`; other text is taken as it is."""
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (ValueError, binascii.Error):
        return secret.encode()
