"""Stripe's longer messages, word for word as its API answers them. Messages of one place stand at that place."""

NO_SUCH_METHOD = (
    "No such PaymentMethod: '{id}'; It's possible this PaymentMethod exists on one of your connected accounts, in which "
    "case you should retry this request on that connected account. "
    "Learn more at https://stripe.com/docs/connect/authentication"
)
METHOD_AS_SOURCE = (
    "You cannot use a PaymentMethod as a source for Customers. Instead, use the PaymentMethods API to Attach a Customer "
    "to a PaymentMethod. See https://stripe.com/docs/api/payment_methods/attach"
)
METHOD_USED_UP = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a "
    "connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use a "
    "PaymentMethod multiple times, you must attach it to a Customer first."
)
METHOD_OF_NO_CUSTOMER = (
    "The customer does not have a payment method with the ID {id}. The payment method must be attached to the customer."
)
RETURN_URL_NEEDED = (
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment "
    "methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want to accept "
    "redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "
    "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents."
)
NO_METHOD = (
    "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent "
    "with a payment method and then confirm it again, or confirm it again directly with a payment method or "
    "ConfirmationToken."
)
NO_FUNDS = (
    "You have insufficient available funds in your Stripe account. Try adding funds directly to your available balance by "
    "creating Charges using the 4000000000000077 test card. See: https://stripe.com/docs/testing#available-balance"
)
