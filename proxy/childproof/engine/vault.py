"""What must not leave: real credentials that are put in on the way out, and canaries that are nobody's to send.

The values live here and in the request's bytes on the wire, nowhere else. Whatever is recorded goes through `masked`.
"""

from collections.abc import Iterable, Mapping

import msgspec

from childproof.model import Call, Hidden, Injection, Reply, SecretSource, replace
from childproof.policy import Rule

MASK = "[secret]"


class Canary(msgspec.Struct, frozen=True):
    """A value that no call may carry out, and what reports call it."""

    name: str
    value: Hidden


class Vault(msgspec.Struct, frozen=True):
    """`values` are the credentials of all rules, by where they come from."""

    values: Mapping[SecretSource, Hidden] = msgspec.field(default_factory=dict)
    canaries: tuple[Canary, ...] = ()

    def injections(self, rule: Rule) -> tuple[Injection, ...]:
        """What to put into the calls of a rule. Raises LookupError where a credential was never read."""
        return tuple(
            Injection(secret.placeholder, secret.header, self.values[secret.source], secret.plain_http)
            for secret in rule.allow.secrets
        )

    def guarded(self) -> tuple[Canary, ...]:
        """All that the leak guard looks for by value: canaries, and the real credentials."""
        real = (Canary(f"the value of {source}", value) for source, value in self.values.items())
        return (*self.canaries, *real)

    def masked(self, call: Call) -> Call:
        """The call as it may be recorded: without a real credential, should the sandbox have got hold of one."""
        texts = [value.reveal() for value in self.values.values()]
        if not _holds(call, texts):
            return call
        return replace(
            call,
            method=_masked(call.method, texts),
            path=_masked(call.path, texts),
            query=_masked(call.query, texts),
            headers=tuple((_masked(name, texts), _masked(value, texts)) for name, value in call.headers),
            body=_masked_bytes(call.body, texts),
        )

    def masked_reply(self, reply: Reply) -> Reply:
        """The reply to such a call as it may be recorded: stubs and hints say back what they were told."""
        texts = [value.reveal() for value in self.values.values()]
        headers = tuple((_masked(name, texts), _masked(value, texts)) for name, value in reply.headers)
        return replace(reply, headers=headers, body=_masked_bytes(reply.body, texts))


EMPTY = Vault()


def _holds(call: Call, texts: Iterable[str]) -> bool:
    for text in texts:
        if text in call.method or text in call.path or text in call.query or text.encode() in call.body:
            return True
        if any(text in value or text in name for name, value in call.headers):
            return True
    return False


def _masked(text: str, values: Iterable[str]) -> str:
    for value in values:
        text = text.replace(value, MASK)
    return text


def _masked_bytes(body: bytes, values: Iterable[str]) -> bytes:
    for value in values:
        body = body.replace(value.encode(), MASK.encode())
    return body
