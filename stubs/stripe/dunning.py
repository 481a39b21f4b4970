"""What becomes of a subscription whose invoice nobody could collect: a setting of the account.

At Stripe it is made in the Dashboard (docs.stripe.com/billing/revenue-recovery/smart-retries#failed-payments); here a world
file makes it, under `billing`. Without one, the subscription is canceled, as at Stripe.
"""

from typing import Literal, cast

from childproof.stubkit import Context

Ending = Literal["cancel", "unpaid", "past_due"]
ENDINGS: tuple[Ending, ...] = ("cancel", "unpaid", "past_due")
SETTINGS = "billing_settings"  # a resource that no request can reach; it has one entity
ONE = "account"


def after_last_failure(ctx: Context) -> Ending:
    """What happens to a subscription after the last failed payment: canceled, unpaid, or left past due."""
    found = ctx.find(SETTINGS, ONE)
    return cast("Ending", found["after_last_failure"]) if found is not None else "cancel"
