"""What this machine supports: found out by making a sandbox, not by reading version numbers."""

import os
from dataclasses import dataclass

from childproof.errors import SandboxError

from .sealed import SandboxSpec, SealedSandbox


@dataclass(frozen=True, slots=True)
class Support:
    """What a sandbox without a command could do. `refusal` is why it can't be made at all, empty where it can."""

    refusal: str
    ipv6: bool = False
    refusals_recorded: bool = False


def probe() -> Support:
    """Make namespaces, network and listeners, and drop them again. Some 50 ms; nothing is started inside."""
    try:
        sandbox = SealedSandbox.launch(SandboxSpec(("true",), dict(os.environ), "/"))
        listeners = sandbox.handover()
        support = Support("", ipv6=len(listeners.dns) > 1, refusals_recorded=listeners.refusals is not None)
        listeners.close()
        sandbox.kill()
    except SandboxError as error:
        return Support(str(error))
    return support


def sealing_refusal() -> str:
    """Why this machine can't seal a command; empty where it can. For tests that need it."""
    return probe().refusal
