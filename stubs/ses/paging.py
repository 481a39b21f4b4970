"""Pages: `PageSize` or `MaxItems`, and a `NextToken` that holds its place while things come and go."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any

from childproof.stubkit import Context, Refusal

from .refusals import newer

_INVALID = "The specified request includes an invalid or expired token."


def paged[T](
    ctx: Context, rows: Sequence[T], key: Callable[[T], str], *, most: int = 1000
) -> tuple[list[T], dict[str, Any]]:
    """The rows of the page that the request asks for, and the reply's `NextToken` where there are more.

    `key` is what a row is called: a token holds that of the last row shown.
    """
    asked: dict[str, Any] = {**ctx.query, **(ctx.body if isinstance(ctx.body, dict) else {})}
    size = next((int(asked[name]) for name in ("PageSize", "MaxItems", "MaxResults") if asked.get(name)), most)
    start = 0
    if asked.get("NextToken"):
        after = _read(ctx, str(asked["NextToken"]))
        start = next((place + 1 for place, row in enumerate(rows) if key(row) == after), -1)
        if start < 0:
            raise _refusal(ctx)
    page = list(rows[start : start + max(1, min(size, most))])
    more = start + len(page) < len(rows)
    return page, {"NextToken": _token(key(page[-1]))} if more and page else {}


def _token(name: str) -> str:
    return base64.urlsafe_b64encode(b"1:" + name.encode()).decode()


def _read(ctx: Context, token: str) -> str:
    try:
        raw = base64.b64decode(token.encode(), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _refusal(ctx) from None
    if not raw.startswith(b"1:"):
        raise _refusal(ctx)
    return raw[2:].decode(errors="replace")


def _refusal(ctx: Context) -> Refusal:
    return Refusal(400, "InvalidNextTokenException" if newer(ctx) else "InvalidParameterValue", _INVALID)
