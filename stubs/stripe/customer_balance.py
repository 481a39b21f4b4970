"""The customer's invoice balance: a ledger of credits (negative) and debits, applied when an invoice is finalized."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata, operation

from .clocks import now_of
from .fields import change, new, page, since
from .money import checked_currency


def of(ctx: Context, customer: str, currency: str) -> int:
    """What the customer's balance does to an invoice in a currency; a balance is in the customer's own currency."""
    found = ctx.find("customer", customer)
    if found is None or found["currency"] not in {None, currency}:
        return 0
    return int(found["balance"])


def enter(ctx: Context, customer: Entity, amount: int, kind: str, currency: str, **about: Any) -> Entity:
    """Write a line into the ledger; gives the customer with the new balance. Tells `customer.updated`."""
    transaction(ctx, customer, amount, kind, currency, **about)
    return ctx.get("customer", customer.id)


def transaction(ctx: Context, customer: Entity, amount: int, kind: str, currency: str, **about: Any) -> Entity:
    """As `enter`, but gives the ledger's line. `about` may name `invoice`, `credit_note`, `description`, `metadata`."""
    balance = customer["balance"] + amount
    made = _line(ctx, customer, amount, balance, kind, currency, **about)
    fields: dict[str, Any] = {"balance": balance}
    if customer["currency"] is None:
        fields["currency"] = currency
    change(ctx, customer, "customer.updated", **fields)
    return made


def opening(ctx: Context, customer: Entity) -> None:
    """The first line of the ledger of a customer who is made with a balance."""
    _line(ctx, customer, customer["balance"], customer["balance"], "initial", customer["currency"] or "usd")


def adjusted(ctx: Context, customer: Entity, balance: int) -> None:
    """The line of a balance that is set anew by hand. The caller stores the balance."""
    _line(ctx, customer, balance - customer["balance"], balance, "adjustment", customer["currency"] or "usd")


@operation("POST /v1/customers/{customer}/balance_transactions")
def create(ctx: Context, customer: str) -> Entity:
    """Credit or debit a customer by hand."""
    found = ctx.get("customer", customer)
    currency = checked_currency(ctx.body["currency"])
    if found["currency"] not in {None, currency}:
        message = (
            f"You cannot combine currencies on a single customer. This customer has had a subscription, coupon, or "
            f"invoice item with currency {found['currency']}"
        )
        raise Refusal(400, None, message, param="currency")
    description = ctx.body.get("description") or None
    metadata = merged_metadata({}, ctx.body.get("metadata"))
    return transaction(
        ctx, found, ctx.body["amount"], "adjustment", currency, description=description, metadata=metadata
    )


@operation("GET /v1/customers/{customer}/balance_transactions")
def list_transactions(ctx: Context, customer: str) -> dict[str, Any]:
    """A customer's ledger, newest first."""
    where: dict[str, Any] = {"customer": ctx.get("customer", customer).id}
    if ctx.query.get("invoice"):
        where["invoice"] = ctx.query["invoice"]
    return page(ctx, since(ctx, ctx.list("customer_balance_transaction", **where)))


@operation("GET /v1/customers/{customer}/balance_transactions/{transaction}")
def retrieve(ctx: Context, customer: str, transaction: str) -> Entity:
    """One line of a customer's ledger."""
    return _owned(ctx, customer, transaction)


@operation("POST /v1/customers/{customer}/balance_transactions/{transaction}")
def update(ctx: Context, customer: str, transaction: str) -> Entity:
    """Change what a line says; never its amount."""
    found = _owned(ctx, customer, transaction)
    fields: dict[str, Any] = {}
    if "description" in ctx.body:
        fields["description"] = ctx.body["description"] or None
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(found["metadata"], ctx.body["metadata"])
    return change(ctx, found, None, **fields)


def _line(  # noqa: PLR0917 - the columns of the ledger
    ctx: Context, customer: Entity, amount: int, balance: int, kind: str, currency: str, **about: Any
) -> Entity:
    return new(
        ctx,
        "customer_balance_transaction",
        amount=amount,
        created=now_of(ctx, customer.id),
        currency=currency,
        customer=customer.id,
        ending_balance=balance,
        livemode=customer["livemode"],
        type=kind,
        **about,
    )


def _owned(ctx: Context, customer: str, transaction: str) -> Entity:
    ctx.get("customer", customer)
    found = ctx.find("customer_balance_transaction", transaction)
    if found is None or found["customer"] != customer:
        raise ctx.not_found("customer_balance_transaction", transaction)
    return found


def owes(ctx: Context, customer: str, *, late: bool) -> None:
    """Whether a customer is `delinquent`: the last thing that happened to any invoice of theirs says so."""
    payer = ctx.find("customer", customer)
    if payer is not None:
        change(ctx, payer, "customer.updated", delinquent=late)
