"""Who may ask: holders of the token, nobody's browser, and nobody out of a sandbox.

A page in a browser can send requests to this machine's loopback, and can make a name of its own lead there (DNS rebinding).
So requests that carry an `Origin` or that a page made (`Sec-Fetch-Site`), and such to the loopback under another name, are refused,
with a token or without. A sealed command can dial a unix socket that it finds: who comes from another network needs the token.
"""

import hmac
import ipaddress
import re

from starlette.requests import Request

from childproof.model import Hidden

from .problems import Mistake, Problem

ELSEWHERE = "elsewhere"  # in a connection's state: who asks is in another network namespace
_BEARER = "bearer "
_HOST = re.compile(r"(?:(?P<name>[^:\[\]@]*)|\[(?P<literal>[^\[\]]*)\])(?::[0-9]*)?")


class Door:
    """Looks at each request before anything else does. `token` None: whoever can connect may ask.

    `local` where the listener is a TCP port of the loopback.
    """

    def __init__(self, token: Hidden | None, *, local: bool) -> None:
        self._token = token
        self._local = local

    def check(self, request: Request, *, anybody: bool = False) -> None:
        """Let a request pass, or raise Problem. `anybody`: without the token, too."""
        if "origin" in request.headers:
            raise Problem(403, "origin", "browsers may not ask here: the request has an Origin header")
        if request.headers.get("sec-fetch-site", "none") != "none":  # none: a person typed the address
            raise Problem(403, "origin", "pages may not ask here: Sec-Fetch-Site says that one did")
        if self._local and not _is_loopback(request.headers.get("host", "")):
            raise Problem(403, "host", "this is a listener of the loopback: Host must be localhost, 127.0.0.1 or [::1]")
        if anybody:
            return
        if self._token is None and request.scope.get("state", {}).get(ELSEWHERE):
            raise Problem(
                403, "elsewhere", "who asks is in another network namespace than the server, as a sandbox is: a token is needed",
                mistakes=[Mistake("Authorization", "a server without a token", "one that has it", "control: {token: {file: …}}")],
            )  # fmt: skip
        if self._token is not None and not self._fits(request.headers.getlist("authorization"), self._token):
            raise Problem(
                401,
                "token",
                "the token is missing or wrong; send it as `Authorization: Bearer …`",
                mistakes=[
                    Mistake("Authorization", "missing or wrong", "the server's token", "Authorization: Bearer …")
                ],
                headers=[("www-authenticate", 'Bearer realm="childproof"')],
            )

    @staticmethod
    def _fits(sent: list[str], token: Hidden) -> bool:
        if len(sent) != 1 or not sent[0].lower().startswith(_BEARER):
            return False
        return hmac.compare_digest(sent[0][len(_BEARER) :].strip(" \t").encode("latin-1"), token.reveal().encode())


def _is_loopback(host: str) -> bool:
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    if found["name"] is not None and found["name"].lower() == "localhost":
        return True
    try:
        if found["literal"] is not None:
            return ipaddress.IPv6Address(found["literal"]).is_loopback
        return ipaddress.IPv4Address(found["name"]).is_loopback
    except ValueError:
        return False
