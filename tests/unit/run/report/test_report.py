"""The report: figures from the ledger's entries, and how they read on a terminal and in a pipe."""

import re
from collections.abc import Sequence

import pytest

from childproof.engine import Missing
from childproof.ledger import Entry
from childproof.model import Effect, Upstream, Would, replace
from childproof.run.report.report import MAX_LINES, Report, from_json, summarize, to_json, to_text

NO_RULE = "no rule matches (default: deny)"
COLLECT = "POST https://telemetry.unknown.example/collect"
ENTRY = Entry(
    id="call_1", world="demo", sandbox="run", seq=1, at=0, world_at=0, protocol="http", target="GET https://a.example/",
    host="a.example", port=443, method="GET", path="/", verdict="deny", rule=None, reason=NO_RULE, stub=None,
    operation=None, fidelity=None, status=403, duration_us=100, request=None, reply=None, changes=(), effects=(),
)  # fmt: skip
STUBBED = replace(
    ENTRY,
    verdict="stub",
    rule="stripe",
    reason="the rule stripe matches",
    stub="stripe",
    fidelity="modelled",
    status=200,
)


def words(service: str, effects: Sequence[Effect]) -> str:
    worded = [effect.type for effect in effects if effect.type != "mail.queued"]
    return f"would have done {', '.join(worded)}" if worded else ""


def report(*entries: Entry) -> Report:
    return summarize("demo", entries, words)


def text(report: Report, width: int | None = None) -> str:
    return to_text(report, ledger="childproof.db", log_command="childproof log --world demo", width=width)


def test_a_run_without_calls_is_two_lines() -> None:
    assert text(report()) == (
        "childproof · world demo · 0 calls · 0 bytes left this machine\n"
        "  ledger   childproof.db · childproof log --world demo"
    )


def test_it_reads_as_the_demo_promises() -> None:
    charge = replace(STUBBED, effects=(Effect("stripe", "charges", "ch_1", {}),))
    mail = replace(STUBBED, stub="email", effects=(Effect("email", "mails", "msg_1", {}),))
    beacon = replace(ENTRY, target=COLLECT)
    raw = replace(ENTRY, target="TCP 203.0.113.7:4444", protocol="tcp", status=None)
    assert text(report(charge, mail, beacon, beacon, raw)).splitlines() == [
        "childproof · world demo · 5 calls · 0 bytes left this machine",
        "  stripe   would have done charges",
        "  email    would have done mails",
        f"  denied   {COLLECT} (2 times)   {NO_RULE}",
        f"           TCP 203.0.113.7:4444                                       {NO_RULE}",
        "  ledger   childproof.db · childproof log --world demo",
    ]


def test_name_lookups_are_no_calls_and_said_where_there_is_nothing_else() -> None:
    lookup = replace(ENTRY, protocol="dns", verdict="reply", reason="every name is answered", status=0)
    assert "0 calls · 2 name look-ups ·" in text(report(lookup, lookup))
    assert "look-up" not in text(report(lookup, ENTRY))
    assert (report(lookup, ENTRY).calls, report(lookup, ENTRY).lookups) == (1, 1)


def test_a_denied_lookup_is_listed_with_the_denied() -> None:
    lookup = replace(ENTRY, protocol="dns", target="DNS A x.example")
    assert [line.target for line in report(lookup).denied] == ["DNS A x.example"]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [(0, "0 bytes left"), (1, "1 byte left"), (1023, "1023 bytes left"), (1536, "1.5 KiB left"), (3 * 1024**3, "3.0 GiB left")],
)  # fmt: skip
def test_bytes_that_left_are_the_sum_of_all_calls(sent: int, shown: str) -> None:
    allowed = replace(ENTRY, verdict="allow", rule="docs", upstream=Upstream(1, 1, sent, 10))
    assert shown in text(report(allowed, ENTRY))
    assert report(allowed, allowed).bytes_left == 2 * sent


def test_allowed_calls_are_counted_by_host_and_rule() -> None:
    allowed = replace(ENTRY, verdict="allow", rule="docs")
    assert "  allowed   a.example (2 times)   rule docs\n" in text(report(allowed, allowed))
    assert "  ledger    childproof.db" in text(report(allowed))


