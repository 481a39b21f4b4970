"""Domains that mail may be sent from, once their records are found: a minute after the question, on the world's clock."""

import re
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, job, operation

from .telling import of_domain

TAKES = 60_000  # ms until records that are there are found
REGIONS = ("us-east-1", "eu-west-1", "sa-east-1", "ap-northeast-1")
_NAME = re.compile(r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_OBJECT = {"object": "domain"}
_SETTINGS = ("open_tracking", "click_tracking", "tls", "tracking_subdomain")


@operation("POST /domains")
def create(ctx: Context) -> Entity:
    """Add a domain, with the records that prove whose it is."""
    body = ctx.body
    name = str(body["name"]).strip().lower()
    if not _NAME.fullmatch(name):
        raise Refusal(
            422, "validation_error", "Invalid `name` field. The domain needs to follow the `example.com` format."
        )
    region = body.get("region") or REGIONS[0]
    if region not in REGIONS:
        shown = " | ".join(f'"{one}"' for one in REGIONS)
        raise Refusal(422, "invalid_region", f"Region must be {shown}.")
    if ctx.list("domain", name=name, limit=1):
        raise Refusal(403, "validation_error", f"The {name} domain has been registered already.")
    capabilities = {"sending": "enabled", "receiving": "disabled", **(body.get("capabilities") or {})}
    made = ctx.create(
        "domain", **_OBJECT, name=name, region=region, status="not_started", tls=body.get("tls") or "opportunistic",
        open_tracking=bool(body.get("open_tracking")), click_tracking=bool(body.get("click_tracking")),
        tracking_subdomain=body.get("tracking_subdomain"), capabilities=capabilities,
        records=_records(ctx, name, region, body.get("custom_return_path") or "send", capabilities),
    )  # fmt: skip
    of_domain(ctx, "created", made)
    return made


@operation("PATCH /domains/{domain_id}")
def update(ctx: Context, domain_id: str) -> dict[str, Any]:
    """Change what is done with its mail."""
    found = ctx.get("domain", domain_id)
    fields = {name: ctx.body[name] for name in _SETTINGS if name in ctx.body}
    if "capabilities" in ctx.body:
        fields["capabilities"] = {**found["capabilities"], **ctx.body["capabilities"]}
    of_domain(ctx, "updated", ctx.update(found, **fields))
    return {**_OBJECT, "id": found.id}


@operation("DELETE /domains/{domain_id}")
def delete(ctx: Context, domain_id: str) -> dict[str, Any]:
    """Give a domain up: nothing can be sent from it any more."""
    found = ctx.get("domain", domain_id)
    ctx.delete(found)
    of_domain(ctx, "deleted", found)
    return {**_OBJECT, "id": found.id, "deleted": True}


@operation("POST /domains/{domain_id}/verify")
def verify(ctx: Context, domain_id: str) -> dict[str, Any]:
    """Have its records looked up. They are there: it is verified a minute later."""
    found = ctx.get("domain", domain_id)
    of_domain(ctx, "updated", ctx.move(found, "pending", records=_with(found, "pending")))
    ctx.schedule(TAKES, "verified", {"domain": found.id})
    return {**_OBJECT, "id": found.id}


@job("verified")
def verified(ctx: Context, payload: dict[str, Any]) -> None:
    """The records of a domain have been found."""
    found = ctx.find("domain", payload["domain"])
    if found is not None and found["status"] == "pending":
        of_domain(ctx, "updated", ctx.move(found, "verified", records=_with(found, "verified")))


def _with(domain: Entity, status: str) -> list[dict[str, Any]]:
    return [{**record, "status": status} for record in domain["records"]]


def _records(ctx: Context, name: str, region: str, path: str, capabilities: dict[str, str]) -> list[dict[str, Any]]:
    """The DNS records that Resend asks for: names are those below the registered domain."""
    below = name.split(".")[:-2]

    def at(*labels: str) -> str:
        return ".".join((*labels, *below))

    key = f"p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC{ctx.token(170)}QIDAQAB"
    spf = {"record": "SPF", "name": at(path), "ttl": "Auto", "status": "not_started"}
    records: list[dict[str, Any]] = [
        {**spf, "type": "MX", "value": f"feedback-smtp.{region}.amazonses.com", "priority": 10},
        {**spf, "type": "TXT", "value": "v=spf1 include:amazonses.com ~all"},
        {"record": "DKIM", "name": at("resend", "_domainkey"), "type": "TXT", "ttl": "Auto", "status": "not_started", "value": key},
    ]  # fmt: skip
    if capabilities["receiving"] == "enabled":
        inbound = f"inbound-smtp.{region}.amazonaws.com"
        told = {"record": "Receiving", "name": at() or name, "type": "MX", "ttl": "Auto", "status": "not_started"}
        records.append({**told, "value": inbound, "priority": 10})
    return records
