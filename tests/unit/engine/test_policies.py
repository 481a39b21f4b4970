"""Worlds that are judged by rules of their own."""

from childproof.engine import Engine
from childproof.engine.policies import Policies
from childproof.engine.vault import EMPTY
from childproof.ledger import Ledger
from childproof.model import Action, Call, Protocol, replace
from childproof.policy import Ruleset, load_ruleset
from childproof.policy.source import Source
from childproof.world import Store

START = 1_767_603_600_000
CALL = Call(Protocol.HTTP, "shop.example", 443, method="GET", scheme="https", path="/")


class NoStubs:
    def names(self) -> list[str]:
        return []


def rules(decision: str) -> Ruleset:
    return load_ruleset(
        [Source("rules.yaml", f"version: 1\nrules: [{{name: shop, match: {{host: shop.example}}, {decision}}}]")]
    )


def policies(common: str = "deny: {}") -> Policies:
    return Policies(rules(common), NoStubs(), EMPTY, max_body=100)  # type: ignore[arg-type]


def test_a_world_with_rules_of_its_own_is_judged_by_them_alone() -> None:
    """Others are judged by the common ones as before."""
    store = Store.open(":memory:", wall=lambda: START)
    for name in ("main", "other"):
        store.ensure(name)
    engine = Engine(
        store=store,
        ledger=Ledger(store.connection),
        rules=rules("deny: {}"),
        catalog=NoStubs(),  # type: ignore[arg-type]
        wall=lambda: START,
    )
    engine.policies.give("other", rules("reply: {status: 204}"))
    assert engine.handle(replace(CALL, world="other")).verdict.action is Action.REPLY
    assert engine.handle(replace(CALL, world="main")).verdict.action is Action.DENY
    engine.policies.take("other")
    assert engine.handle(replace(CALL, world="other")).verdict.action is Action.DENY


def test_only_a_worlds_own_rules_say_whether_a_host_may_be_allowed() -> None:
    """Both ways: an allow of one world opens nothing in another, and a world without one is closed."""
    both = policies("allow: {}")
    both.give("closed", rules("deny: {}"))
    assert both.of("main").rules.may_allow("shop.example", 443, Protocol.HTTP)
    assert not both.of("closed").rules.may_allow("shop.example", 443, Protocol.HTTP)


def test_a_fork_is_judged_as_its_origin_is() -> None:
    """By its own rules, or by the common ones, whatever a world of that name had before."""
    some = policies()
    own = rules("reply: {status: 204}")
    some.give("origin", own)
    some.inherit("fork", "origin")
    assert some.own("fork") is own
    some.inherit("fork", "main")
    assert some.own("fork") is None


def test_new_common_rules_leave_a_worlds_own_in_force() -> None:
    """And what bounds bodies holds for both."""
    some = policies()
    own = rules("reply: {status: 204}")
    some.give("other", own)
    before = some.of("other").checks
    some.replace(rules("reply: {status: 200}"), EMPTY, catalog=None, max_body=5)
    assert some.own("other") is own
    assert some.of("other").checks is not before
    assert some.max_body == 5


def test_worlds_with_rules_of_one_text_share_what_was_read() -> None:
    """One ruleset in memory for all of them, known by its text; gone with the last, but for a few; read again with other stubs."""
    some, text = policies(), "version: 1\nrules: []\n"
    assert some.read(text) is None
    own = rules("reply: {status: 204}")
    some.give("one", own, EMPTY, text)
    assert some.read(text) is own
    some.give("two", own, EMPTY, f"{text}")
    assert some.of("one") is some.of("two")
    some.give("three", rules("reply: {status: 205}"), EMPTY, "another")
    assert some.of("three") is not some.of("one")
    long = text + "#" * 200_000
    some.give("four", rules("reply: {status: 206}"), EMPTY, long)
    assert some.read(long) is some.own("four")
    some.take("four")
    for world in ("one", "two"):
        some.take(world)
    assert (some.read(long), some.read(text)) == (None, own)
    for number in range(100):
        some.give("one", own, EMPTY, f"text {number}")
    assert some.read(text) is None
    some.give("two", own, EMPTY, text)
    some.inherit("three", "two")
    some.replace(own, EMPTY, catalog=NoStubs(), max_body=None)  # type: ignore[arg-type]
    assert some.read(text) is None
    assert some.of("two") is some.of("three")
