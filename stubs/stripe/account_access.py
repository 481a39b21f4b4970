"""Ways into a connected account: onboarding links and sessions, login links, capabilities, and the end of the connection."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from .accounts import known
from .fields import is_live
from .requirements import assess, capability

_LINK_SECONDS = 300
_SESSION_SECONDS = 3600
_COMPONENTS = (
    "account_management", "account_onboarding", "balance_report", "balances", "disputes_list", "documents", "financial_account",
    "financial_account_transactions", "instant_payouts_promotion", "issuing_card", "issuing_cards_list",
    "notification_banner", "payment_details", "payment_disputes", "payment_method_settings", "payments", "payout_details",
    "payout_reconciliation_report", "payouts", "payouts_list", "tax_registrations", "tax_settings",
)  # fmt: skip


@operation("POST /v1/account_links")
def create_link(ctx: Context) -> dict[str, Any]:
    """An address at which the account's owner would enter what is missing, for five minutes."""
    found = known(ctx, ctx.body["account"])
    if found["type"] == "standard" and ctx.body["type"] == "account_update":
        message = "You cannot create `account_update` type Account Links for this account."
        raise Refusal(400, None, message, param="type")
    for name in ("refresh_url", "return_url"):
        if not ctx.body.get(name):
            raise Refusal(400, "parameter_missing", f"Missing required param: {name}.", param=name)
    url = f"https://connect.stripe.com/setup/{found['type'][0]}/{found.id}/{ctx.token(12)}"
    return {"object": "account_link", "created": ctx.now(), "expires_at": ctx.now() + _LINK_SECONDS, "url": url}


@operation("POST /v1/account_sessions")
def create_session(ctx: Context) -> dict[str, Any]:
    """A secret with which a page of the platform shows parts of the account's Dashboard, for an hour."""
    found = known(ctx, ctx.body["account"])
    made = ctx.call_generic()
    asked = ctx.body["components"]
    components = {}
    for name in _COMPONENTS:
        shown = dict(made["components"].get(name) or {})
        given = asked.get(name) or {}
        features = {one: (given.get("features") or {}).get(one, False) for one in shown.get("features") or {}}
        components[name] = {"enabled": bool(given.get("enabled")), "features": features}
    return {
        "object": "account_session",
        "account": found.id,
        "client_secret": f"accs_secret__{ctx.token(60)}",
        "components": components,
        "expires_at": ctx.now() + _SESSION_SECONDS,
        "livemode": is_live(ctx),
    }


@operation("POST /v1/accounts/{account}/login_links")
def create_login(ctx: Context, account: str) -> dict[str, Any]:
    """An address that logs into an Express Dashboard once."""
    found = known(ctx, account)
    dashboard = ((found["controller"] or {}).get("stripe_dashboard") or {}).get("type")
    if dashboard != "express":
        message = "Cannot create a login link for an account that is not an Express Dashboard account."
        raise Refusal(400, None, message)
    if not found["details_submitted"]:
        raise Refusal(400, None, "Cannot create a login link for an account that has not completed onboarding.")
    return {"object": "login_link", "created": ctx.now(), "url": f"https://connect.stripe.com/express/{ctx.token(12)}"}


@operation("GET /v1/accounts/{account}/capabilities")
def list_capabilities(ctx: Context, account: str) -> dict[str, Any]:
    """What an account has asked to be allowed."""
    found = known(ctx, account)
    data = [capability(found, name) for name in sorted(found["capabilities"])]
    return {"object": "list", "data": data, "has_more": False, "url": f"/v1/accounts/{found.id}/capabilities"}


@operation("GET /v1/accounts/{account}/capabilities/{capability}")
def retrieve_capability(ctx: Context, account: str, capability: str) -> dict[str, Any]:
    """One capability; one that wasn't asked for is `unrequested`."""
    return _capability(known(ctx, account), capability)


@operation("POST /v1/accounts/{account}/capabilities/{capability}")
def update_capability(ctx: Context, account: str, capability: str) -> dict[str, Any]:
    """Ask for a capability, or give it up."""
    found = known(ctx, account)
    states = dict(found["capabilities"])
    if ctx.body.get("requested"):
        states.setdefault(capability, "inactive")
    elif ctx.body.get("requested") is False:
        states.pop(capability, None)
    found = assess(ctx, ctx.update(found, capabilities=states))
    return _capability(found, capability)


def _capability(account: Entity, name: str) -> dict[str, Any]:
    return capability(account, name)
