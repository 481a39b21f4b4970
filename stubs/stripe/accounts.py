"""Connected accounts: made, changed, rejected and deleted by the platform. What they need is in `requirements.py`."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, expands, merged_metadata, operation

from . import account as key_account
from .account import ACCOUNT, shown_list, whole
from .bank_accounts import currency_of
from .external_accounts import add
from .fields import NO_ADDRESS, page, picked, since, tell
from .persons import person_fields
from .requirements import EMPTY, assess

_STANDARD = {"fees": {"payer": "account"}, "is_controller": True, "losses": {"payments": "stripe"},
             "requirement_collection": "stripe", "stripe_dashboard": {"type": "full"}, "type": "application"}  # fmt: skip
# Who decides over what, by the older `type` of an account (docs.stripe.com/connect/migrate-to-controller-properties)
_CONTROLLERS: dict[str, dict[str, Any]] = {
    "standard": {"type": "account"},
    "express": _STANDARD | {"fees": {"payer": "application_express"}, "losses": {"payments": "application"},
                            "stripe_dashboard": {"type": "express"}},
    "custom": _STANDARD | {"fees": {"payer": "application_custom"}, "losses": {"payments": "application"},
                           "requirement_collection": "application", "stripe_dashboard": {"type": "none"}},
}  # fmt: skip
_PROFILE = {"annual_revenue": None, "estimated_worker_count": None, "mcc": None, "minority_owned_business_designation": None,
            "name": None, "product_description": None, "support_address": None, "support_email": None,
            "support_phone": None, "support_url": None, "url": None}  # fmt: skip
_CHANGEABLE = ("business_type", "default_currency", "email", "groups")


@operation("POST /v1/accounts")
def create(ctx: Context) -> Entity:
    """A connected account. What it may do follows from what is known of it."""
    body = ctx.body
    if body.get("type") and body.get("controller"):
        message = "You may only specify one of these parameters: type, controller."
        raise Refusal(400, "parameters_exclusive", message)
    kind = "none" if body.get("controller") else body.get("type") or "standard"
    country = (body.get("country") or "US").upper()
    asked = {name for name, given in (body.get("capabilities") or {}).items() if (given or {}).get("requested")}
    made = ctx.create(
        "account",
        business_profile=_PROFILE,
        business_type=None,
        capabilities=dict.fromkeys(sorted(asked), "inactive"),
        charges_enabled=False,
        controller=_controller(body, kind),
        country=country,
        created=ctx.now(),
        default_currency=body.get("default_currency") or currency_of(country),
        details_submitted=False,
        email=None,
        future_requirements=EMPTY,
        metadata=merged_metadata({}, body.get("metadata")),
        payouts_enabled=False,
        requirements=EMPTY,
        settings=_settings(kind),
        tos_acceptance={"date": None, "ip": None, "user_agent": None},
        type=kind,
    )
    made = _take(ctx, made, body)
    made = assess(ctx, made, events=False)
    tell(ctx, "account.application.authorized", _application(), account=made.id)
    return whole(ctx, made)


@operation("GET /v1/accounts")
def list_accounts(ctx: Context) -> dict[str, Any]:
    """Connected accounts, newest first; the platform's own isn't among them."""
    listed = page(ctx, since(ctx, [one for one in ctx.list("account") if one.id != ACCOUNT]))
    return listed | {"data": [whole(ctx, one) for one in listed["data"]]}


@operation("GET /v1/accounts/{account}")
def retrieve(ctx: Context, account: str) -> Entity:
    """The key's own account by its id, or a connected one."""
    return whole(ctx, known(ctx, account))


@operation("GET /v1/account")
def retrieve_own(ctx: Context) -> Entity:
    """The account that the key or the header names."""
    return whole(ctx, key_account.own(ctx))


@operation("POST /v1/accounts/{account}")
def update(ctx: Context, account: str) -> Entity:
    """Change a connected account. Standard accounts are mostly their owner's to change."""
    found = known(ctx, account)
    if found.id == ACCOUNT and ctx.body.keys() - {"metadata", "settings", "expand"}:
        message = "You cannot update your own account this way; use the Dashboard."
        raise Refusal(403, "account_invalid", message)
    before = dict(found)
    found = _take(ctx, found, ctx.body)
    if found.id != ACCOUNT:
        found = assess(ctx, found)
    names = [name for name in found if not name.startswith("_") and before.get(name) != found[name]]
    told = [name for name in names if name not in {"capabilities", "charges_enabled", "payouts_enabled", "requirements",
                                                   "details_submitted"}]  # fmt: skip
    if told:
        tell(ctx, "account.updated", whole(ctx, found), previous_attributes={name: before.get(name) for name in told})
    return whole(ctx, found)


@operation("DELETE /v1/accounts/{account}")
def delete(ctx: Context, account: str) -> dict[str, Any]:
    """Delete a connected account whose balance is zero. The platform's connection to it ends."""
    found = _connected(ctx, account)
    from .balance import current  # noqa: PLC0415 - the balance pays out by accounts

    held = current(ctx.within(found.id))
    if any(part["amount"] for part in (*held["available"], *held["pending"])):
        message = f"Account {found.id} cannot be deleted because it has a balance that is not zero."
        raise Refusal(400, "account_invalid", message)
    tell(ctx, "account.application.deauthorized", _application(), account=found.id)
    ctx.delete(found)
    return {"id": found.id, "object": "account", "deleted": True}


