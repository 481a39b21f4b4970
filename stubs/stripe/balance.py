"""The account's balance: every charge, refund and failure is a balance transaction, and the balance is their sum."""

from typing import Any

from childproof.stubkit import Context, Entity, operation

from .dates import midnight_after
from .fields import is_live, page, since
from .money import fee

PAYOUT_DELAY = 2  # days until a card payment to a US account is available


def charged(ctx: Context, charge: Entity, amount: int, country: str | None, *, at_once: bool) -> Entity:
    """The transaction of a captured charge: less Stripe's fee, available in two days."""
    detail = {
        "amount": fee(amount, country),
        "application": None,
        "currency": charge["currency"],
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }
    return _write(ctx, "charge", charge, amount, fees=[detail], description=charge["description"], at_once=at_once)


def refunded(ctx: Context, refund: Entity, charge: Entity) -> Entity:
    """The transaction of a refund. Stripe keeps the fee of the charge."""
    about = f" ({charge['description']})" if charge["description"] else ""
    return _write(ctx, "refund", refund, -refund["amount"], description=f"REFUND FOR CHARGE{about}")


def refund_failed(ctx: Context, refund: Entity) -> Entity:
    """The transaction that gives the money of a failed refund back."""
    return _write(ctx, "refund_failure", refund, refund["amount"], description=f"REFUND FAILURE ({refund.id})")


def _write(
    ctx: Context,
    kind: str,
    source: Entity,
    amount: int,
    *,
    description: str | None,
    fees: list[dict[str, Any]] | None = None,
    at_once: bool = True,
) -> Entity:
    costs = sum(detail["amount"] for detail in fees or ())
    return ctx.create(
        "balance_transaction",
        amount=amount,
        available_on=ctx.now() if at_once else midnight_after(ctx.now(), PAYOUT_DELAY),
        balance_type="payments",
        currency=source["currency"],
        description=description,
        exchange_rate=None,
        fee=costs,
        fee_details=fees or [],
        net=amount - costs,
        reporting_category=kind,
        source=source.id,
        status="available" if at_once else "pending",
        type=kind,
    )


def settled(ctx: Context, transaction: Entity) -> dict[str, Any]:
    """A transaction as of now: pending until its day has come."""
    status = "available" if transaction["available_on"] <= ctx.now() else "pending"
    return transaction | {"status": status}


@operation("GET /v1/balance")
def retrieve(ctx: Context) -> dict[str, Any]:
    """What is there now and what is on its way, by currency. A new account has zero of its own currency."""
    available: dict[str, int] = {"usd": 0}
    pending: dict[str, int] = {"usd": 0}
    for transaction in ctx.list("balance_transaction"):
        part = available if transaction["available_on"] <= ctx.now() else pending
        currency = transaction["currency"]
        part[currency] = part.get(currency, 0) + transaction["net"]
    return {
        "object": "balance",
        "available": _amounts(available),
        "connect_reserved": [{"amount": 0, "currency": "usd"}],
        "livemode": is_live(ctx),
        "pending": _amounts(pending),
        "refund_and_dispute_prefunding": {
            "available": [{"amount": 0, "currency": "usd"}],
            "pending": [{"amount": 0, "currency": "usd"}],
        },
    }


@operation("GET /v1/balance_transactions")
def list_transactions(ctx: Context) -> dict[str, Any]:
    """The account's book, newest first."""
    where = {name: ctx.query[name] for name in ("currency", "source", "type") if ctx.query.get(name)}
    listed = page(ctx, since(ctx, ctx.list("balance_transaction", **where)))
    return listed | {"data": [settled(ctx, transaction) for transaction in listed["data"]]}


@operation("GET /v1/balance_transactions/{id}")
def retrieve_transaction(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - the document's parameter
    """One line of the book."""
    return settled(ctx, ctx.get("balance_transaction", id))


@operation("GET /v1/balance/history")
def list_history(ctx: Context) -> dict[str, Any]:
    """The older name of the list of balance transactions."""
    return list_transactions(ctx) | {"url": "/v1/balance_transactions"}


@operation("GET /v1/balance/history/{id}")
def retrieve_history(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - the document's parameter
    """The older name of a balance transaction."""
    return retrieve_transaction(ctx, id)


def _amounts(sums: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {"amount": amount, "currency": currency, "source_types": {"card": amount}}
        for currency, amount in sorted(sums.items(), key=lambda item: (item[0] != "usd", item[0]))
    ]
