"""Rules that a client sends as a text: read with the server's stubs, and nothing of the server's files."""

from childproof.catalog.shipped import shipped
from childproof.engine.vault import Vault
from childproof.errors import InputError
from childproof.policy import Ruleset, Source, load_ruleset

from .desk import Desk
from .problems import Mistake, Problem, of_input

SHORT = 16_000  # characters: read in a millisecond or two, less than it takes to begin a thread's turn


async def load_rules(desk: Desk, text: str, pointer: str) -> tuple[Ruleset, Vault]:
    """Rules of a text, long ones read in a thread, unless a world has them already. Raises Problem with every fault, at `pointer`."""
    catalog, policies = desk.engine.catalog, desk.engine.policies

    def load() -> Ruleset:
        return load_ruleset([Source("rules", text)], stubs=catalog, include_roots=(shipped("rules"),))

    async def read() -> Ruleset:
        if len(text) <= SHORT:
            return load()
        async with desk.room(1):  # whoever was there before may have had the same text
            found = policies.read(text)
            return await desk.aside(load) if found is None else found

    try:
        rules = policies.read(text) or await read()
    except InputError as error:
        raise of_input(error, pointer) from None
    if desk.engine.catalog is not catalog:  # stubs were replaced meanwhile
        return await load_rules(desk, text, pointer)
    return rules, _vault(desk, rules, pointer)


def _vault(desk: Desk, rules: Ruleset, pointer: str) -> Vault:
    """The credentials that rules name: those that the server has read, from the same places. No client has more read."""
    known = desk.engine.policies.common.vault
    unknown = [one for rule in rules.rules for one in rule.allow.secrets if one.source not in known.values]
    if unknown:
        raise Problem(
            422, "invalid", "these rules put in credentials that the server hasn't read; nothing was changed",
            mistakes=[
                Mistake(pointer, f"{one.place[1]}:{one.place[2]}: {one.source}",
                        "a credential that the rules in force name, from the same place")
                for one in unknown
            ],
        )  # fmt: skip
    return known
