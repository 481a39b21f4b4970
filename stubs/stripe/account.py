"""The account that a call is about: the one that the key belongs to, or the connected one that a header names.

The key's own is a business in the United States, in good standing, the same in every world (`seed.yaml`).
"""

from typing import Any

from childproof.stubkit import Context, Entity

from .fields import public, short_list

ACCOUNT = "acct_1childproofTest0"


def own_id(ctx: Context) -> str:
    """The id of the account that the call is about."""
    return ctx.tenant or ACCOUNT


def own(ctx: Context) -> Entity:
    """The account that the call is about."""
    return ctx.get("account", own_id(ctx))


def home_of(ctx: Context, account: Entity) -> Context:
    """The things of an account."""
    return ctx.within("" if account.id == ACCOUNT else account.id)


def shown_list(ctx: Context, account: Entity) -> dict[str, Any]:
    """The newest external accounts, as the account shows them."""
    home = home_of(ctx, account)
    found = [one for kind in ("bank_account", "card") for one in home.list(kind, limit=11, account=account.id)]
    return short_list(found, f"/v1/accounts/{account.id}/external_accounts")


def whole(ctx: Context, account: Entity) -> Entity:
    """An account with its external accounts and its person, as it shows itself."""
    shown = {**public(account), "external_accounts": shown_list(ctx, account)}
    if account["business_type"] == "individual" and account.get("_individual"):
        shown["individual"] = account["individual"]
    else:
        shown.pop("individual", None)
    for name in ("company", "groups"):
        if shown.get(name) is None:
            shown.pop(name, None)
    return Entity(account.resource, account.id, shown)
