"""What a world file says of the service: who may send, whether the account is in the sandbox, who listens to topics."""

from dataclasses import dataclass
from typing import Any

from childproof.stubkit import SeedContext, Seeding, seeds

from .identities import canonical

_BATCH = 50


@dataclass(frozen=True)
class Settings:
    """The account. `verifies_after`: seconds until an identity that is asked for is verified; null for never."""

    sandbox: bool = False
    sending: bool = True
    verifies_after: float | None = 3
    max_24_hour_send: int = 50_000
    max_send_rate: int = 14


@dataclass(frozen=True)
class Subscription:
    """An endpoint that subscribes to a topic; `raw` messages have no envelope."""

    topic: str
    endpoint: str
    raw: bool = False


@seeds("sending")
def sending(seeding: Seeding, options: Settings) -> None:
    """The account's settings."""
    values: dict[str, Any] = {
        "production": not options.sandbox,
        "sending": options.sending,
        "verifies_after": options.verifies_after,
        "max_24_hour_send": options.max_24_hour_send,
        "max_send_rate": options.max_send_rate,
    }

    def step(ctx: SeedContext) -> None:
        ctx.update(ctx.get("account", "account"), **values)

    seeding.first(step)


@seeds("identities")
def identities(seeding: Seeding, options: list[str]) -> None:
    """Addresses and domains that are verified, in every region."""
    for start in range(0, len(options), _BATCH):
        seeding.first(_identities(options[start : start + _BATCH]), start)


@seeds("subscriptions")
def subscriptions(seeding: Seeding, options: list[Subscription]) -> None:
    """Endpoints that are told what topics are told."""

    def step(ctx: SeedContext) -> None:
        for one in options:
            ctx.create(
                "topic_subscription", topic=one.topic, endpoint=one.endpoint, raw=one.raw, types=[]
            )  # none by themselves: destinations name them

    seeding.first(step)


def _identities(names: list[str]) -> Any:
    def step(ctx: SeedContext) -> None:
        for name in names:
            if ctx.find("identity", canonical(name)) is None:
                ctx.create("identity", canonical(name), **_verified(name))

    return step


def _verified(name: str) -> dict[str, Any]:
    domain = "@" not in name
    return {
        "name": name, "type": "DOMAIN" if domain else "EMAIL_ADDRESS", "status": "SUCCESS", "token": "", "mail_from": None,
        "dkim": {"enabled": domain, "status": "SUCCESS" if domain else "NOT_STARTED", "origin": "AWS_SES", "tokens": []},
        "topics": {}, "forwarding": True, "headers": {}, "policies": {}, "tags": [], "configuration_set": None, "seeded": True,
    }  # fmt: skip
