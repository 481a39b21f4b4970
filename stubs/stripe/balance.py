"""The account's balance: whatever moves money is a balance transaction, and the balance is their sum.

A transaction is pending until its day has come. That day is a job on the world's clock: it makes the transactions
available, tells `balance.available`, and pays out where the account is paid out automatically (`payouts.py`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from childproof.stubkit import Context, Entity, job, operation

from .dates import midnight_after
from .fields import is_live, page, since
from .money import fee

SETTLING_DAYS = 2  # until a card payment to a US account is available
DISPUTE_FEE = 1500
_MS = 1000

# What a transaction is called in reports, where that isn't its type (docs.stripe.com/reports/reporting-categories).
_CATEGORIES = {"payment": "charge", "payment_refund": "refund", "payout": "payout", "transfer_refund": "transfer_reversal",
               "payout_failure": "payout_reversal", "payout_cancel": "payout_reversal", "application_fee": "platform_earning",
               "application_fee_refund": "platform_earning_refund", "payment_failure_refund": "refund_failure",
               "refund_failure": "refund_failure"}  # fmt: skip
_LISTENERS: list[Callable[[Context, str], None]] = []


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the book. `amount` is signed; `days` until it is available, 0 for at once."""

    kind: str
    source: str
    amount: int
    currency: str
    description: str | None = None
    days: int = 0
    fees: tuple[dict[str, Any], ...] = ()
    category: str | None = None
    source_type: str = "card"
    balance_type: str = "payments"


def when_available(listener: Callable[[Context, str], None]) -> Callable[[Context, str], None]:
    """Have a function called with a currency in which money has become available, after that was told."""
    _LISTENERS.append(listener)
    return listener


def enter(ctx: Context, entry: Entry) -> Entity:
    """Write a line into the book of the account that the call is about."""
    costs = sum(detail["amount"] for detail in entry.fees)
    day = midnight_after(ctx.now(), entry.days) if entry.days else ctx.now()
    first = not ctx.list("balance_transaction", limit=1, available_on=day, status="pending") if entry.days else True
    made = ctx.create(
        "balance_transaction",
        amount=entry.amount,
        available_on=day,
        balance_type=entry.balance_type,
        currency=entry.currency,
        description=entry.description,
        exchange_rate=None,
        fee=costs,
        fee_details=list(entry.fees),
        net=entry.amount - costs,
        reporting_category=entry.category or _CATEGORIES.get(entry.kind, entry.kind),
        source=entry.source,
        status="pending" if entry.days else "available",
        type=entry.kind,
        _source_type=entry.source_type,
    )
    if entry.days and first:
        ctx.schedule(day * _MS - ctx.now_ms(), "funds_available", {"day": day})
    return made


def stripe_fee(amount: int, currency: str, description: str = "Stripe processing fees") -> dict[str, Any]:
    """What Stripe keeps, as a transaction shows it."""
    return {"amount": amount, "application": None, "currency": currency, "description": description,
            "type": "stripe_fee"}  # fmt: skip


def charged(
    ctx: Context,
    charge: Entity,
    amount: int,
    country: str | None,
    *,
    at_once: bool,
    also: Iterable[dict[str, Any]] = (),
) -> Entity:
    """The transaction of a captured charge: less Stripe's fee and what `also` takes, available in two days."""
    kind = (charge.get("payment_method_details") or {}).get("type", "card")
    fees = (stripe_fee(fee(amount, country, kind), charge["currency"]), *also)
    source_type = "bank_account" if kind in {"us_bank_account", "ach_debit", "ach_credit_transfer"} else "card"
    name = "charge" if charge.id.startswith("ch_") else "payment"
    made = enter(ctx, Entry(name, charge.id, amount, charge["currency"], charge["description"],
                            0 if at_once else SETTLING_DAYS, fees, source_type=source_type))  # fmt: skip
    if at_once:
        ctx.schedule(0, "tell_available", {"currency": charge["currency"]})
    return made


def refunded(ctx: Context, refund: Entity, charge: Entity) -> Entity:
    """The transaction of a refund. Stripe keeps the fee of the charge."""
    about = f" ({charge['description']})" if charge["description"] else ""
    kind = "refund" if charge.id.startswith("ch_") else "payment_refund"
    return enter(ctx, Entry(kind, refund.id, -refund["amount"], refund["currency"], f"REFUND FOR CHARGE{about}"))


