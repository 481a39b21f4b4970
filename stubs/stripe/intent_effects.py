"""What follows from a payment intent's fate for whatever it pays: an invoice, a Checkout session.

`confirming.py` tells of it here and knows nothing of them; who wants to hear registers a function with `@after`.
"""

from collections.abc import Callable

from childproof.stubkit import Context, Entity

Listener = Callable[[Context, Entity], None]
FATES = ("succeeded", "failed", "requires_action", "processing", "set_up")
_LISTENERS: dict[str, list[Listener]] = {fate: [] for fate in FATES}


def after(fate: str) -> Callable[[Listener], Listener]:
    """Have a function called once an intent `succeeded`, `failed`, is `processing` or `requires_action`, events told.

    And a setup intent, once its payment method is `set_up`.
    """

    def register(listener: Listener) -> Listener:
        _LISTENERS[fate].append(listener)
        return listener

    return register


def tell_all(ctx: Context, intent: Entity, fate: str) -> None:
    """Call all who registered for a fate, in the order of registration."""
    for listener in _LISTENERS[fate]:
        listener(ctx, intent)
