"""`childproof rules suggest`: a draft from a ledger, which loads and judges the ledger's calls as meant."""

from childproof.cli.rules_suggest import call_of
from childproof.ledger import record
from childproof.model import Action, Would
from childproof.policy import Source, load_ruleset
from childproof.policy.ruleset import NO_RULE

NEW = {"verdict": "deny", "rule": None, "stub": None, "operation": None, "fidelity": None, "reason": NO_RULE}
OUT = {"verdict": "allow", "rule": "docs", "stub": None, "operation": None, "fidelity": None}


def filled(book):
    """A ledger of stubbed calls, one that went out, one that a dry run let out, and some that nobody decided about."""
    for _ in range(3):
        book.call()
    docs = {"host": "docs.example", "target": "GET https://docs.example/en/x", "method": "GET", "path": "/en/x?q=1"}
    book.call(**OUT, **docs, request=record((("accept", "text/html"),), b""))
    book.call(**OUT, **docs, would=(Would("unlisted", "not on the list"),))
    book.call(**NEW, host="files.stripe.com", target="POST https://files.stripe.com/v1/files", path="/v1/files")
    book.call(**NEW, host="evil.example", target="POST https://evil.example/c", path="/c")
    book.call(
        **NEW, host="mx.example", port=25, protocol="smtp", method="MESSAGE", path="", target="SMTP mx.example:25"
    )
    book.deny()
    book.call(protocol="clock", host="", port=0, target="clock to 2026", method="ADVANCE", path="", verdict="reply")


def drafted(run, *options):
    code, out, _ = run("rules", "suggest", *options)
    assert code == 0
    return out


def test_the_draft_decides_about_every_call_as_was_meant(book, run):
    """Stubs where the catalog has one, `allow` where the call went out, denied still where nobody decided."""
    filled(book)
    text = drafted(run)
    rules = load_ruleset([Source("draft", text)])
    verdicts = [
        (entry.host, rules.judge(call_of(entry)).verdict.action)
        for entry in book.ledger.entries()
        if entry.protocol != "clock"
    ]
    assert verdicts == [
        *[("api.stripe.com", Action.STUB)] * 3,
        *[("docs.example", Action.ALLOW)] * 2,
        ("files.stripe.com", Action.STUB),
        ("evil.example", Action.DENY),
        ("mx.example", Action.STUB),
        ("203.0.113.7", Action.DENY),
    ]
    assert "# 4 calls: POST 4\n  - name: stripe\n" in text
    assert "# 1 call let out, though the rule unlisted would deny it" in text
    assert "  # - name: evil.example\n" in text


def test_what_is_new_goes_out_only_when_asked(book, run):
    """`--allow-new` takes the # away."""
    filled(book)
    rules = load_ruleset([Source("draft", drafted(run, "--allow-new"))])
    evil = next(entry for entry in book.ledger.entries() if entry.host == "evil.example")
    assert rules.judge(call_of(evil)).verdict.action is Action.ALLOW


def test_one_world_or_all(book, run):
    """`--world` looks at one; a world that isn't there is said so."""
    filled(book)
    book.store.create("other")
    book.call("other", **OUT, host="other.example", method="GET", path="/", target="GET https://other.example/")
    assert "other.example" in drafted(run)
    assert "docs.example" not in drafted(run, "--world", "other")


def test_an_empty_ledger_needs_no_rule(book, run):
    """And its draft loads."""
    text = drafted(run)
    assert load_ruleset([Source("draft", text)]).rules == ()
