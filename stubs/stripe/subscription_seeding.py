"""What a world file plants of subscriptions: a past with renewals, failed payments and cancellations.

Played by the operations themselves; what the clock does (renewals, retries, trials that end) happens in between at its time.
"""

from dataclasses import dataclass
from typing import Any

from childproof.stubkit import SeedContext, Seeding, Share, Span, seeds

from .dunning import ONE, SETTINGS, Ending
from .seeding import customers_planned

_DAY = 86_400_000
_TRIAL = 14  # days
_FAILING = "pm_card_chargeCustomerFail"


@dataclass(frozen=True)
class Subscriptions:
    """Which share of the customers subscribed over a span, each to one of the recurring prices.

    Of these, shares that began with a `trial` of two weeks, that were `canceled` (by and by, at the end of a period), and
    whose card `failed` from some time on.
    """

    share: Share = 0.5
    over: Span = "365d"
    trial: Share = 0.0
    canceled: Share = 0.0
    failed: Share = 0.0


@dataclass(frozen=True)
class Billing:
    """The account's settings: what becomes of a subscription after the last failed payment."""

    after_last_failure: Ending = "cancel"


@seeds("billing")
def billing(seeding: Seeding, options: Billing) -> None:
    """Made before anything else, as in the Dashboard."""

    def step(ctx: SeedContext) -> None:
        ctx.create(SETTINGS, ONE, after_last_failure=options.after_last_failure)

    seeding.first(step)


@seeds("subscriptions")
def subscriptions(seeding: Seeding, options: Subscriptions) -> None:
    """Customers who subscribe one after the other, once they have signed up."""
    count = round(options.share * customers_planned(seeding, "subscriptions"))
    for time in seeding.times(count, options.over):
        seeding.at(time, _subscription(seeding, options))


def _subscription(seeding: Seeding, options: Subscriptions) -> Any:
    """One subscription, its fate drawn now, its customer when its time has come."""
    draw = seeding.random
    trial, canceled, failed = (draw.random() < share for share in (options.trial, options.canceled, options.failed))
    chosen, which, when = draw.random(), draw.random(), draw.random()

    def step(ctx: SeedContext) -> None:
        taken = seeding.notes.setdefault("subscribers", set())
        free = [payer for payer in seeding.notes.get("payers", ()) if payer[0] not in taken]
        if not free:
            ctx.later(ctx.now_ms() + _DAY, step)  # everybody who has signed up has subscribed
            return
        prices = ctx.list("price", type="recurring", active=True, newest_first=False)
        if not prices:
            raise seeding.refuse("subscriptions, without recurring prices", "products with `every`", "every: month")
        customer, method = free[int(chosen * len(free))]
        taken.add(customer)
        _pay_with(ctx, customer, method or "pm_card_visa")
        body: dict[str, Any] = {"customer": customer, "items": [{"price": prices[int(which * len(prices))].id}]}
        if trial:
            body["trial_period_days"] = _TRIAL
        made = ctx.play("POST /v1/subscriptions", body)
        left = max(0, seeding.now - ctx.now_ms())
        if failed:
            ctx.later(ctx.now_ms() + int(when * left), lambda then: _pay_with(then, customer, _FAILING))
        if canceled:
            ctx.later(ctx.now_ms() + int(when * left), _cancellation(made.id))

    return step


def _pay_with(ctx: SeedContext, customer: str, method: str) -> None:
    """Make a payment method the customer's default, attached first where it is a test card's name."""
    if method.startswith("pm_card_"):
        method = ctx.play("POST /v1/payment_methods/{payment_method}/attach", {"customer": customer},
                          payment_method=method).id  # fmt: skip
    ctx.play(
        "POST /v1/customers/{customer}", {"invoice_settings": {"default_payment_method": method}}, customer=customer
    )


def _cancellation(subscription: str) -> Any:
    def step(ctx: SeedContext) -> None:
        found = ctx.find("subscription", subscription)
        if found is not None and found["ended_at"] is None:
            ctx.play("POST /v1/subscriptions/{subscription_exposed_id}", {"cancel_at_period_end": True},
                     subscription_exposed_id=subscription)  # fmt: skip

    return step
