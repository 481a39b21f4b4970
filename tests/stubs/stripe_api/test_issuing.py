"""Issuing: cardholders, cards and their way by post, authorizations and who decides, transactions, disputes, the balance."""

from typing import Any

import pytest
import stripe

from .conftest import Api

ADDRESS = {"line1": "1234 Main Street", "city": "San Francisco", "state": "CA", "postal_code": "94111", "country": "US"}


@pytest.fixture
def holder(client: stripe.StripeClient) -> stripe.issuing.Cardholder:
    return client.v1.issuing.cardholders.create(
        {
            "name": "Ada Love",
            "type": "individual",
            "individual": {"first_name": "Ada", "last_name": "Love"},
            "billing": {"address": ADDRESS},
        }
    )


@pytest.fixture
def card(client: stripe.StripeClient, holder: stripe.issuing.Cardholder) -> stripe.issuing.Card:
    return client.v1.issuing.cards.create(
        {"cardholder": holder.id, "currency": "usd", "type": "virtual", "status": "active"}
    )


def ask(client: stripe.StripeClient, card: stripe.issuing.Card, amount: int = 1000, **more: Any) -> Any:
    return client.v1.test_helpers.issuing.authorizations.create({"card": card.id, "amount": amount, **more})


def money(client: stripe.StripeClient) -> int:
    found = client.v1.balance.retrieve()
    return sum(entry.amount for entry in found.issuing.available) if "issuing" in found else 0


def test_cards_are_made_shown_and_canceled(api: Api, client: stripe.StripeClient, holder: Any) -> None:
    """A new card is inactive; its number is shown to whom asks; a canceled one stays so."""
    card = client.v1.issuing.cards.create({"cardholder": holder.id, "currency": "eur", "type": "virtual"})
    assert (card.status, card.currency, card.cardholder.name, card.shipping) == ("inactive", "eur", "Ada Love", None)
    assert "number" not in card
    shown = client.v1.issuing.cards.retrieve(card.id, {"expand": ["number", "cvc"]})
    assert (len(shown.number), shown.number[-4:], len(shown.cvc)) == (16, card.last4, 3)
    client.v1.issuing.cards.update(card.id, {"status": "active"})
    client.v1.issuing.cards.update(card.id, {"status": "canceled", "cancellation_reason": "lost"})
    with pytest.raises(stripe.InvalidRequestError, match="canceled card"):
        client.v1.issuing.cards.update(card.id, {"status": "active"})
    assert api.events() == [
        "issuing_cardholder.created",
        "issuing_card.created",
        "issuing_card.updated",
        "issuing_card.updated",
    ]


def test_a_physical_card_is_sent(client: stripe.StripeClient, holder: Any) -> None:
    """Step by step, and not otherwise."""
    body = {"cardholder": holder.id, "currency": "usd", "type": "physical"}
    with pytest.raises(stripe.InvalidRequestError, match="shipping"):
        client.v1.issuing.cards.create(body)
    card = client.v1.issuing.cards.create({**body, "shipping": {"name": "Ada", "address": ADDRESS}})
    helper = client.v1.test_helpers.issuing.cards
    assert card.shipping.status == "pending"
    with pytest.raises(stripe.InvalidRequestError, match="from pending to delivered"):
        helper.deliver_card(card.id)
    assert helper.ship_card(card.id).shipping.tracking_number
    assert helper.deliver_card(card.id).shipping.status == "delivered"


def test_an_authorization_is_approved_and_captured(api: Api, client: stripe.StripeClient, card: Any) -> None:
    """What is held leaves the balance; what is captured stays away, what is left comes back."""
    before = api.events()
    found = ask(client, card)
    assert (found.approved, found.status, found.amount, found.pending_request) == (True, "pending", 1000, None)
    assert (found.request_history[0].reason, found.merchant_data.category_code) == ("card_active", "4121")
    assert money(client) == -1000
    closed = client.v1.test_helpers.issuing.authorizations.capture(found.id, {"capture_amount": 700})
    assert (closed.status, [one.amount for one in closed.transactions]) == ("closed", [-700])
    assert money(client) == -700
    assert api.events()[len(before) :] == [
        "issuing_authorization.request",
        "issuing_authorization.created",
        "issuing_transaction.created",
        "issuing_authorization.updated",
    ]
    with pytest.raises(stripe.InvalidRequestError, match="status of `closed`"):
        client.v1.test_helpers.issuing.authorizations.capture(found.id)


