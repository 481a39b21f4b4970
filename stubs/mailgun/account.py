"""What an account has besides: subaccounts."""

from typing import Any

from childproof.stubkit import Context, operation

from . import common


@operation("GET /v5/accounts/subaccounts")
def subaccounts(ctx: Context) -> dict[str, Any]:
    """All of them."""
    page = common.counted(ctx, ctx.list("subaccount"))
    return {"subaccounts": [dict(one) for one in page["items"]], "total": page["total_count"]}
