"""What is in force: the rules of all worlds, and of those worlds that have rules of their own.

Stubs are the same for all worlds of a process, and so is how much of a body is judged. A world's own rules stand in the
place of the common ones, not beside them. Worlds whose rules were read from the same text share one policy: a compiled ruleset
takes fifteen times the memory of its text, and a server has hundreds of sandboxes that are all judged alike.
"""

from collections import deque
from weakref import WeakValueDictionary

import msgspec

from childproof.catalog import Catalog
from childproof.model import replace
from childproof.policy import Ruleset

from .checks import Checks
from .vault import EMPTY, Vault

_RECENT = 8  # texts whose policy is kept though no world has it, for whoever comes next with the same one
_SHORT = 100_000  # characters of such a text


class Policy(msgspec.Struct, frozen=True, weakref=True):
    """A ruleset with the credentials that it names, and the checks that go with both; `text` is what it was read from."""

    rules: Ruleset
    vault: Vault
    checks: Checks
    text: str = ""


class Policies:
    """Which policy a world's calls are judged by. `max_body` is in bytes."""

    def __init__(self, rules: Ruleset, catalog: Catalog, vault: Vault, *, max_body: int) -> None:
        self.catalog = catalog
        self.max_body = max_body
        self.common = Policy(rules, vault, Checks(catalog, vault, max_body=max_body))
        self._own: dict[str, Policy] = {}
        self._by_text = WeakValueDictionary[str, Policy]()
        self._recent = deque[Policy](maxlen=_RECENT)

    def of(self, world: str) -> Policy:
        """The policy of a world of this name."""
        return self._own.get(world, self.common) if self._own else self.common

    def replace(self, rules: Ruleset, vault: Vault, *, catalog: Catalog | None, max_body: int | None) -> None:
        """Another common policy, other stubs, another bound: complete, or as it was where this raises."""
        catalog = self.catalog if catalog is None else catalog
        max_body = self.max_body if max_body is None else max_body
        common = Policy(rules, vault, Checks(catalog, vault, max_body=max_body))
        again = {
            id(policy): replace(policy, checks=Checks(catalog, policy.vault, max_body=max_body))
            for policy in self._own.values()
        }
        own = {world: again[id(policy)] for world, policy in self._own.items()}
        self._recent.clear()
        self._by_text.clear()  # with other stubs, a text may have faults that it hadn't
        self.common, self.catalog, self.max_body, self._own = common, catalog, max_body, own

    def own(self, world: str) -> Ruleset | None:
        """The rules that a world has of its own; None where it is judged by the common ones."""
        policy = self._own.get(world)
        return None if policy is None else policy.rules

    def read(self, text: str) -> Ruleset | None:
        """The rules that this text was read as, with the stubs that there are now; None where it has to be read."""
        policy = self._by_text.get(text)
        return None if policy is None else policy.rules

    def give(self, world: str, rules: Ruleset, vault: Vault = EMPTY, text: str = "") -> None:
        """Judge a world by rules of its own, which must have been read with this process's stubs, from the next call on."""
        policy = self._by_text.get(text)
        if policy is None or policy.rules is not rules or policy.vault is not vault:
            policy = Policy(rules, vault, Checks(self.catalog, vault, max_body=self.max_body), text)
            if text:
                self._by_text[text] = policy
            if text and len(text) <= _SHORT:
                self._recent.append(policy)
        self._own[world] = policy

    def text(self, world: str) -> str | None:
        """What a world's own rules were read from; None where it has none."""
        policy = self._own.get(world)
        return None if policy is None else policy.text

    def inherit(self, world: str, origin: str) -> None:
        """Judge a world as another one is judged now: a fork has its origin's rules."""
        policy = self._own.get(origin)
        if policy is None:
            self._own.pop(world, None)
        else:
            self._own[world] = policy

    def take(self, world: str) -> None:
        """Judge a world by the common rules again, if it wasn't."""
        self._own.pop(world, None)
