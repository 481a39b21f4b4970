"""Issuing: transactions, money that has left a card (negative) or come back to it."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, expands, merged_metadata, operation

from .balance import Entry, enter
from .fields import change, new, page, since, tell
from .issuing_merchants import merchant

_NO_DETAILS: dict[str, Any] = {
    "fleet": None,
    "flight": None,
    "fuel": None,
    "lodging": None,
    "receipt": None,
    "reference": None,
}
_NO_FUEL = {
    "industry_product_code": None,
    "quantity_decimal": None,
    "type": "other",
    "unit": "other",
    "unit_cost_decimal": "0",
}


def make(  # noqa: PLR0917 - what a transaction is made of
    ctx: Context,
    card: Entity,
    amount: int,
    currency: str,
    kind: str,
    shop: dict[str, Any],
    *,
    authorization: str | None = None,
    details: dict[str, Any] | None = None,
) -> Entity:
    """A transaction of an amount (signed), on the balance of Issuing; tells of it, and of the receipt if there is one."""
    transaction = ctx.new_id("issuing.transaction")
    category = "issuing_transaction"
    entry = enter(
        ctx, Entry("issuing_transaction", transaction, amount, currency, category=category, balance_type="issuing")
    )
    made = new(
        ctx,
        "issuing.transaction",
        transaction,
        amount=amount,
        amount_details={"atm_fee": None, "cashback_amount": None},
        authorization=authorization,
        balance_transaction=entry.id,
        card=card.id,
        cardholder=card["_cardholder"],
        currency=currency,
        dispute=None,
        merchant_amount=amount,
        merchant_currency=currency,
        merchant_data=shop,
        metadata={},
        network_data={"authorization_code": None, "processing_date": None, "transaction_id": None},
        token=None,
        treasury=None,
        type=kind,
        wallet=None,
        _details=_whole(details),
    )
    tell(ctx, "issuing_transaction.created", made)
    if (details or {}).get("receipt"):
        shown = Entity(made.resource, made.id, made | {"purchase_details": made["_details"]})
        tell(ctx, "issuing_transaction.purchase_details_receipt_updated", shown)
    return made


@operation("POST /v1/test_helpers/issuing/transactions/create_force_capture")
def force_capture(ctx: Context) -> Entity:
    """A merchant takes money without having asked."""
    return _without_authorization(ctx, -1, "capture")


@operation("POST /v1/test_helpers/issuing/transactions/create_unlinked_refund")
def unlinked_refund(ctx: Context) -> Entity:
    """A merchant gives money that it never took."""
    return _without_authorization(ctx, 1, "refund")


@operation("POST /v1/test_helpers/issuing/transactions/{transaction}/refund")
def refund(ctx: Context, transaction: str) -> Entity:
    """A merchant gives back what it took, or a part of it: a transaction of its own."""
    found = ctx.get("issuing.transaction", transaction)
    if found["type"] != "capture":
        raise Refusal(400, None, "You can only refund transactions of type `capture`.")
    left = -found["amount"] - int(found.get("_refunded") or 0)
    amount = ctx.body.get("refund_amount") or left
    if amount > left:
        message = f"The refund amount ({amount}) is greater than what is left of the transaction ({left})."
        raise Refusal(400, None, message, param="refund_amount")
    ctx.update(found, _refunded=int(found.get("_refunded") or 0) + amount)
    card = ctx.get("issuing.card", found["card"])
    return make(
        ctx, card, amount, found["currency"], "refund", found["merchant_data"], authorization=found["authorization"]
    )


@operation("POST /v1/issuing/transactions/{transaction}")
def update(ctx: Context, transaction: str) -> Entity:
    """Change its metadata."""
    found = ctx.get("issuing.transaction", transaction)
    metadata = merged_metadata(found["metadata"], ctx.body.get("metadata"))
    return change(ctx, found, "issuing_transaction.updated", metadata=metadata)


@operation("GET /v1/issuing/transactions")
def list_transactions(ctx: Context) -> dict[str, Any]:
    """Transactions, newest first."""
    where = {name: ctx.query[name] for name in ("card", "cardholder", "type") if ctx.query.get(name)}
    return page(ctx, since(ctx, ctx.list("issuing.transaction", **where)))


@expands("issuing.transaction", "purchase_details")
def purchase_details_of(ctx: Context, transaction: Entity) -> dict[str, Any] | None:
    """What the merchant said of the purchase, where it is asked for."""
    del ctx
    details: dict[str, Any] | None = transaction.get("_details")
    return details


def _without_authorization(ctx: Context, sign: int, kind: str) -> Entity:
    body = ctx.body
    card = ctx.get("issuing.card", body["card"], param="card")
    currency = (body.get("currency") or card["currency"]).lower()
    shop = merchant(body.get("merchant_data"))
    return make(ctx, card, sign * body["amount"], currency, kind, shop, details=body.get("purchase_details"))


def _whole(details: dict[str, Any] | None) -> dict[str, Any] | None:
    if not details:
        return None
    receipt = [
        {"description": None, "total": None, "unit_cost": None} | row | {"quantity": _number(row.get("quantity"))}
        for row in details.get("receipt") or ()
    ]
    fuel = details.get("fuel")
    return _NO_DETAILS | details | {"fuel": _NO_FUEL | fuel if fuel else None, "receipt": receipt or None}


def _number(text: str | None) -> float | None:
    """A decimal as it is shown: it is asked for as text and shown as a number."""
    if text is None:
        return None
    value = float(text)
    return int(value) if value.is_integer() else value
