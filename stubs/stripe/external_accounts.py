"""Where accounts are paid out: bank accounts and debit cards. They are among the account's own things."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata, operation

from .account import ACCOUNT, home_of
from .bank_accounts import read_bank_account, store, token_bank_account
from .card_details import card_fields, token_card
from .fields import change, page, picked, tell
from .requirements import EMPTY, assess

_DUE = {name: EMPTY[name] for name in ("currently_due", "errors", "past_due", "pending_verification")}


@operation("POST /v1/accounts/{account}/external_accounts")
def create(ctx: Context, account: str) -> Entity:
    """Add a bank account or a debit card from details or a token."""
    owner = _owner(ctx, account)
    given = ctx.body.get("external_account") or ctx.body.get("bank_account")
    if not given:
        raise Refusal(400, "parameter_missing", "Missing required param: external_account.", param="external_account")
    made = add(ctx, owner, given, "external_account", default=ctx.body.get("default_for_currency"),
               metadata=merged_metadata({}, ctx.body.get("metadata")))  # fmt: skip
    if owner.id != ACCOUNT:
        assess(ctx, owner)
    return made


@operation("GET /v1/accounts/{account}/external_accounts")
def list_accounts(ctx: Context, account: str) -> dict[str, Any]:
    """An account's bank accounts and debit cards, newest first."""
    owner = _owner(ctx, account)
    kinds = (ctx.query["object"],) if ctx.query.get("object") in {"bank_account", "card"} else ("bank_account", "card")
    home = home_of(ctx, owner)
    return page(ctx, [one for kind in kinds for one in home.list(kind, account=owner.id)])


@operation("GET /v1/accounts/{account}/external_accounts/{id}")
def retrieve(ctx: Context, account: str, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """One of an account's external accounts."""
    owner = _owner(ctx, account)
    home = home_of(ctx, owner)
    found = home.find("bank_account", id) or home.find("card", id)
    if found is None or found["account"] != owner.id:
        raise Refusal(404, "resource_missing", f"No such external account: '{id}'", param="id")
    return found


@operation("POST /v1/accounts/{account}/external_accounts/{id}")
def update(ctx: Context, account: str, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """Change metadata, the holder, or which one is the currency's default."""
    found = retrieve(ctx, account, id)
    home = home_of(ctx, _owner(ctx, account))
    fields = picked(
        ctx.body, "account_holder_name", "account_holder_type", "account_type", "exp_month", "exp_year", "name"
    )
    fields |= {name: int(fields[name]) for name in ("exp_month", "exp_year") if name in fields}
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(found["metadata"], ctx.body["metadata"])
    if ctx.body.get("default_for_currency"):
        _only_default(home, found)
        fields["default_for_currency"] = True
    return change(home, found, "account.external_account.updated", **fields)


@operation("DELETE /v1/accounts/{account}/external_accounts/{id}")
def delete(ctx: Context, account: str, id: str) -> dict[str, Any]:  # noqa: A002 - the document's parameter
    """Remove one that isn't the currency's default, or is the last."""
    owner, found = _owner(ctx, account), retrieve(ctx, account, id)
    home = home_of(ctx, owner)
    others = [
        one for one in home.list(found.resource, account=owner.id, currency=found["currency"]) if one.id != found.id
    ]
    if found["default_for_currency"] and others:
        message = (
            "You cannot delete the default external account for your default currency. Please make another external account "
            "the default using the `default_for_currency` param, and then delete this one."
        )
        raise Refusal(400, None, message)
    tell(home, "account.external_account.deleted", found)
    home.delete(found)
    if owner.id != ACCOUNT:
        assess(ctx, owner)
    return {"id": found.id, "object": found["object"], "currency": found["currency"], "deleted": True}


def add(ctx: Context, owner: Entity, given: Any, param: str, *, default: bool | None = None, **fields: Any) -> Entity:
    """Give an account a bank account or debit card; the first of a currency is its default."""
    home = home_of(ctx, owner)
    if isinstance(given, dict):
        if given.get("object", "bank_account") != "bank_account":
            message = "Card details are taken as tokens; create one first."
            raise Refusal(400, None, message, param=param)
        details: dict[str, Any] | None = read_bank_account(given, param)
    else:
        details = token_bank_account(ctx, str(given), param)
    if details is not None:
        methods = ["standard"]
        about = {
            "account": owner.id,
            "available_payout_methods": methods,
            "future_requirements": _DUE,
            "requirements": _DUE,
        }
        made = store(home, details, **about, **fields)
    else:
        card, known, address = token_card(ctx, str(given), param)
        if card.funding != "debit":
            message = "Only debit cards can be added as external accounts."
            raise Refusal(400, "invalid_card_type", message, param=param)
        made = home.create("card", **card_fields(card, known, address), account=owner.id, _card=card.name,
                           available_payout_methods=["standard", "instant"], currency=owner["default_currency"],
                           **({"metadata": {}} | fields))  # fmt: skip
    first = len(home.list(made.resource, limit=2, account=owner.id, currency=made["currency"])) == 1
    if default and not first:
        _only_default(home, made)
    made = home.update(made, default_for_currency=bool(first or default))
    tell(home, "account.external_account.created", made)
    return made


def _only_default(home: Context, chosen: Entity) -> None:
    for one in home.list(chosen.resource, account=chosen["account"], currency=chosen["currency"]):
        if one.id != chosen.id and one["default_for_currency"]:
            home.update(one, default_for_currency=False)


def _owner(ctx: Context, account: str) -> Entity:
    found = ctx.find("account", account)
    if found is None:
        raise Refusal.of("unknown_tenant", value=account)
    return found
