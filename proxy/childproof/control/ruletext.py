"""Rules that a client sends as texts: read with the server's stubs, and nothing of the server's files."""

from collections.abc import Mapping, Sequence

from childproof.catalog.shipped import shipped
from childproof.engine.vault import Vault
from childproof.errors import InputError
from childproof.policy import Ruleset, Source, load_ruleset

from . import messages_rules as messages
from .desk import Desk
from .problems import Mistake, Problem, of_input

SHORT = 16_000  # characters: read in a millisecond or two, less than it takes to begin a thread's turn


async def load_rules(desk: Desk, text: str | Sequence[messages.GivenFile], pointer: str) -> tuple[Ruleset, Vault]:
    """Rules of a text or several, long ones read in a thread, unless a world has them already.

    Raises Problem with every fault, at `pointer` or below it.
    """
    catalog, policies = desk.engine.catalog, desk.engine.policies
    if isinstance(text, str):
        sources, pointers = [Source("rules", text)], {"rules": pointer}
    else:
        sources = [Source(one.name, one.text) for one in text]
        pointers = {source.name: f"{pointer}/{number}/text" for number, source in enumerate(sources)}

    def known() -> Ruleset | None:
        return policies.read(text) if isinstance(text, str) else None

    def load() -> Ruleset:
        return load_ruleset(sources, stubs=catalog, include_roots=(shipped("rules"),))

    async def read() -> Ruleset:
        if sum(len(source.text) for source in sources) <= SHORT:
            return load()
        async with desk.room(1):  # whoever was there before may have had the same text
            found = known()
            return await desk.aside(load) if found is None else found

    try:
        found = known()
        rules = await read() if found is None else found
    except InputError as error:
        raise of_input(error, pointer, pointers=pointers) from None
    if desk.engine.catalog is not catalog:  # stubs were replaced meanwhile
        return await load_rules(desk, text, pointer)
    return rules, _vault(desk, rules, pointers)


def _vault(desk: Desk, rules: Ruleset, pointers: Mapping[str, str]) -> Vault:
    """The credentials that rules name: those that the server has read, from the same places. No client has more read."""
    known = desk.engine.policies.common.vault
    unknown = [one for rule in rules.rules for one in rule.allow.secrets if one.source not in known.values]
    if unknown:
        raise Problem(
            422, "invalid", "these rules put in credentials that the server hasn't read; nothing was changed",
            mistakes=[
                Mistake(pointers.get(file, ""), f"{line}:{column}: {source}",
                        "a credential that the rules in force name, from the same place", "", file, line, column)
                for source, (file, line, column) in ((one.source, one.place) for one in unknown)
            ],
        )  # fmt: skip
    return known
