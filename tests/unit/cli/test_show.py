"""`childproof show`: one call in full."""

import json
import re

import pytest

from childproof.ledger import record, trace_of
from childproof.model import Change, Effect, Upstream


class TestShow:
    def full(self, book):
        return book.call(
            request=record((("Content-Type", "application/x-www-form-urlencoded"),), b"amount=2000&currency=usd"),
            reply=record((("Content-Type", "application/json"),), b'{"id":"pi_1","amount":2000}'),
            changes=(
                Change(
                    "stripe",
                    "payment_intent",
                    "pi_1",
                    {"status": "open", "n": {"a": 1}},
                    {"status": "done", "n": {"a": 1}},
                ),
                Change("stripe", "charge", "ch_1", None, {"id": "ch_1", "amount": 2000, "empty": None}),
                Change("stripe", "hold", "ho_1", {"id": "ho_1"}, None),
            ),
            effects=(Effect("stripe", "charge.succeeded", "ch_1"),),
        )

    def test_everything_about_a_call_reads_in_order(self, book, run):
        self.full(book)
        code, out, _ = run("show", "1")
        assert code == 0
        assert out == (
            "POST https://api.stripe.com/v1/things/1\n"
            "  verdict      stub  the rule stripe matches\n"
            "  rule         stripe\n"
            "  stub         stripe POST /v1/things (modelled)\n"
            "  status       200\n"
            "  world        main, call 1, at 2026-01-05T12:00:00.000Z of its time\n"
            "  time         2026-01-05T12:00:00.001Z, took 1.9 ms\n"
            "  call         call_main0001, sandbox box\n"
            "  upstream     nothing left this machine\n"
            f"  trace        {trace_of('call_main0001')}\n"
            "\n"
            "request\n"
            "  Content-Type: application/x-www-form-urlencoded\n"
            "\n"
            "  amount = 2000\n"
            "  currency = usd\n"
            "\n"
            "reply\n"
            "  Content-Type: application/json\n"
            "\n"
            "  {\n"
            '    "id": "pi_1",\n'
            '    "amount": 2000\n'
            "  }\n"
            "\n"
            "changes\n"
            "  ~ stripe payment_intent pi_1 changed\n"
            '      status: "open" → "done"\n'
            "  + stripe charge ch_1 created\n"
            '      id: "ch_1"\n'
            "      amount: 2000\n"
            "  - stripe hold ho_1 deleted\n"
            "\n"
            "effects\n"
            "  stripe charge.succeeded ch_1\n"
        )

    def test_json(self, book, run):
        made = self.full(book)
        assert json.loads(run("show", made.id, "--json")[1])["id"] == made.id

    def test_what_left_the_machine(self, book, run):
        made = book.call(verdict="allow", status=None)
        assert "under way" in run("show", "1")[1]
        book.ledger.settle(
            made.id, upstream=Upstream(1, 1, 2000, 3000), status=200, reply=None, duration_us=5, error="it broke"
        )
        out = run("show", "1")[1]
        assert "1 name look-up, 1 connection, 2,000 bytes out, 3,000 bytes in" in out
        assert "error\n  it broke" in out

    def test_by_the_beginning_of_the_id(self, book, run):
        book.call(id="call_abc1")
        book.call(id="call_abd1")
        assert "call_abc1" in run("show", "abc")[1]
        assert "call_abd1" in run("show", "call_abd")[1]
        code, _, err = run("show", "ab")
        assert code == 1
        assert "call_abc1" in err
        assert "call_abd1" in err

    def test_an_id_that_is_also_the_beginning_of_another_is_itself(self, book, run):
        book.call(id="call_abc")
        book.call(id="call_abcd")
        assert "  call         call_abc," in run("show", "call_abc")[1]

    def test_a_number_needs_its_world_where_there_are_several(self, book, run):
        book.call()
        book.store.create("two")
        book.call("two", target="GET https://two.example/")
        code, _, err = run("show", "1")
        assert code == 1
        assert err.endswith(
            "Add --world with one of these:\n  main  POST https://api.stripe.com/v1/things/1\n  two  GET https://two.example/\n"
        )
        assert "two.example" in run("show", "1", "--world", "two")[1]

    def test_a_number_that_only_one_world_has_needs_no_world(self, book, run):
        """A fork's calls of before are its parent's: one and the same."""
        book.call()
        book.store.fork("main", "main/fork")
        book.call("main/fork", target="GET https://fork.example/")
        assert "api.stripe.com" in run("show", "1")[1]
        assert "fork.example" in run("show", "2")[1]

    def test_a_number_is_never_the_beginning_of_an_id(self, book, run):
        """Call 7 that isn't there is not the call whose id happens to begin so."""
        book.call(id="call_7777777777777777")
        code, out, err = run("show", "7")
        assert (code, out) == (1, "")
        assert "has no call '7' (worlds: main)" in err
        assert "call_777" in run("show", "777777")[1]
        assert "call_777" in run("show", "call_7")[1]

    @pytest.mark.parametrize("call", ["9", "nobody", "call_", ""])
    def test_an_unknown_call_is_refused_with_where_to_look(self, book, run, call):
        code, out, err = run("show", call)
        assert (code, out) == (1, "")
        assert "`childproof log`" in err

    def test_a_long_body_is_shown_in_part_unless_asked_for(self, book, run):
        book.call(reply=record((), "\n".join(f"line {n}" for n in range(100)).encode()))
        out = run("show", "1")[1]
        assert "line 59" in out
        assert "line 60" not in out
        assert "40 more lines; --full" in out
        assert "line 99" in run("show", "1", "--full")[1]

    def test_a_long_value_of_a_change_is_shown_in_part_unless_asked_for(self, book, run):
        """An event holds all of what it tells of: one line of it is enough to see that."""
        event = {"id": "evt_1", "data": {"text": f"{'x' * 500}end"}}
        book.call(changes=(Change("stripe", "event", "evt_1", None, event),))
        out = run("show", "1")[1]
        assert "more characters; --full shows them)" in out
        assert max(map(len, out.splitlines())) < 300
        assert 'end"}' in run("show", "1", "--full")[1]

    def test_a_sandbox_cannot_draw_on_the_terminal(self, book, run):
        evil = "\x1b[2J\x07\u202e"
        book.call(
            target=f"GET https://x/{evil}",
            error=evil,
            sandbox=evil,
            request=record(((f"X-{evil}", evil),), f"a\n{evil}\r\nb".encode()),
            changes=(Change("s", evil, evil, {evil: 1}, {evil: evil}),),
            effects=(Effect("s", evil, evil),),
        )
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", run("show", "1")[1])


def test_what_caused_a_call_and_what_it_caused_stand_with_it(book, run):
    paid = book.call()
    mail = book.call(cause=paid.id, trace="ab" * 16, target="SMTP shop.example:25", protocol="smtp")
    book.call(
        cause=paid.id,
        trace="ab" * 16,
        target="SMTP other.example:25",
        verdict="deny",
        reason="no rule",
        protocol="smtp",
    )
    _, out, _ = run("show", paid.id)
    assert (
        "  caused       call_main0002  SMTP shop.example:25\n"
        "               call_main0003  SMTP other.example:25 (deny: no rule)\n"
    ) in out
    _, out, _ = run("show", mail.id)
    assert f"  trace        {'ab' * 16}\n  caused by    {paid.id}  {paid.target}\n" in out
    _, out, _ = run("show", mail.id, "--json")
    assert (json.loads(out)["trace"], json.loads(out)["cause"]) == ("ab" * 16, paid.id)
