"""What readiness says of reloads: when, whether it worked, and why not, within bounds."""

from childproof.run.server.reloads import Reloads


def test_what_never_happened_is_not_told() -> None:
    assert Reloads().as_json() == {"ok": True, "succeeded": 0, "failed": 0}


def test_a_fault_is_told_with_both_times_masked_and_bounded() -> None:
    """Rule files may hold what nobody should read at a probe, and ten thousand rules ten thousand faults."""
    fault = "rules.yaml:3:1: the header 'sk_live_51abcdefghijklmnopqrstuv'; " + "another fault; " * 10_000
    told = Reloads(2, 1, at=1_000, tried_at=61_000, fault=fault, restart=("listen",)).as_json()
    assert (told["ok"], told["at"], told["failed_at"]) == (
        False,
        "1970-01-01T00:00:01.000Z",
        "1970-01-01T00:01:01.000Z",
    )
    assert told["fault"].startswith("rules.yaml:3:1: the header ")
    assert "abcdefghijklmnop" not in told["fault"]
    assert len(told["fault"]) < 5000
    assert told["restart_for"] == ["listen"]