@operation("POST /v1/accounts/{account}/reject")
def reject(ctx: Context, account: str) -> Entity:
    """Refuse to work with an account: it may neither charge nor be paid out."""
    found = _connected(ctx, account)
    if found["type"] == "standard":
        message = "Only accounts for which your platform is liable for negative balances can be rejected."
        raise Refusal(400, "account_invalid", message)
    reason = ctx.body["reason"]
    if reason not in {"fraud", "terms_of_service", "other"}:
        message = "Invalid reason: must be one of fraud, terms_of_service, or other"
        raise Refusal(400, None, message, param="reason")
    return whole(ctx, assess(ctx, ctx.update(found, _rejected=f"platform_{reason}")))


@operation("POST /v1/accounts/{account}/unreject")
def unreject(ctx: Context, account: str) -> Entity:
    """Take a rejection back."""
    return whole(ctx, assess(ctx, ctx.update(_connected(ctx, account), _rejected=None)))


@expands("account", "external_accounts")
def external_accounts_of(ctx: Context, account: Entity) -> dict[str, Any]:
    """The newest bank accounts and debit cards of an account."""
    return shown_list(ctx, account)


def known(ctx: Context, account: str) -> Entity:
    """An account that the key has access to; Stripe's 403 for others."""
    found = ctx.find("account", account)
    if found is None or (ctx.tenant and found.id != ctx.tenant):
        raise Refusal.of("unknown_tenant", value=account)
    return found


def _connected(ctx: Context, account: str) -> Entity:
    found = known(ctx, account)
    if found.id == ACCOUNT:
        raise Refusal(403, "account_invalid", "You cannot do this with your own account.")
    return found


def _take(ctx: Context, account: Entity, body: dict[str, Any]) -> Entity:
    """Put what a request says of an account onto it."""
    fields = picked(body, *_CHANGEABLE)
    for name in ("business_profile", "tos_acceptance"):
        if isinstance(body.get(name), dict):
            fields[name] = (account[name] or {}) | body[name]
    if isinstance(body.get("individual"), dict):
        given = _merged(account.get("_individual") or {}, body["individual"])
        person = {"id": (account.get("individual") or {}).get("id") or f"person_1{ctx.token(23)}", "object": "person",
                  "account": account.id, "created": account["created"], **person_fields(given)}  # fmt: skip
        fields |= {"_individual": given, "individual": person}
        fields.setdefault("business_type", account["business_type"] or "individual")
    if isinstance(body.get("company"), dict):
        given = _merged(account.get("_company") or {}, body["company"])
        fields |= {"_company": given, "company": _company(given)}
        fields.setdefault("business_type", account["business_type"] or "company")
    if isinstance(body.get("settings"), dict):
        fields["settings"] = _merged(account.get("settings") or {}, body["settings"])
    if isinstance(body.get("capabilities"), dict):
        fields["capabilities"] = _asked(account, body["capabilities"])
    if "metadata" in body:
        fields["metadata"] = merged_metadata(account["metadata"], body["metadata"])
    account = ctx.update(account, **fields)
    place = body.get("external_account") or body.get("bank_account")
    if place:
        add(ctx, account, place, "external_account")
    return account


def _asked(account: Entity, given: dict[str, Any]) -> dict[str, str]:
    """The capabilities of an account after a request has asked for some and given up others."""
    states = dict(account["capabilities"])
    for name, wish in given.items():
        if (wish or {}).get("requested"):
            states.setdefault(name, "inactive")
        elif (wish or {}).get("requested") is False:
            states.pop(name, None)
    return states


def _controller(body: dict[str, Any], kind: str) -> dict[str, Any]:
    given = body.get("controller")
    return _merged(_STANDARD, given) if isinstance(given, dict) else dict(_CONTROLLERS[kind])


def _settings(kind: str) -> dict[str, Any]:
    return {
        "bacs_debit_payments": {"display_name": None, "service_user_number": None},
        "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
        "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
        "card_payments": {"decline_on": {"avs_failure": False, "cvc_failure": False}, "statement_descriptor_prefix": None,
                          "statement_descriptor_prefix_kana": None, "statement_descriptor_prefix_kanji": None},
        "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
        "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": "offer"},
        "payments": {"statement_descriptor": None, "statement_descriptor_kana": None, "statement_descriptor_kanji": None},
        "payouts": {"debit_negative_balances": kind == "standard", "schedule": {"delay_days": 2, "interval": "daily"},
                    "statement_descriptor": None},
        "sepa_debit_payments": {},
    }  # fmt: skip


def _company(given: dict[str, Any]) -> dict[str, Any]:
    shown = picked(given, "name", "phone", "structure", "name_kana", "name_kanji")
    return {
        "address": NO_ADDRESS | (given.get("address") or {}),
        "directors_provided": bool(given.get("directors_provided")),
        "executives_provided": bool(given.get("executives_provided")),
        "name": None,
        "owners_provided": bool(given.get("owners_provided")),
        "phone": None,
        "tax_id_provided": bool(given.get("tax_id")),
        "verification": {"document": {"back": None, "details": None, "details_code": None, "front": None}},
    } | shown


def _merged(before: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """A mapping with another laid over it, all the way down."""
    made = dict(before)
    for name, value in given.items():
        old = made.get(name)
        made[name] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return made


def _application() -> dict[str, Any]:
    return {"id": "ca_1childproofPlatform0000000000", "name": "Childproof Test", "object": "application"}
