"""The life of a payment intent: everything that depends on its status lives in this file.

`stub.yaml` has the table of moves (`resources.payment_intent.lifecycle`); a move that isn't in it is refused whatever
the code asks. Here is which *action* may be tried in which status, and what Stripe answers where it may not:

    requires_payment_method → requires_confirmation → requires_action ⇄ processing → requires_capture → succeeded
                                                                                                    or canceled
A declined attempt leads back to requires_payment_method. Succeeded and canceled are final.
"""

from childproof.stubkit import Entity, Refusal

from .fields import public

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")

ACTIONS: dict[str, tuple[str, ...]] = {
    "confirm": OPEN,
    "capture": ("requires_capture",),
    "increment": ("requires_capture",),
    "cancel": ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action", "processing"),
    "change": OPEN,
}
"""Action -> the statuses in which it may be tried, in the order in which Stripe names them."""

# What may be changed at any time; all else only while the intent is open.
ALWAYS_CHANGEABLE = frozenset({"metadata", "description", "receipt_email", "shipping", "transfer_group", "expand"})

_LISTED = {
    "cancel": "You cannot cancel this PaymentIntent because it has a status of {status}. Only a PaymentIntent with one of "
    "the following statuses may be canceled: {allowed}.",
    "capture": "This PaymentIntent could not be captured because it has a status of {status}. Only a PaymentIntent with "
    "one of the following statuses may be captured: {allowed}.",
    "increment": "This PaymentIntent's authorization could not be incremented because it has a status of {status}. Only a "
    "PaymentIntent with one of the following statuses may be incremented: {allowed}.",
    "confirm": "You cannot confirm this PaymentIntent because it has a status of {status}. Only a PaymentIntent with one "
    "of the following statuses may be confirmed: {allowed}.",
    "change": "This PaymentIntent's {what} could not be updated because it has a status of {status}. You may only update "
    "the {what} of a PaymentIntent with one of the following statuses: {allowed}.",
}
_SUCCEEDED = {
    "confirm": "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.",
    "capture": "This PaymentIntent could not be captured because it has already been captured.",
}


def check(intent: Entity, action: str, *, what: str = "") -> None:
    """Refuse an action that the intent's status doesn't allow, with Stripe's code and words. Changes nothing."""
    status = intent["status"]
    allowed = ACTIONS[action]
    if status in allowed:
        return
    message = _SUCCEEDED.get(action) if status == "succeeded" else None
    if message is None:
        message = _LISTED[action].format(status=status, what=what, allowed=", ".join(allowed))
    raise unexpected(intent, message)


def unexpected(intent: Entity, message: str, *, keep_changes: bool = False) -> Refusal:
    """Stripe's 400 for something that the intent's state forbids; it shows the intent as it is."""
    code = "payment_intent_unexpected_state"
    return Refusal(400, code, message, payment_intent=public(intent), keep_changes=keep_changes)