def test_an_authorization_grows_shrinks_and_ends(api: Api, client: stripe.StripeClient, card: Any) -> None:
    """Increments hold more; a reversal gives back; what nobody captures expires after a week."""
    helper = client.v1.test_helpers.issuing.authorizations
    found = ask(client, card)
    assert helper.increment(found.id, {"increment_amount": 500}).amount == 1500
    assert helper.reverse(found.id, {"reverse_amount": 200}).amount == 1300
    assert money(client) == -1300
    gone = helper.reverse(found.id)
    assert (gone.status, gone.amount, money(client)) == ("reversed", 0, 0)
    fuel = ask(client, card)
    assert helper.finalize_amount(fuel.id, {"final_amount": 300}).amount == 300
    assert helper.expire(fuel.id).status == "expired"
    left = ask(client, card)
    api.passes(7 * 86_400)
    assert client.v1.issuing.authorizations.retrieve(left.id).status == "expired"
    assert money(client) == 0


DECLINED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "an inactive card": ({"status": "inactive"}, {}, "card_inactive"),
    "a canceled card": ({"status": "canceled"}, {}, "card_canceled"),
    "a blocked category": (
        {"spending_controls": {"blocked_categories": ["taxicabs_limousines"]}},
        {},
        "spending_controls",
    ),
    "too much at once": (
        {"spending_controls": {"spending_limits": [{"amount": 900, "interval": "per_authorization"}]}},
        {},
        "spending_controls",
    ),
    "a holder who may not": ({}, {"status": "inactive"}, "cardholder_inactive"),
}


@pytest.mark.parametrize("name", DECLINED)
def test_controls_decline(api: Api, client: stripe.StripeClient, card: Any, holder: Any, name: str) -> None:
    """Without asking the account; nothing is held, and the history says why."""
    of_card, of_holder, reason = DECLINED[name]
    if of_card:
        client.v1.issuing.cards.update(card.id, of_card)
    if of_holder:
        client.v1.issuing.cardholders.update(holder.id, of_holder)
    found = ask(client, card)
    assert (found.approved, found.status, found.request_history[0].reason) == (False, "closed", reason)
    assert money(client) == 0
    assert "issuing_authorization.request" not in api.events()


def test_a_day_s_limit_counts_what_was_spent(client: stripe.StripeClient, card: Any) -> None:
    """A second payment that would exceed the limit is declined."""
    limits = {"spending_limits": [{"amount": 1500, "interval": "daily"}]}
    client.v1.issuing.cards.update(card.id, {"spending_controls": limits})
    assert ask(client, card).approved
    assert not ask(client, card).approved
    assert ask(client, card, 400).approved


def test_the_account_decides_where_it_listens(api: Api, client: stripe.StripeClient, card: Any) -> None:
    """Two seconds to say yes or no; then the card's own state decides."""
    client.v1.webhook_endpoints.create(
        {"url": "https://shop.example/hook", "enabled_events": ["issuing_authorization.request"]}
    )
    waiting = ask(client, card)
    assert (waiting.approved, waiting.pending_request.amount) == (False, 1000)
    assert api.call("POST", f"/v1/issuing/authorizations/{waiting.id}/approve").body["request_history"][0][
        "reason"
    ] == ("webhook_approved")
    no = ask(client, card)
    declined = api.call("POST", f"/v1/issuing/authorizations/{no.id}/decline", "metadata[why]=no").body
    assert (declined["approved"], declined["metadata"]) == (False, {"why": "no"})
    again = api.call("POST", f"/v1/issuing/authorizations/{no.id}/decline")
    assert (again.status, "no pending request" in again.body["error"]["message"]) == (400, True)
    slow = ask(client, card)
    api.passes(10)
    assert client.v1.issuing.authorizations.retrieve(slow.id).request_history[0].reason == "webhook_timeout"


