"""What a rule's `allow` says besides that the call may go out: secrets to put in, credentials that belong, bounds."""

import msgspec

from childproof.model import SecretSource

DEFAULT_REPLY = 1024**3  # bytes
DEFAULT_WITHIN_MS = 600_000
# What the leak guard knows; a rule permits kinds by these names.
CREDENTIALS = (
    "anthropic",
    "aws",
    "github",
    "gitlab",
    "google",
    "huggingface",
    "jwt",
    "npm",
    "openai",
    "private-key",
    "pypi",
    "sendgrid",
    "slack",
    "stripe",
)
ANY_CREDENTIAL = "any"


class Secret(msgspec.Struct, frozen=True):
    """A credential that the sandbox knows by a placeholder only. `place` is file:line:column, for faults."""

    placeholder: str
    header: str
    source: SecretSource
    plain_http: bool = False
    place: tuple[str, int, int] = ("", 0, 0)


class Allow(msgspec.Struct, frozen=True):
    """`credentials` are the kinds that the leak guard lets pass (`any`: all). `within_ms` and `reply` (bytes) bound a reply; None takes the default."""

    secrets: tuple[Secret, ...] = ()
    credentials: frozenset[str] = frozenset()
    reply: int | None = None
    within_ms: int | None = None


NOTHING_SAID = Allow()
