"""What an invoice's fate does to its subscription. `invoicing.py` calls in here; it knows nothing of subscriptions itself."""

from childproof.stubkit import Context, Entity


def paid(ctx: Context, invoice: Entity) -> None:
    """The invoice was paid, whichever way."""


def payment_failed(ctx: Context, invoice: Entity, final: bool) -> None:  # noqa: FBT001 - the one thing to be told
    """A payment failed; `final` where it won't be tried again."""


def voided(ctx: Context, invoice: Entity) -> None:
    """The invoice was voided."""


def uncollectible(ctx: Context, invoice: Entity) -> None:
    """The invoice was given up."""


def upcoming(ctx: Context, subscription: Entity) -> None:
    """A renewal comes up; told of before it does."""