def test_the_older_way_to_ask(api: Api, card: Any) -> None:
    """What Stripe's command line still uses."""
    made = api.call(
        "POST", f"/v1/issuing/cards/{card.id}/test/authorizations", "held_amount=100&authorization_method=online"
    )
    assert (made.body["amount"], made.body["approved"]) == (100, True)


def test_captures_without_authorization_and_refunds(api: Api, client: stripe.StripeClient, card: Any) -> None:
    """Money leaves and comes back; a receipt is told of."""
    helper = client.v1.test_helpers.issuing.transactions
    row = {"description": "Ride", "quantity": "1.5", "unit_cost": 800}
    fuel = {"type": "diesel", "quantity_decimal": "1.5"}
    made = helper.create_force_capture(
        {"card": card.id, "amount": 800, "currency": "usd", "purchase_details": {"receipt": [row], "fuel": fuel}}
    )
    assert (made.amount, made.type, made.authorization) == (-800, "capture", None)
    shown = client.v1.issuing.transactions.retrieve(made.id, {"expand": ["purchase_details"]})
    assert (shown.purchase_details.receipt[0].unit_cost, shown.purchase_details.receipt[0].quantity) == (800, 1.5)
    assert (shown.purchase_details.fuel.type, shown.purchase_details.fuel.unit) == ("diesel", "other")
    back = helper.refund(made.id, {"refund_amount": 300})
    assert (back.amount, back.type, money(client)) == (300, "refund", -500)
    with pytest.raises(stripe.InvalidRequestError, match="greater than what is left"):
        helper.refund(made.id, {"refund_amount": 501})
    helper.create_unlinked_refund({"card": card.id, "amount": 100})
    client.v1.issuing.transactions.update(made.id, {"metadata": {"order": "7"}})
    assert [event for event in api.events() if event.startswith("issuing_transaction")] == [
        "issuing_transaction.created",
        "issuing_transaction.purchase_details_receipt_updated",
        "issuing_transaction.created",
        "issuing_transaction.created",
        "issuing_transaction.updated",
    ]


@pytest.mark.parametrize(
    ("words", "status", "left"), [("winning_evidence", "won", 0), ("losing_evidence", "lost", -800)]
)
def test_disputes(api: Api, client: stripe.StripeClient, card: Any, words: str, status: str, left: int) -> None:
    """The evidence decides; what was given back for a lost one is taken again."""
    made = client.v1.test_helpers.issuing.transactions.create_force_capture({"card": card.id, "amount": 800})
    dispute = client.v1.issuing.disputes.create(
        {"transaction": made.id, "evidence": {"reason": "fraudulent", "fraudulent": {"explanation": words}}}
    )
    assert (dispute.status, dispute.amount) == ("unsubmitted", 800)
    assert client.v1.issuing.transactions.retrieve(made.id).dispute == dispute.id
    assert client.v1.issuing.disputes.submit(dispute.id).status == "submitted"
    api.passes(60)
    closed = client.v1.issuing.disputes.retrieve(dispute.id)
    assert (closed.status, getattr(closed, "loss_reason", None)) == (
        status,
        "transaction_authorized" if status == "lost" else None,
    )
    assert money(client) == left
    with pytest.raises(stripe.InvalidRequestError, match="unsubmitted"):
        client.v1.issuing.disputes.submit(dispute.id)
    assert api.events()[-3:] == ["issuing_dispute.created", "issuing_dispute.submitted", "issuing_dispute.closed"]


def test_lists_are_of_what_is_asked(client: stripe.StripeClient, card: Any, holder: Any) -> None:
    """By card, cardholder and state."""
    found = ask(client, card)
    listed = client.v1.issuing.authorizations.list({"card": card.id, "status": "pending"})
    assert [one.id for one in listed] == [found.id]
    assert [one.id for one in client.v1.issuing.cards.list({"cardholder": holder.id})] == [card.id]
    assert not client.v1.issuing.transactions.list({"card": card.id}).data
