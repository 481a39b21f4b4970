"""How much of a service a stub models: its operations by the fidelity of their replies."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from childproof.model import Fidelity

from .stub import Stub


@dataclass(frozen=True, slots=True)
class Coverage:
    """Operations by fidelity; `untested` are modelled operations that no case used."""

    operations: int
    counts: Mapping[str, int]
    untested: tuple[str, ...]


def coverage(stub: Stub, used: Collection[str] | None = None) -> Coverage:
    """Plan every operation of the stub's document and count. `used` are the operations that cases called."""
    service = stub.service
    counts = {fidelity.value: 0 for fidelity in (Fidelity.MODELLED, Fidelity.GENERIC, Fidelity.SYNTHESIZED)}
    untested = []
    total = 0
    for operation in service.api.operations() if service.api is not None else ():
        fidelity = service.fidelity(operation)
        counts[fidelity.value] += 1
        total += 1
        if used is not None and fidelity is Fidelity.MODELLED and operation.name not in used:
            untested.append(operation.name)
    return Coverage(total, counts, tuple(untested))