def test_a_stub_without_effects_says_how_often_it_was_asked() -> None:
    assert "  stripe   1 call, none with an effect outside\n" in text(report(STUBBED))
    assert "  stripe   2 calls, none with an effect outside\n" in text(report(STUBBED, STUBBED))


def test_mail_that_a_stub_sent_is_told_of_where_it_lies() -> None:
    """The mailbox words it; of the stub that sent it there is said that it did."""
    mailed = replace(STUBBED, effects=(Effect("stripe", "mail.queued", "job_1", {}),))
    assert "  stripe   2 calls, 1 mail handed on\n" in text(report(mailed, STUBBED))


def test_gaps_and_our_own_errors_are_not_hidden() -> None:
    gap = replace(STUBBED, fidelity="gap", target="GET https://api.stripe.com/v9")
    bug = replace(ENTRY, error="Traceback …")
    shown = text(report(gap, bug))
    assert "  gaps     GET https://api.stripe.com/v9   the stripe stub does not model it\n" in shown
    assert "  errors   1 call denied by an error inside childproof or a stub\n" in shown


def test_a_long_list_is_counted_and_the_command_shows_the_rest() -> None:
    many = [replace(ENTRY, target=f"GET https://h{number}.example/") for number in range(MAX_LINES + 1234)]
    assert text(report(*many)).count("https://") == MAX_LINES
    assert "           … and 1,234 more: childproof log --world demo --verdict deny\n" in text(report(*many))


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    entries = [
        replace(ENTRY, target=f"GET https://h.example/{'x' * size}", reason="why " * size) for size in range(0, 90, 9)
    ]
    said = replace(STUBBED, effects=tuple(Effect("stripe", f"thing-{n}", "", {}) for n in range(40)))
    lines = text(report(said, *entries), width).splitlines()
    assert max(map(len, lines[1:])) <= width


def test_on_a_narrow_terminal_the_reason_stands_below_its_call() -> None:
    lines = text(report(replace(ENTRY, target=COLLECT)), 80).splitlines()
    assert lines[1:3] == [f"  denied   {COLLECT}", f"             {NO_RULE}"]


def test_on_a_terminal_a_long_call_is_cut_and_keeps_its_count() -> None:
    long = replace(ENTRY, target=f"GET https://h.example/{'x' * 200}")
    [line] = [line for line in text(report(long, long), 80).splitlines() if "h.example" in line]
    assert line.endswith("x… (2 times)")


def test_in_a_pipe_nothing_is_cut_and_a_long_call_pushes_no_other_aside() -> None:
    long = replace(ENTRY, target=f"GET https://h.example/{'x' * 200}")
    lines = text(report(ENTRY, long)).splitlines()
    assert lines[1] == f"  denied   {ENTRY.target}   {NO_RULE}"
    assert lines[2] == f"           {long.target}   {NO_RULE}"


def test_what_a_sandbox_wrote_can_not_draw_on_the_terminal() -> None:
    evil = replace(ENTRY, target="GET https://a.example/\x1b[2J", reason="no\u202e")
    said = replace(STUBBED, effects=(Effect("stripe", "\x1b]0;owned\x07", "", {}),))
    shown = text(report(evil, said))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", shown)
    assert r"\x1b[2J" in shown


def test_paint_gets_the_head_and_each_label_and_changes_no_column() -> None:
    def paint(kind: str, text: str) -> str:
        return f"<{kind}>{text}</>"

    painted = to_text(report(ENTRY, STUBBED), ledger="l", log_command="c", paint=paint)
    assert "<denied>denied</>   GET" in painted
    assert "<stripe>stripe</>   1 call" in painted
    assert re.sub(r"<[^>]*>", "", painted) == to_text(report(ENTRY, STUBBED), ledger="l", log_command="c")


def test_the_report_for_machines_is_whole() -> None:
    long = replace(ENTRY, target=f"GET https://h.example/{'x' * 200}")
    made = to_json(report(long, long, STUBBED), ledger="childproof.db")
    assert made["denied"] == [{"target": long.target, "reason": NO_RULE, "count": 2}]
    assert made["fidelity"] == {"modelled": 1}
    assert made["services"] == [{"stub": "stripe", "outcome": "1 call, none with an effect outside"}]
    assert (made["version"], made["calls"], made["errors"], made["ledger"]) == (1, 3, 0, "childproof.db")


