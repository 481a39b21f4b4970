"""Drafts of rule files: they load, and judge every call that they were made from as it was, or as it was suggested."""

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from childproof.model import Action, Call, Protocol
from childproof.policy import Source, load_ruleset
from childproof.policy.ruleset import NO_RULE
from childproof.policy.suggest import Seen, Serving, suggest

STUBS = [
    Serving("shop", ("api.shop.example", "*.shop.example")),
    Serving("mail", ("*",), frozenset({Protocol.SMTP})),
]


def http(url: str, method: str = "GET") -> Call:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    host, _, port = host.partition(":")
    return Call(
        Protocol.HTTP,
        host,
        int(port or (443 if scheme == "https" else 80)),
        method=method,
        scheme=scheme,
        path=slash + path,
    )


def allowed(url: str, method: str = "GET") -> Seen:
    return Seen(http(url, method), Action.ALLOW, "some")


def denied(url: str, method: str = "GET") -> Seen:
    return Seen(http(url, method), Action.DENY, None, None, NO_RULE)


def test_what_went_out_goes_on_going_out_and_nothing_else() -> None:
    """To the hosts, methods and paths that were seen; two hosts that are asked alike are one rule."""
    made = suggest(
        [allowed("https://a.example/v1/x"), allowed("https://b.example/v1/x"), allowed("https://c.example/", "POST")],
        [],
    )
    assert made.text == (
        "# A draft by `childproof rules suggest`, from 3 calls: look at every rule before you use it.\n"
        "version: 1\n"
        "rules:\n"
        "  # 2 calls: GET 2\n"
        "  - name: a.example\n"
        "    match: {host: [a.example, b.example], method: GET, path: /v1/x}\n"
        "    allow: {}\n"
        "  # 1 call: POST 1\n"
        "  - name: c.example\n"
        "    match: {host: c.example, method: POST, path: /}\n"
        "    allow: {}\n"
    )
    rules = load_ruleset([Source("draft", made.text)])
    for other in (
        http("https://a.example/v2"),
        http("https://a.example/v1/x", "DELETE"),
        http("https://d.example/v1/x"),
    ):
        assert rules.judge(other).verdict.action is Action.DENY


def test_what_a_stub_serves_is_stubbed() -> None:
    """Also what was denied because no rule spoke of it; mail goes to a stub that takes mail."""
    mail = Seen(Call(Protocol.SMTP, "smtp.any.example", 25, method="MESSAGE"), Action.DENY, None, None, NO_RULE)
    made = suggest([denied("https://api.shop.example/v1"), denied("https://x.shop.example/v1", "POST"), mail], STUBS)
    assert made.verdicts == (Action.STUB,) * 3
    assert made.text.count("stub: shop") == 1
    assert "match: {protocol: smtp, host: smtp.any.example}\n    stub: mail" in made.text


def test_what_no_rule_decided_about_stays_denied_unless_asked() -> None:
    """It stands there as a comment that loads once its # is taken away."""
    seen = [denied("https://unknown.example/x"), allowed("https://a.example/")]
    made = suggest(seen, [])
    assert made.verdicts == (Action.DENY, Action.ALLOW)
    opened = made.text.replace("  # - ", "  - ").replace("  #   ", "    ")
    assert load_ruleset([Source("draft", opened)]).judge(seen[0].call).verdict.action is Action.ALLOW
    assert suggest(seen, [], allow_new=True).verdicts == (Action.ALLOW, Action.ALLOW)


def test_denials_by_a_rule_stay_and_stand_above_what_would_take_them() -> None:
    """A call to a stubbed host that a rule denied is still denied."""
    no = Seen(http("https://api.shop.example/v1/payouts", "POST"), Action.DENY, "no-payouts", None, "no money leaves")
    made = suggest([Seen(http("https://api.shop.example/v1/x"), Action.STUB, "s", "shop"), no], STUBS)
    assert made.verdicts == (Action.STUB, Action.DENY)
    assert 'deny: {reason: "no money leaves"}' in made.text


def test_a_limit_that_refused_is_a_note_not_a_denial() -> None:
    """The same rule answered other calls."""
    call = http("https://api.shop.example/v1/x")
    made = suggest(
        [Seen(call, Action.STUB, "s", "shop"), Seen(call, Action.DENY, "s", None, "the limit of 1 call")], STUBS
    )
    assert "# 1 call denied by a limit or the leak guard of the rule s" in made.text
    assert made.verdicts == (Action.STUB, Action.STUB)


def test_many_paths_become_what_they_begin_with() -> None:
    """A hundred users are not a hundred paths; and a part that the ledger masked is any."""
    seen = [allowed(f"https://a.example/v1/users/{number}") for number in range(100)]
    assert 'path: "/v1/users/**"' in suggest(seen, []).text
    masked = suggest([allowed("https://a.example/v1/keys/sk_live_…abcd")], [])
    assert 'path: "/v1/keys/*"' in masked.text


def test_an_ambiguous_path_asks_for_less() -> None:
    """An `allow` with a path would not take it."""
    made = suggest([allowed("https://a.example/v1/a%2fb"), allowed("https://a.example/v1/c")], [])
    assert made.verdicts == (Action.ALLOW, Action.ALLOW)
    assert "path" not in made.text


def test_unusual_ports_and_raw_connections_keep_their_ports() -> None:
    """Port 8443 is not port 443."""
    tcp = Seen(Call(Protocol.TCP, "10.1.2.3", 5432), Action.ALLOW, "db")
    made = suggest([allowed("https://a.example:8443/x"), tcp], [])
    assert "port: 8443" in made.text
    assert 'match: {protocol: tcp, host: "10.1.2.3", port: 5432}' in made.text
    assert made.verdicts == (Action.ALLOW, Action.ALLOW)


_SEGMENTS = st.text(string.ascii_letters + string.digits + "-._~%$@!:,&=+é /;\\*", max_size=6)
_PATHS = st.lists(_SEGMENTS, max_size=4).map(lambda parts: "/" + "/".join(parts))
_HOSTS = st.sampled_from(["a.example", "b.example", "api.shop.example", "10.0.0.1", "::1"])
_CALLS = st.builds(
    lambda host, path, method: Call(Protocol.HTTP, host, 443, method=method, scheme="https", path=path),
    _HOSTS,
    _PATHS,
    st.sampled_from(["GET", "POST", "PURGE"]),
)


@settings(max_examples=60)
@given(st.lists(st.tuples(_CALLS, st.sampled_from(["allow", "stub", "new"])), min_size=1, max_size=25))
def test_whatever_was_seen_the_draft_loads_and_judges_it_as_meant(calls: list[tuple[Call, str]]) -> None:
    """Hosts that were stubbed are stubbed, what went out goes out, and the rest stays closed."""
    kinds: dict[str, str] = {}
    seen = []
    for call, wanted in calls:
        kind = kinds.setdefault(call.host, wanted)
        stub = "shop" if kind == "stub" else None
        verdict = {"allow": Action.ALLOW, "stub": Action.STUB, "new": Action.DENY}[kind]
        seen.append(Seen(call, verdict, None if kind == "new" else "r", stub, NO_RULE))
    made = suggest(seen, [])
    assert list(made.verdicts) == [one.verdict for one in seen]
