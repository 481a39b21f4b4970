"""`childproof report`: what calls came to, told again."""

import json

from childproof.model import Effect


def test_it_says_what_a_run_said_at_its_end(book, run):
    """In the words of the stubs, with what was denied, and how to look closer."""
    mail = Effect("email", "mail.delivered", "msg_1", {"to": ["jo@example.com"], "subject": "Hello"})
    book.call(stub="email", protocol="smtp", effects=(mail,))
    book.look_up()
    book.deny()
    book.deny()
    code, out, err = run("report")
    assert (code, err) == (0, "")
    head, *rows = out.splitlines()
    assert head == "childproof · world main · 3 calls · 0 bytes left this machine"
    assert [row.split()[0] for row in rows] == ["email", "denied", "ledger"]
    assert "TCP 203.0.113.7:4444 (2 times)   no rule matches (default: deny)" in rows[1]
    assert rows[2].endswith("childproof.db · childproof log --world main")


def test_each_world_has_its_own_or_one_is_named(book, run):
    """A fork's begins with what it inherited."""
    book.call()
    book.store.fork("main", "main/fork")
    book.deny()
    book.call("main/fork")

    def calls(*options: str) -> dict[str, tuple[int, int]]:
        told = map(json.loads, run("report", "--json", *options)[1].splitlines())
        return {one["world"]: (one["calls"], len(one["denied"])) for one in told}

    assert calls() == {"main": (2, 1), "main/fork": (2, 0)}
    assert calls("--world", "main/fork") == {"main/fork": (2, 0)}
    code, out, err = run("report", "--world", "nowhere")
    assert (code, out) == (1, "")
    assert "no world 'nowhere'; it has: main, main/fork" in err
