"""Who may ask: holders of the token, and nobody's browser.

A page in a browser can send requests to this machine's loopback, and can make a name of its own lead there (DNS rebinding).
So requests that carry an `Origin`, and such to the loopback under another name, are refused, with a token or without.
"""

import hmac
import ipaddress

from starlette.requests import Request

from childproof.model import Hidden

from .problems import Problem

_BEARER = "bearer "


class Door:
    """Looks at each request before anything else does. `token` None: whoever can connect may ask.

    `local` where the listener is a TCP port of the loopback.
    """

    def __init__(self, token: Hidden | None, *, local: bool) -> None:
        self._token = token
        self._local = local

    def check(self, request: Request) -> None:
        """Let a request pass, or raise Problem."""
        if "origin" in request.headers:
            raise Problem(403, "origin", "browsers may not ask here: the request has an Origin header")
        if self._local and not _is_loopback(request.headers.get("host", "")):
            raise Problem(403, "host", "this is a listener of the loopback: Host must be localhost, 127.0.0.1 or [::1]")
        if self._token is not None and not self._fits(request.headers.getlist("authorization"), self._token):
            raise Problem(
                401,
                "token",
                "the token is missing or wrong; send it as `Authorization: Bearer …`",
                headers=[("www-authenticate", 'Bearer realm="childproof"')],
            )

    @staticmethod
    def _fits(sent: list[str], token: Hidden) -> bool:
        if len(sent) != 1 or not sent[0].lower().startswith(_BEARER):
            return False
        return hmac.compare_digest(sent[0][len(_BEARER) :].strip().encode("latin-1"), token.reveal().encode())


def _is_loopback(host: str) -> bool:
    name = host.partition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
