"""Disputes, through the official SDK: who has the money at every step, and what the events say was there before."""

import pytest
import stripe

OPENING = 100_000


def dispute_of(client, method="pm_card_createDispute"):
    intent = client.v1.payment_intents.create(
        params={
            "amount": 5000,
            "currency": "usd",
            "payment_method": method,
            "payment_method_types": ["card"],
            "confirm": True,
        }
    )
    return client.v1.disputes.list(params={"payment_intent": intent.id}).data[0]


def total(client):
    balance = client.v1.balance.retrieve()
    return sum(part.amount for part in (*balance.available, *balance.pending)) - OPENING


@pytest.mark.parametrize(
    ("evidence", "status", "left"), [("winning_evidence", "won", 3325), ("losing_evidence", "lost", -1675)]
)
def test_the_evidence_decides_who_has_the_money(client, api, evidence, status, left):
    """The dispute takes the amount and 15.00; won, the amount returns and the fee stays with Stripe."""
    dispute = dispute_of(client)
    assert total(client) == 5000 - 175 - 5000 - 1500
    client.v1.disputes.update(dispute.id, params={"evidence": {"uncategorized_text": evidence}})
    api.passes(5)
    dispute = client.v1.disputes.retrieve(dispute.id)
    assert (dispute.status, total(client)) == (status, left)
    closed = client.v1.events.list(params={"type": "charge.dispute.closed"}).data[0]
    assert closed.data.object.status == status
    assert closed.data.previous_attributes["status"] == "under_review"


def test_other_evidence_leaves_a_dispute_under_review(client, api):
    """Only the documented texts decide; everything else waits for the bank."""
    dispute = dispute_of(client)
    client.v1.disputes.update(dispute.id, params={"evidence": {"customer_name": "Jenny"}})
    api.passes(60)
    assert client.v1.disputes.retrieve(dispute.id).status == "under_review"


def test_evidence_that_is_not_submitted_may_still_change(client):
    """With `submit: false` the evidence is kept and the status stays."""
    dispute = dispute_of(client)
    for text in ("first", "second"):
        dispute = client.v1.disputes.update(
            dispute.id, params={"evidence": {"uncategorized_text": text}, "submit": False}
        )
    assert (dispute.status, dispute.evidence.uncategorized_text) == ("needs_response", "second")
    assert (dispute.evidence_details.has_evidence, dispute.evidence_details.submission_count) == (True, 0)


def test_a_closed_dispute_takes_no_more(client):
    """Closing is losing; afterwards nothing can be said."""
    dispute = client.v1.disputes.close(dispute_of(client).id)
    assert dispute.status == "lost"
    for action in (client.v1.disputes.close, client.v1.disputes.update):
        with pytest.raises(stripe.InvalidRequestError, match="already closed"):
            action(dispute.id, **({"params": {"submit": True}} if action == client.v1.disputes.update else {}))


def test_a_dispute_that_nobody_answers_is_lost_when_it_is_due(client, api):
    """The day is in `evidence_details.due_by`; a moment before, there is still time."""
    dispute = dispute_of(client)
    with api.world.transaction() as tx:
        now = tx.now() // 1000
    api.passes(dispute.evidence_details.due_by - now - 60)
    assert client.v1.disputes.retrieve(dispute.id).status == "needs_response"
    api.passes(180)
    dispute = client.v1.disputes.retrieve(dispute.id)
    assert (dispute.status, dispute.evidence_details.past_due) == ("lost", True)


def test_a_manual_capture_is_contested_when_it_is_captured(client):
    """As long as the money is only held there is nothing to dispute."""
    intent = client.v1.payment_intents.create(
        params={"amount": 5000, "currency": "usd", "payment_method": "pm_card_createDispute", "confirm": True,
                "payment_method_types": ["card"], "capture_method": "manual"}
    )  # fmt: skip
    assert client.v1.disputes.list().data == []
    client.v1.payment_intents.capture(intent.id)
    assert [one.amount for one in client.v1.disputes.list().data] == [5000]


@pytest.mark.parametrize(
    ("method", "kind"),
    [("pm_card_createCe3EligibleDispute", "visa_compelling_evidence_3"),
     ("pm_card_createComplianceDispute", "visa_compliance"),
     ("pm_card_createMastercardComplianceDispute", "mastercard_compliance")],
)  # fmt: skip
def test_some_disputes_are_eligible_for_more(client, method, kind):
    """Which card programme's rules apply is on the dispute."""
    dispute = dispute_of(client, method)
    assert dispute.enhanced_eligibility_types == [kind]
    assert dispute.evidence_details.enhanced_eligibility[kind].status in {
        "requires_action",
        "requires_fee_acknowledgement",
    }
