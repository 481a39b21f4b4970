"""What a world file plants at Stripe: products, customers and the payments of the last months.

Everything is played by the operations themselves at times of the past, so intents, charges, balance transactions and
events are those that real calls leave.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from childproof.stubkit import Count, Person, Refusal, SeedContext, Seeding, Share, Span, seeds

# The cards that people have, each as often as it is written. All of them pay.
_CARDS = ("visa", "visa", "visa", "visa_debit", "visa_debit", "mastercard", "mastercard", "mastercard_debit", "amex",
          "discover")  # fmt: skip
_DECLINED = ("chargeDeclined", "chargeDeclinedInsufficientFunds", "chargeDeclinedExpiredCard")
_HOUR = 3_600_000
_REFUNDED_WITHIN = 30 * 24 * _HOUR


@dataclass(frozen=True)
class Price:
    """`amount` is in the currency's smallest unit; `every` makes it recurring."""

    amount: Count
    currency: str = "usd"
    every: Literal["day", "week", "month", "year"] | None = None


@dataclass(frozen=True)
class Product:
    """A product, and its default price. An `id` is Stripe's own kind of text where none is given."""

    name: str
    price: Price | None = None
    id: str | None = None
    description: str | None = None


@dataclass(frozen=True)
class With:
    """Which share of the customers has what: a saved `payment_method` (a card), an `address`."""

    payment_method: Share = 0.0
    address: Share = 1.0


@dataclass(frozen=True)
class Customers:
    """People who are customers: the first `count` of them, else all; signed up `over` a span, else before all else."""

    count: Count | None = None
    over: Span | None = None
    with_: With = field(default_factory=With)


@dataclass(frozen=True)
class Customer:
    """One customer. `payment_method` is a test card's name, as in `pm_card_visa`."""

    email: str | None = None
    name: str | None = None
    phone: str | None = None
    description: str | None = None
    payment_method: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Amount:
    """From `least` to `most`, in the currency's smallest unit."""

    least: Count = 500
    most: Count = 20_000


@dataclass(frozen=True)
class Payments:
    """Card payments over a span before now: so many in all, or for each customer; some declined, some refunded later.

    They cost what the products' one-time and recurring prices say; without products, `amount` in `currency`.
    """

    count: Count | None = None
    per_customer: float | None = None
    over: Span = "90d"
    declined: Share = 0.0
    refunded: Share = 0.0
    amount: Amount = field(default_factory=Amount)
    currency: str = "usd"


@seeds("products")
def products(seeding: Seeding, options: list[Product]) -> None:
    """Each by the operation that makes products together with their default price."""
    prices = seeding.notes.setdefault("prices", [])
    for place, product in enumerate(options):
        seeding.first(_product(product, prices), place)


@seeds("customers")
def customers(seeding: Seeding, options: Customers | Count | list[Customer]) -> None:
    """Customers who are people of the world, so that their mail reaches their mailboxes; or those that are written."""
    if isinstance(options, list):
        for place, written in enumerate(options):
            seeding.first(_written(seeding, written), place)
        return
    chosen = Customers(count=options) if isinstance(options, int) else options
    count = _number_of(seeding, chosen)
    shared = chosen.with_
    times = seeding.times(count, chosen.over) if chosen.over is not None else None
    for number in range(count):
        card = seeding.random.choice(_CARDS) if seeding.random.random() < shared.payment_method else None
        address = seeding.random.random() < shared.address
        step = _customer(seeding, number, card, address=address)
        if times is None:
            seeding.first(step)
        else:
            seeding.at(times[number], step)


@seeds("payments")
def payments(seeding: Seeding, options: Payments) -> None:
    """Payments by customers who have signed up by then; by guests where the file has no customers."""
    if (options.count is None) == (options.per_customer is None):
        raise seeding.refuse("payments", "one of count and per_customer", "count: 100")
    if options.amount.least > options.amount.most:
        raise seeding.refuse("an amount whose least is more than its most", "least: 500, most: 20000")
    count = options.count
    if count is None:
        count = round((options.per_customer or 0) * customers_planned(seeding, "per_customer"))
    for time in seeding.times(count, options.over):
        seeding.at(time, _payment(seeding, options))


