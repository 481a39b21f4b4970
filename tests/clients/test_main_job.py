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


@pytest.mark.sealed
def test_a_second_run_with_the_same_seed_gives_byte_identical_replies(tmp_path: Path, needs_sealing: None) -> None:
    def run(name: str) -> list[tuple[str, int, dict[str, Any]]]:
        folder = tmp_path / name
        folder.mkdir()
        done = childproof(folder, "run", "--seed", "7", "--clock", CLOCK, "--", sys.executable, "-c", SESSION)
        assert done.returncode == 0, done.stderr
        return [
            (entry["target"], entry["status"], entry["reply"])
            for entry in entries(folder, "main")
            if entry["reply"] is not None and entry["protocol"] != "dns"
        ]

    first = run("first")
    assert [status for _, status, *_ in first] == [200, 200, 200, 404, 200, 250]
    assert first == run("second")


@pytest.mark.sealed
def test_another_seed_gives_other_ids(tmp_path: Path, needs_sealing: None) -> None:
    code = "import stripe; stripe.api_key = 'sk_test_session'; print(stripe.Customer.create().id)"
    ids = set()
    for seed in ("1", "2"):
        done = childproof(
            tmp_path, "run", "--world", f"w{seed}", "--seed", seed, "--clock", CLOCK, "--", sys.executable, "-c", code
        )
        assert done.returncode == 0, done.stderr
        ids.add(done.stdout)
    assert len(ids) == 2


@pytest.mark.sealed
def test_the_report_for_machines_is_one_json_object(tmp_path: Path, needs_sealing: None) -> None:
    done = childproof(
        tmp_path, "run", "--report", "json", "--report-to", "report.json", "--", sys.executable, "-c", SESSION
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
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
