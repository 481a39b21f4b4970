"""What Stripe says when an issuer declines: codes, decline codes and wordings.

Source: docs.stripe.com/declines/codes and docs.stripe.com/error-codes; the messages are what Stripe's API answers.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decline:
    """One way to be declined. `network` is the issuer's own code, `advice` what to do about it."""

    code: str
    decline_code: str
    message: str
    param: str | None = None
    advice: str | None = None
    network: str | None = None
    seller_message: str = "The bank did not return any further details with this decline."


_CARD_DECLINED = "Your card was declined."

DECLINES: dict[str, Decline] = {
    "generic_decline": Decline("card_declined", "generic_decline", _CARD_DECLINED, None, "try_again_later", "01"),
    "insufficient_funds": Decline(
        "card_declined", "insufficient_funds", "Your card has insufficient funds.", None, "try_again_later", "51",
        "The bank returned the decline code `insufficient_funds`.",
    ),
    "lost_card": Decline(
        "card_declined", "lost_card", _CARD_DECLINED, None, "do_not_try_again", "41",
        "The bank returned the decline code `lost_card`.",
    ),
    "stolen_card": Decline(
        "card_declined", "stolen_card", _CARD_DECLINED, None, "do_not_try_again", "43",
        "The bank returned the decline code `stolen_card`.",
    ),
    "expired_card": Decline(
        "expired_card", "expired_card", "Your card has expired.", "exp_month", "do_not_try_again", "54",
        "The bank returned the decline code `expired_card`.",
    ),
    "incorrect_cvc": Decline(
        "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", "cvc", "confirm_card_data", "N7",
        "The bank returned the decline code `incorrect_cvc`.",
    ),
    "processing_error": Decline(
        "processing_error", "processing_error",
        "An error occurred while processing your card. Try again in a little bit.", None, "try_again_later", "06",
        "The bank returned the decline code `processing_error`.",
    ),
    "card_velocity_exceeded": Decline(
        "card_declined", "card_velocity_exceeded",
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
        None, "try_again_later", "65", "The bank returned the decline code `card_velocity_exceeded`.",
    ),
    "fraudulent": Decline(
        "card_declined", "fraudulent", _CARD_DECLINED, None, "do_not_try_again", None,
        "Stripe blocked this payment as too risky.",
    ),
    "authentication_required": Decline(
        "authentication_required", "authentication_required",
        "Your card was declined. This transaction requires authentication.", None, None, "1A",
        "The bank returned the decline code `authentication_required`.",
    ),
    "test_mode_live_card": Decline(
        "card_declined", "test_mode_live_card",
        "Your card was declined. Your request was in test mode, but used a non test card. "
        "For a list of valid test cards, visit: https://stripe.com/docs/testing.",
    ),
    "live_mode_test_card": Decline(
        "card_declined", "live_mode_test_card",
        "Your card was declined. Your request was in live mode, but used a known test card.",
    ),
}  # fmt: skip
"""Decline by its decline code."""