def _product(product: Product, prices: list[tuple[str, int, str]]) -> Any:
    def step(ctx: SeedContext) -> None:
        body: dict[str, Any] = {"name": product.name}
        body |= {name: value for name in ("id", "description") if (value := getattr(product, name)) is not None}
        price = product.price
        if price is not None:
            data: dict[str, Any] = {"currency": price.currency, "unit_amount": price.amount}
            body["default_price_data"] = data | ({"recurring": {"interval": price.every}} if price.every else {})
            prices.append((product.name, price.amount, price.currency))
        ctx.play("POST /v1/products", body)

    return step


def _written(seeding: Seeding, written: Customer) -> Any:
    def step(ctx: SeedContext) -> None:
        names = ("email", "name", "phone", "description", "payment_method")
        body = {name: value for name in names if (value := getattr(written, name)) is not None}
        made = ctx.play("POST /v1/customers", body | ({"metadata": written.metadata} if written.metadata else {}))
        _remember(seeding, ctx, made.id, saved=written.payment_method is not None)

    return step


def _customer(seeding: Seeding, number: int, card: str | None, *, address: bool) -> Any:
    def step(ctx: SeedContext) -> None:
        person: Person = seeding.people[number]
        body: dict[str, Any] = {"name": person.name, "email": person.email, "phone": person.phone}
        if address:
            home = person.address
            body["address"] = {"line1": home.line1, "city": home.city, "state": home.state,
                               "postal_code": home.postal_code, "country": home.country}  # fmt: skip
        if card is not None:
            body["payment_method"] = f"pm_card_{card}"
        made = ctx.play("POST /v1/customers", body)
        _remember(seeding, ctx, made.id, saved=card is not None)

    return step


def _remember(seeding: Seeding, ctx: SeedContext, customer: str, *, saved: bool) -> None:
    method = ctx.newest("payment_method") if saved else None
    seeding.notes.setdefault("payers", []).append((customer, method))


def _payment(seeding: Seeding, options: Payments) -> Any:
    """One payment, its outcome drawn now, its payer when its time has come."""
    draw = seeding.random
    declined, refunded = draw.random() < options.declined, draw.random() < options.refunded
    amount = draw.randint(options.amount.least, options.amount.most)
    own, failing = draw.choice(_CARDS), draw.choice(_DECLINED)
    chosen, delay = draw.random(), draw.random()

    def step(ctx: SeedContext) -> None:
        payers = seeding.notes.get("payers", ())
        if not payers and seeding.given("customers") is not None:
            ctx.later(ctx.now_ms() + _HOUR, step)  # nobody has signed up yet
            return
        customer, method = payers[int(chosen * len(payers))] if payers else (None, None)
        cost = amount, options.currency
        body: dict[str, Any] = {"payment_method_types": ["card"], "confirm": True}
        if prices := seeding.notes.get("prices"):
            name, *cost = prices[int(delay * len(prices))]
            body["description"] = name
        body |= {"amount": cost[0], "currency": cost[1]}
        if customer is not None:
            body["customer"] = customer
        body["payment_method"] = f"pm_card_{failing}" if declined else method or f"pm_card_{own}"
        made = ctx.play("POST /v1/payment_intents", body)
        if refunded and not isinstance(made, Refusal):
            left = min(_REFUNDED_WITHIN, seeding.now - ctx.now_ms())
            ctx.later(ctx.now_ms() + int(delay * left), _refund(made.id))

    return step


def _refund(intent: str) -> Any:
    def step(ctx: SeedContext) -> None:
        ctx.play("POST /v1/refunds", {"payment_intent": intent, "reason": "requested_by_customer"})

    return step


def _number_of(seeding: Seeding, chosen: Customers) -> int:
    people = len(seeding.people)
    count = people if chosen.count is None else chosen.count
    if count > people:
        found = f"{count:,} customers, of {people:,} people"
        raise seeding.refuse(found, "not more customers than people", f"people: {count}")
    return count


def customers_planned(seeding: Seeding, what: str) -> int:
    """How many customers the file plants; refused for `what` depends on them, where there are none."""
    given = seeding.given("customers")
    if given is None:
        raise seeding.refuse(f"{what}, without customers", "customers beside them", "customers: 100")
    if isinstance(given, list):
        return len(given)
    return given if isinstance(given, int) else _number_of(seeding, given)
