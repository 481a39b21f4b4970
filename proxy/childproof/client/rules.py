"""Rules: read, replaced, explained; and the stubs that they name."""

from collections.abc import Sequence

from childproof.control import messages_rules as ruled

from .asking import Asking, below, given, world_path

__tracebackhide__ = True

Texts = str | Sequence[tuple[str, str]]  # a rule file's text, or names and texts of several


class Rules(Asking):
    """The operations on rules, the server's or a world's own, and on stubs."""

    def rules(self, world: str | None = None) -> ruled.RulesInForce:
        """The rules of a world, or those of the server; their `etag` is what `put_rules` wants to see."""
        return self._ask("GET", _place(world), ruled.RulesInForce)

    def put_rules(self, text: str, *, etag: str, world: str | None = None) -> ruled.RulesInForce:
        """Replace rules as a whole, from the next call on; a world gets rules of its own. `*` is any etag.

        Raises ChangedError where somebody else was quicker, InvalidError with every fault; then nothing was changed.
        """
        return self._ask("PUT", _place(world), ruled.RulesInForce, {"text": text}, {"if-match": etag})

    def delete_rules(self, world: str, *, etag: str | None = None) -> None:
        """Judge a world by the server's rules again. With an `etag`, only those; ChangedError where others are in force."""
        self._request("DELETE", _place(world), None, None if etag is None else {"if-match": etag})

    def check_rules(self, text: Texts) -> int:
        """How many rules there are in a text, or in several with names, that would do. Raises InvalidError with every fault."""
        return self._ask("POST", "/v1/rules/check", ruled.Checked, {"text": _written(text)}).rules

    def explain(
        self, call: str | ruled.WrittenCall, *, world: str | None = None, text: Texts | None = None
    ) -> ruled.Explained:
        """What rules make of a call (`POST https://api.stripe.com/v1/charges`), and why: the server's, a world's, or a text's."""
        body = given(call=call, world=world, text=None if text is None else _written(text))
        return self._ask("POST", "/v1/rules/explain", ruled.Explained, body)

    def stubs(self) -> list[ruled.Stub]:
        """The stubs of the server."""
        return self._ask("GET", "/v1/stubs", ruled.Stubs).stubs

    def stub(self, name: str) -> ruled.Stub:
        """One stub. Raises NotFoundError."""
        return self._ask("GET", below("/v1/stubs", name), ruled.Stub)

    def coverage(self, name: str) -> ruled.StubCoverage:
        """A stub's operations by fidelity. Raises NotFoundError."""
        return self._ask("GET", f"{below('/v1/stubs', name)}/coverage", ruled.StubCoverage)


def _written(text: Texts) -> str | list[ruled.GivenFile]:
    return text if isinstance(text, str) else [ruled.GivenFile(*one) for one in text]


def _place(world: str | None) -> str:
    return "/v1/rules" if world is None else f"{world_path(world)}/rules"
