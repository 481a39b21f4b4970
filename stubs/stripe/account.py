"""The account that the keys belong to: a business in the United States, in good standing, the same in every world."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

ACCOUNT = "acct_1childproofTest0"


@operation("GET /v1/account")
def retrieve_own(ctx: Context) -> Entity:
    """The key's own account."""
    return own(ctx)


@operation("GET /v1/accounts/{account}")
def retrieve(ctx: Context, account: str) -> Entity | dict[str, Any]:
    """The key's own account by its id, or a connected account made before."""
    if account == ACCOUNT:
        return own(ctx)
    found = ctx.find("account", account)
    if found is None:
        message = (
            f"The provided key does not have access to account '{account}' (or that account does not exist). "
            "Application access may have been revoked."
        )
        raise Refusal(403, "account_invalid", message)
    return found


def own_id(ctx: Context) -> str:
    """The account that the call is about: the key's own, or the connected one that a header names."""
    return ctx.tenant or ACCOUNT


def own(ctx: Context) -> Entity:
    """The account that the call is about."""
    return ctx.get("account", own_id(ctx))