def refund_failed(ctx: Context, refund: Entity) -> Entity:
    """The transaction that gives the money of a failed refund back."""
    entry = Entry("refund_failure", refund.id, refund["amount"], refund["currency"], f"REFUND FAILURE ({refund.id})")
    return enter(ctx, entry)


def settled(ctx: Context, transaction: Entity) -> dict[str, Any]:
    """A transaction as of now: pending until its day has come."""
    status = "available" if transaction["available_on"] <= ctx.now() else "pending"
    return transaction | {"status": status}


def available(ctx: Context, currency: str, source_type: str | None = None) -> int:
    """How much of a currency may be taken out now, of all or of one type of sources."""
    now = ctx.now()
    return sum(
        entry["net"]
        for entry in ctx.list("balance_transaction", currency=currency)
        if entry["available_on"] <= now and source_type in {None, _type_of(entry)} and not _issuing(entry)
    )


def announce(ctx: Context, currency: str) -> None:
    """Tell that money has become available, and let those act who wait for it."""
    ctx.emit("balance.available", current(ctx), livemode=is_live(ctx))
    act_on(ctx, currency)


def act_on(ctx: Context, currency: str) -> None:
    """Let those act who wait for money in a currency."""
    for listener in _LISTENERS:
        listener(ctx, currency)


@job("funds_available")
def funds_available(ctx: Context, payload: dict[str, Any]) -> None:
    """The day of pending transactions has come."""
    due = ctx.list("balance_transaction", available_on=payload["day"], status="pending")
    for entry in due:
        ctx.update(entry, status="available")
    for currency in sorted({entry["currency"] for entry in due}):
        announce(ctx, currency)


@job("tell_available")
def tell_available(ctx: Context, payload: dict[str, Any]) -> None:
    """Money that needed no days is available; that is told after whatever brought it."""
    announce(ctx, payload["currency"])


def current(ctx: Context) -> dict[str, Any]:
    """The balance as the API shows it. A new account has zero of its own currency."""
    ready: dict[str, dict[str, int]] = {"usd": {"card": 0}}
    coming: dict[str, dict[str, int]] = {"usd": {"card": 0}}
    cards: dict[str, int] = {}
    now = ctx.now()
    for entry in ctx.list("balance_transaction"):
        if _issuing(entry):
            cards[entry["currency"]] = cards.get(entry["currency"], 0) + entry["net"]
            continue
        part = ready if entry["available_on"] <= now else coming
        sums = part.setdefault(entry["currency"], {"card": 0})
        kind = _type_of(entry)
        sums[kind] = sums.get(kind, 0) + entry["net"]
    nothing = [{"amount": 0, "currency": "usd"}]
    spent = [{"amount": amount, "currency": currency} for currency, amount in sorted(cards.items())]
    return {
        "object": "balance",
        "available": _amounts(ready),
        "connect_reserved": nothing,
        **({"issuing": {"available": spent}} if spent else {}),
        "livemode": is_live(ctx),
        "pending": _amounts(coming),
        "refund_and_dispute_prefunding": {"available": nothing, "pending": nothing},
    }


@operation("GET /v1/balance")
def retrieve(ctx: Context) -> dict[str, Any]:
    """What is there now and what is on its way, by currency."""
    return current(ctx)


@operation("GET /v1/balance_transactions")
def list_transactions(ctx: Context) -> dict[str, Any]:
    """The account's book, newest first. `payout` asks for what an automatic payout pays out."""
    where = {name: ctx.query[name] for name in ("currency", "source", "type") if ctx.query.get(name)}
    found = since(ctx, ctx.list("balance_transaction", **where))
    payout = ctx.query.get("payout")
    if payout is not None:
        ctx.get("payout", payout, param="payout")
        found = [entry for entry in found if payout in {entry.get("_payout"), entry["source"]}]
    listed = page(ctx, found)
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


def _issuing(entry: Entity) -> bool:
    """Whether a line is of the balance that issued cards spend, which is apart from that of payments."""
    return bool(entry["balance_type"] == "issuing")


def _type_of(entry: Entity) -> str:
    return str(entry.get("_source_type") or "card")


def _amounts(sums: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    return [
        {"amount": sum(kinds.values()), "currency": currency, "source_types": kinds}
        for currency, kinds in sorted(sums.items(), key=lambda item: (item[0] != "usd", item[0]))
    ]
