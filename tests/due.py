"""What is due in a world, done at once: what the engine does call by call, for tests without an engine."""

from collections.abc import Callable

from childproof.model import Effect
from childproof.world import Transaction, Worker, perform


def run_due(tx: Transaction, worker: Callable[[str], Worker]) -> tuple[Effect, ...]:
    """Do everything that is due within one transaction, earliest first; the effects of all of it."""
    effects: list[Effect] = []
    while due := tx.due(tx.now()):
        effects.extend(perform(tx, due[0], worker))
    return tuple(effects)