def test_what_follows_from_the_commands_calls_counts_in_outcomes_alone() -> None:
    """A receipt that a stub mails, a job that was due: they are no calls, no denials and no errors of the command."""
    paid = replace(STUBBED, effects=(Effect("stripe", "paid", "ch_1"),))
    mail = replace(STUBBED, protocol="smtp", stub="email", cause="call_1", effects=(Effect("email", "sent", "msg_1"),))
    lost = replace(ENTRY, protocol="smtp", cause="call_1")
    job = replace(STUBBED, protocol="clock", error="RuntimeError: oh")
    made = report(paid, mail, lost, job)
    assert (made.calls, made.denied, made.errors, made.failed) == (1, (), 0, 1)
    assert made.services == (("stripe", "would have done paid"), ("email", "would have done sent"))
    assert "1 piece of a stub's later work failed" in text(made)


def test_a_dry_run_tells_what_would_have_been_denied() -> None:
    """In the text and for machines: the call, the rule and its reason."""
    entry = replace(ENTRY, verdict="allow", rule="open", would=(Would("no-uploads", "nothing is uploaded"),))
    made = report(entry)
    shown = text(made)
    assert "dry run" in shown
    assert "the rule no-uploads would deny it: nothing is uploaded" in shown
    assert to_json(made, ledger="x")["would"][0]["count"] == 1


def test_what_could_not_be_recorded_is_counted() -> None:
    lacking = summarize("demo", [ENTRY], words, Missing(calls=2, ends=1))
    shown = "  missing   2 calls denied without a record · 1 allowed call without a record of what left this machine\n"
    assert shown in text(lacking)
    made = to_json(lacking, ledger="childproof.db")
    assert (made["unrecorded"], made["unfinished"], made["calls"]) == (2, 1, 1)
    assert "missing" not in text(report(ENTRY))


def test_webhooks_that_arrived_are_counted_and_the_others_told_with_their_reasons() -> None:
    """The last that is known of each; a listener that fails is no failure of a stub."""

    def effect(what: str, number: int, **data: object) -> Effect:
        return Effect("stripe", f"webhook.{what}", f"delivery_{number}", {"url": "http://localhost:1/hook", **data})

    call = replace(STUBBED, effects=tuple(effect("queued", number) for number in (1, 2, 3, 4)))
    attempt = replace(STUBBED, cause="call_1", target="POST http://localhost:1/hook")
    entries = [
        replace(attempt, effects=(effect("failed", 1, status=500, reason="", state="waiting"),), error="x"),
        replace(attempt, effects=(effect("delivered", 1, status=200, state="delivered"),)),
        replace(attempt, effects=(effect("failed", 2, status=500, reason="", state="waiting"),)),
        replace(attempt, effects=(effect("refused", 3, status=None, reason=NO_RULE, state="refused"),), verdict="deny"),
    ]
    made = report(call, *entries)
    assert (made.calls, made.failed, made.denied, made.webhooks) == (1, 0, (), 1)
    assert text(made).splitlines()[2:6] == [
        "  webhooks   1 delivered",
        "             http://localhost:1/hook   answered with 500; it will be tried again",
        f"             http://localhost:1/hook   {NO_RULE}",
        "             http://localhost:1/hook   not sent yet",
    ]
    assert to_json(made, ledger="x")["webhooks"]["delivered"] == 1
    assert [line["count"] for line in to_json(made, ledger="x")["webhooks"]["undelivered"]] == [1, 1, 1]
    assert from_json(to_json(made, ledger="x")) == made


def test_what_programs_are_told_is_the_whole_report() -> None:
    """It can be read back, and then reads for people as it did."""
    allowed = replace(ENTRY, verdict="allow", upstream=Upstream(1, 2, 300, 400))
    gap = replace(STUBBED, fidelity="gap", would=(Would("no-gaps", "a gap"),))
    broken = replace(ENTRY, error="it broke")
    made = summarize("demo", [ENTRY, STUBBED, allowed, gap, broken], words, Missing(calls=2, ends=1))
    again = from_json(to_json(made, ledger="x"))
    assert again == made
    assert text(again) == text(made)
