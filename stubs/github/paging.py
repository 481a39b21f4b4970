"""Pages of things that are shown otherwise than they are stored: only what is on the page is worked out."""

from collections.abc import Callable, Sequence
from typing import Any

from childproof.stubkit import Context


def shown_page(ctx: Context, found: Sequence[Any], show: Callable[[Any], Any], key: str = "") -> Any:
    """A page of `found`, each shown by `show`; with `key`, within an object that has `total_count` and the list under it."""
    body = ctx.page(list(found))
    if isinstance(body, dict):
        body = next(value for value in body.values() if isinstance(value, list))
    page = [show(one) for one in body]
    return page if not key else {"total_count": len(found), key: page}
