"""Whether what Stripe's stub told is as Stripe's document says: the object of an event by the schema of its resource."""

from collections.abc import Iterable

from childproof.model import Effect
from childproof.stubkit.stub import Stub

# Effects that aren't events of the document's: what was sent, what failed, and the events of version 2 of the API.
_OTHERS = ("webhook.", "mail.", "job.", "v1.", "v2.")


def event_misfits(stub: Stub, effects: Iterable[Effect]) -> list[str]:
    """Each place where the object of an event isn't as documented. Which schema it has says its field `object`."""
    conformance = stub.service.conformance
    assert conformance is not None
    found = []
    for effect in effects:
        if effect.type.startswith(_OTHERS):
            continue
        try:
            misfits = conformance.object_misfits(str(effect.data.get("object")), effect.data)
        except LookupError as error:
            found.append(f"{effect.type}: {error.args[0]}")
            continue
        found.extend(f"{effect.type}: {misfit}" for misfit in misfits)
    return found
