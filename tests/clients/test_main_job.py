"""The main job: an unmodified agent, sealed in, against a stateful Stripe and a mailbox."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

AGENT = Path(__file__).parent.parent.parent / "examples" / "checkout_agent.py"
README = AGENT.parent.parent / "README.md"
CLOCK = "step:1s@2026-01-05T09:00:00Z"

# With keys of our own, since the SDK would invent random ones: then every byte comes from the world.
SESSION = """
import smtplib, stripe
stripe.api_key = "sk_test_session"
customer = stripe.Customer.create(email="jenny@example.com", idempotency_key="a")
intent = stripe.PaymentIntent.create(amount=4200, currency="usd", customer=customer.id, payment_method="pm_card_visa",
    payment_method_types=["card"], confirm=True, expand=["latest_charge.balance_transaction"],
    idempotency_key="b")
stripe.Refund.create(payment_intent=intent.id, amount=100, idempotency_key="c")
try:
    stripe.Customer.retrieve("cus_nobody")
except stripe.InvalidRequestError:
    pass
stripe.Event.list(limit=100)
with smtplib.SMTP("smtp.gmail.com", 587) as smtp:
    smtp.starttls()
    smtp.login("shop@example.com", "secret")
    smtp.sendmail("shop@example.com", ["jenny@example.com"], "Subject: Your receipt\\n\\nThank you.")
"""


def childproof(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "childproof", *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def entries(folder: Path, world: str) -> list[dict[str, Any]]:
    done = childproof(folder, "log", "--world", world, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.sealed
def test_the_demo_agent_sees_a_world_that_works_and_the_user_reads_what_would_have_happened(
    tmp_path: Path, needs_sealing: None
) -> None:
    done = childproof(tmp_path, "run", "--world", "demo", "--", sys.executable, str(AGENT))
    assert done.returncode == 0, done.stderr
    assert "the same payment" in done.stdout
    assert "card_declined: Your card was declined." in done.stdout
    assert "0 bytes left this machine" in done.stderr
    assert "would have charged $420.00 to 1 customer, refunded $20.00 · 1 decline" in done.stderr
    assert 'would have sent 1 message to jenny@example.com · "Your receipt"' in done.stderr
    assert "POST https://telemetry.unknown.example/collect" in done.stderr
    assert "TCP 203.0.113.7:4444" in done.stderr
    assert all(entry["upstream"]["bytes_out"] == 0 for entry in entries(tmp_path, "demo"))
    if shutil.which("curl"):
        assert f"\n```\n{done.stdout}{done.stderr}```\n" in README.read_text(), "the README shows something else"


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory, needs_sealing: None) -> dict[str, Path]:
    """The folders of one session played three times: with a seed, with the same once more, and with another."""
    folders = {}
    for name, seed in (("first", "7"), ("second", "7"), ("other", "8")):
        folders[name] = folder = tmp_path_factory.mktemp(name)
        options = ("--seed", seed, "--clock", CLOCK, "--report", "json", "--report-to", "report.json")
        done = childproof(folder, "run", *options, "--", sys.executable, "-c", SESSION)
        assert done.returncode == 0, done.stderr
    return folders


def replies(folder: Path) -> list[tuple[str, int, dict[str, Any]]]:
    return [
        (entry["target"], entry["status"], entry["reply"])
        for entry in entries(folder, "main")
        if entry["reply"] is not None and entry["protocol"] != "dns"
    ]


@pytest.mark.sealed
def test_a_second_run_with_the_same_seed_gives_byte_identical_replies(sessions: dict[str, Path]) -> None:
    first = replies(sessions["first"])
    assert [status for _, status, *_ in first] == [200, 200, 200, 404, 200, 250]
    assert first == replies(sessions["second"])


@pytest.mark.sealed
def test_another_seed_gives_other_ids(sessions: dict[str, Path]) -> None:
    ids = {json.loads(replies(sessions[name])[0][2]["body"])["id"] for name in ("first", "other")}
    assert len(ids) == 2


@pytest.mark.sealed
def test_the_report_for_machines_is_one_json_object(sessions: dict[str, Path]) -> None:
    report = json.loads((sessions["first"] / "report.json").read_text())
    assert report["upstream"] == {"dns": 0, "connections": 0, "bytes_out": 0, "bytes_in": 0}
    assert report["services"][0] == {
        "stub": "stripe",
        "outcome": "would have charged $42.00 to 1 customer, refunded $1.00",
    }


@pytest.mark.sealed
def test_the_exit_code_is_the_commands_own(tmp_path: Path, needs_sealing: None) -> None:
    assert childproof(tmp_path, "run", "--report", "none", "--", "sh", "-c", "exit 7").returncode == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--rules", "missing.yaml"), "missing.yaml"),
        (("--rules", "broken.yaml"), "broken.yaml:3:5"),
        (("--stubs", "nowhere"), "nowhere"),
        (("--config", "nowhere.yaml"), "nowhere.yaml"),
        (("--clock", "sometimes"), "write real, frozen@"),
        (("--nonsense",), "--nonsense"),
    ],
)
def test_bad_input_is_one_clear_message_exit_2_and_nothing_started(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "broken.yaml").write_text("version: 1\nrules:\n  - nam: x\n    deny: {}\n")
    done = childproof(tmp_path, "run", *arguments, "--", "touch", "started")
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "started").exists()
