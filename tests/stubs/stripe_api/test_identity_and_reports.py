"""Identity: sessions from the first question to the report, and what is left once they are redacted. Reports as files."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe

from childproof.run.planting import grow
from childproof.stubkit.stub import Stub
from childproof.world import Store
from tests.stubs.inprocess import START, shipped_catalog

from .conftest import KEY, Api, InProcess


def session(client: stripe.StripeClient, **more: Any) -> stripe.identity.VerificationSession:
    return client.v1.identity.verification_sessions.create(
        {"type": "document", "return_url": "https://shop.example/back", **more}
    )


def press(api: Api, found: stripe.identity.VerificationSession, outcome: str) -> str:
    return api.call("POST", urlsplit(found.url).path, f"outcome={outcome}", key=None).headers["Location"]


def test_a_person_is_verified(api: Api, client: stripe.StripeClient) -> None:
    """By the page; what was verified is shown to whom asks."""
    made = session(client, options={"document": {"require_matching_selfie": True}}, metadata={"user": "7"})
    assert (made.status, made.options.document.require_matching_selfie) == ("requires_input", True)
    assert "Verify your identity" in api.call("GET", urlsplit(made.url).path, key=None).raw.decode()
    assert press(api, made, "verified") == "https://shop.example/back"
    api.passes(1)
    done = client.v1.identity.verification_sessions.retrieve(
        made.id, {"expand": ["verified_outputs", "last_verification_report"]}
    )
    assert (done.status, done.url) == ("verified", None)
    report = done.last_verification_report
    assert (report.document.status, report.selfie.status) == ("verified", "verified")
    assert done.verified_outputs.first_name == report.document.first_name
    assert [one.id for one in client.v1.identity.verification_reports.list({"verification_session": made.id})] == [
        report.id
    ]
    assert api.events() == [
        "identity.verification_session.created",
        "identity.verification_session.processing",
        "identity.verification_session.verified",
    ]
    with pytest.raises(stripe.InvalidRequestError, match="status of verified"):
        client.v1.identity.verification_sessions.cancel(made.id)


def test_a_failed_check_asks_again(api: Api, client: stripe.StripeClient) -> None:
    """The session says what was wrong and waits for another try."""
    made = session(client)
    press(api, made, "unverified")
    api.passes(1)
    held = client.v1.identity.verification_sessions.retrieve(made.id)
    assert (held.status, held.last_error.code) == ("requires_input", "document_unverified_other")
    assert api.events()[-1] == "identity.verification_session.requires_input"
    press(api, made, "verified")
    api.passes(1)
    assert client.v1.identity.verification_sessions.retrieve(made.id).status == "verified"


def test_sessions_are_canceled_and_redacted(api: Api, client: stripe.StripeClient) -> None:
    """Redacting takes a moment and leaves nothing of the person."""
    made = session(client, metadata={"user": "7"})
    press(api, made, "verified")
    api.passes(1)
    assert client.v1.identity.verification_sessions.redact(made.id).redaction.status == "processing"
    api.passes(1)
    gone = client.v1.identity.verification_sessions.retrieve(made.id, {"expand": ["last_verification_report"]})
    assert (gone.redaction.status, gone.metadata.to_dict()) == ("redacted", {})
    assert gone.last_verification_report.document.first_name is None
    other = client.v1.identity.verification_sessions.cancel(session(client).id)
    assert (other.status, other.url) == ("canceled", None)
    assert api.events()[-1] == "identity.verification_session.canceled"


def test_somebody_of_the_world_is_verified(stub: Stub, tmp_path: Path) -> None:
    """Where the world has people, the document is one of theirs."""
    (tmp_path / "world.yaml").write_text("world: known\npeople: {count: 1, given: [{name: Mona Lisa}]}\n")
    with (
        Store.open(":memory:", wall=lambda: START) as store,
        grow(tmp_path / "world.yaml", shipped_catalog(), lambda: START) as grown,
    ):
        grown.keep(store, "known")
        api = Api(stub, store.world("known"))
        client = stripe.StripeClient(KEY, http_client=InProcess(api))
        press(api, session(client), "verified")
        api.passes(1)
        (report,) = client.v1.identity.verification_reports.list().data
        assert (report.document.first_name, report.document.last_name) == ("Mona", "Lisa")


def test_a_report_is_a_file_of_the_world_s_book(api: Api, client: stripe.StripeClient) -> None:
    """It is pending first; its sums are those of the balance transactions."""
    charge = client.v1.charges.create({"amount": 2000, "currency": "usd", "source": "tok_visa"})
    span = {"interval_start": charge.created - 86_400, "interval_end": charge.created + 86_400}
    run = client.v1.reporting.report_runs.create({"report_type": "balance.summary.1", "parameters": span})
    assert (run.status, run.result) == ("pending", None)
    api.passes(1)
    done = client.v1.reporting.report_runs.retrieve(run.id)
    assert (done.status, done.result.type) == ("succeeded", "csv")
    text = api.call("GET", done.result.url).raw.decode()
    assert text.splitlines()[0] == "category,description,net_amount,currency"
    total = sum(entry.net for entry in client.v1.balance_transactions.list({"currency": "usd"}))
    assert text.splitlines()[-1] == f"ending_balance,Ending balance,{total / 100:.2f},usd"
    assert api.events()[-1] == "reporting.report_run.succeeded"
    itemized = {
        "report_type": "balance_change_from_activity.itemized.3",
        "parameters": {**span, "columns": ["net", "currency"]},
    }
    second = client.v1.reporting.report_runs.create(itemized)
    api.passes(1)
    place = client.v1.reporting.report_runs.retrieve(second.id).result.url
    assert api.call("GET", place).raw.decode().startswith("net,currency\n")
    assert "19.12,usd\n" in api.call("GET", place).raw.decode()


def test_reports_that_can_t_be(client: stripe.StripeClient) -> None:
    """Unknown types and intervals that are none."""
    assert {one.id for one in client.v1.reporting.report_types.list()} >= {"balance.summary.1", "payouts.itemized.3"}
    assert client.v1.reporting.report_types.retrieve("balance.summary.1").version == 1
    with pytest.raises(stripe.InvalidRequestError, match=r"No such report type: 'x\.1'"):
        client.v1.reporting.report_runs.create({"report_type": "x.1"})
    with pytest.raises(stripe.InvalidRequestError, match="interval_end"):
        body: Any = {"report_type": "balance.summary.1", "parameters": {"interval_start": 1}}
        client.v1.reporting.report_runs.create(body)
