"""What readiness says of reloads: when, whether it worked, and why not, within bounds."""

from childproof.run.server.reloads import Reloads


def test_what_never_happened_is_not_told() -> None:
    assert Reloads().as_json() == {"ok": True, "succeeded": 0, "failed": 0}


def test_that_it_failed_is_told_with_both_times_and_not_what_rules_and_paths_say() -> None:
    """A workload may reach the probes' port."""
    fault = "/etc/childproof/rules.yaml:3:1: the header 'sk_live_51abcdefghijklmnopqrstuv'"
    told = Reloads(2, 1, at=1_000, tried_at=61_000, fault=fault, restart=("listen",)).as_json()
    assert told == {
        "ok": False,
        "succeeded": 2,
        "failed": 1,
        "at": "1970-01-01T00:00:01.000Z",
        "failed_at": "1970-01-01T00:01:01.000Z",
        "fault": "the server's log has it",
        "restart_for": ["listen"],
    }
