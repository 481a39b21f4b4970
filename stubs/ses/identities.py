"""Identities: addresses and domains that mail may be sent from, once they are verified. Both APIs share them.

Nobody follows the link in a verification mail or puts records into the DNS here: an identity that was asked for is
verified `verifies_after` seconds later on the world's clock (3, or what the world file says; null for never).
"""

import re
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, job, operation

from .account import account, region
from .paging import paged
from .refusals import absent, exists, invalid, newer

_ADDRESS = re.compile(r"[^@\s<>]{1,64}@(?P<domain>[^@\s<>]+)")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}", re.IGNORECASE)
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
MOST = 10_000


def canonical(name: str) -> str:
    """A name as identities are told apart: a domain without regard to case, in an address, too."""
    local, at, domain = name.rpartition("@")
    return f"{local}{at}{domain.lower()}"


def find(ctx: Context, name: str) -> Entity | None:
    """An identity of this region."""
    if ctx.tenant:
        account(ctx)  # a region begins with what the first one was seeded with
    return ctx.find("identity", canonical(name))


def get(ctx: Context, name: str) -> Entity:
    """An identity, or the refusal of one that isn't there."""
    found = find(ctx, name)
    if found is None:
        said = f"Email identity {name} does not exist." if newer(ctx) else f"Identity {name} does not exist."
        raise absent(ctx, "InvalidParameterValue", said)
    return found


def verified(ctx: Context, address: str) -> bool:
    """Whether an address may be used: it is verified itself, or a domain that it is in."""
    own = find(ctx, address)
    if own is not None and own["status"] == "SUCCESS":
        return True
    parts = canonical(address).rpartition("@")[2].split(".")
    names = (".".join(parts[place:]) for place in range(len(parts) - 1))
    return any((one := find(ctx, name)) is not None and one["status"] == "SUCCESS" for name in names)


def identity_of(ctx: Context, address: str) -> Entity | None:
    """The identity by which an address may send: its own before its domain's."""
    parts = canonical(address).rpartition("@")[2].split(".")
    names = [address, *(".".join(parts[place:]) for place in range(len(parts) - 1))]
    return next((one for name in names if (one := find(ctx, name)) is not None and one["status"] == "SUCCESS"), None)


def wanted(ctx: Context, name: str, **fields: Any) -> Entity:
    """An identity that somebody asks to be verified: as it is, or a new one that waits for it."""
    found = find(ctx, name)
    if found is not None:
        if fields:
            found = ctx.update(found, **fields)
        return found
    address = _ADDRESS.fullmatch(name)
    if not _DOMAIN.fullmatch(address["domain"] if address is not None else name):
        raise invalid(ctx, f"Invalid email address <{name}>." if "@" in name else f"Invalid domain name {name}.")
    values: dict[str, Any] = {
        "name": name,
        "type": "DOMAIN" if address is None else "EMAIL_ADDRESS",
        "status": "PENDING",
        "token": ctx.token(43, _BASE32.upper() + _BASE32 + "0189") + "=",
        "dkim": {"enabled": address is None and newer(ctx), "status": "PENDING" if address is None else "NOT_STARTED", "origin": "AWS_SES",
                 "tokens": [ctx.token(32, _BASE32) for _ in range(3)] if address is None and newer(ctx) else []},
        "mail_from": None, "topics": {}, "forwarding": True, "headers": {}, "policies": {}, "tags": [], "configuration_set": None,
        "seeded": False,
    }  # fmt: skip
    made = ctx.create("identity", canonical(name), **{**values, **fields})
    ctx.emit("identity.created", made)
    after = account(ctx)["verifies_after"]
    if after is not None:
        ctx.schedule(int(after * 1000), "verify", {"identity": made.id})
    return made


@job("verify")
def verify(ctx: Context, payload: dict[str, Any]) -> None:
    """Somebody has followed the link, or put the records into the DNS."""
    found = ctx.find("identity", payload["identity"])
    if found is None:
        return
    dkim = {**found["dkim"], "status": "SUCCESS"} if found["dkim"]["tokens"] else found["dkim"]
    mail_from = found["mail_from"] and {**found["mail_from"], "status": "SUCCESS"}
    if found["status"] == "PENDING":
        ctx.emit("identity.verified", ctx.update(found, status="SUCCESS", dkim=dkim, mail_from=mail_from))
    elif dkim != found["dkim"] or mail_from != found["mail_from"]:
        ctx.update(found, dkim=dkim, mail_from=mail_from)


def later(ctx: Context, identity: Entity) -> None:
    """Have what was changed of an identity verified after a while."""
    after = account(ctx)["verifies_after"]
    if after is not None:
        ctx.schedule(int(after * 1000), "verify", {"identity": identity.id})


def dkim_of(identity: Entity) -> dict[str, Any]:
    """DKIM as v2 tells of it."""
    dkim = identity["dkim"]
    shown = {"SigningEnabled": dkim["enabled"], "Status": dkim["status"], "SigningAttributesOrigin": dkim["origin"]}
    if dkim["tokens"]:
        shown["Tokens"] = dkim["tokens"]
    if dkim["origin"] == "AWS_SES" and dkim["tokens"]:
        shown |= {"CurrentSigningKeyLength": "RSA_2048_BIT", "NextSigningKeyLength": "RSA_2048_BIT"}
    return shown


@operation("POST /v2/email/identities")
def create(ctx: Context) -> dict[str, Any]:
    """Ask for an address or a domain to be verified."""
    name = ctx.body["EmailIdentity"]
    if find(ctx, name) is not None:
        raise exists(ctx, "", f"Email identity {name} already exist.")
    if len(ctx.list("identity")) >= MOST:
        raise Refusal(400, "LimitExceededException", "You have reached the limit of email identities.")
    made = wanted(ctx, name, tags=ctx.body.get("Tags", []), configuration_set=ctx.body.get("ConfigurationSetName"))
    signing = ctx.body.get("DkimSigningAttributes")
    if signing and signing.get("DomainSigningSelector"):
        made = ctx.update(
            made, dkim={**made["dkim"], "origin": "EXTERNAL", "tokens": [signing["DomainSigningSelector"]]}
        )
    return {
        "IdentityType": made["type"],
        "VerifiedForSendingStatus": made["status"] == "SUCCESS",
        "DkimAttributes": dkim_of(made),
    }


@operation("GET /v2/email/identities/{EmailIdentity}")
def read(ctx: Context, EmailIdentity: str) -> dict[str, Any]:  # noqa: N803 - the document's own name
    """All that is known of an identity."""
    found = get(ctx, EmailIdentity)
    reply: dict[str, Any] = {
        "IdentityType": found["type"],
        "FeedbackForwardingStatus": found["forwarding"],
        "VerifiedForSendingStatus": found["status"] == "SUCCESS",
        "DkimAttributes": dkim_of(found),
        "Policies": found["policies"],
        "Tags": found["tags"],
        "VerificationStatus": found["status"],
    }
    mail_from = found["mail_from"]
    if mail_from:
        reply["MailFromAttributes"] = {
            "MailFromDomain": mail_from["domain"],
            "MailFromDomainStatus": mail_from["status"],
            "BehaviorOnMxFailure": mail_from["failure"],
        }
    if found["configuration_set"]:
        reply["ConfigurationSetName"] = found["configuration_set"]
    return reply


@operation("POST /v2/email/list-identities")
def index(ctx: Context) -> dict[str, Any]:
    """The identities of this region, by name."""
    account(ctx)
    rows = sorted(ctx.list("identity"), key=lambda one: one.id)
    page, more = paged(ctx, rows, lambda one: one.id)
    shown = [
        {"IdentityType": one["type"], "IdentityName": one["name"], "SendingEnabled": one["status"] == "SUCCESS",
         "VerificationStatus": one["status"]}
        for one in page
    ]  # fmt: skip
    return {"EmailIdentities": shown, **more}


@operation("DELETE /v2/email/identities/{EmailIdentity}")
def delete(ctx: Context, EmailIdentity: str) -> dict[str, Any]:  # noqa: N803 - the document's own name
    """Forget an identity: nothing can be sent from it any more."""
    ctx.delete(get(ctx, EmailIdentity))
    return {}


@operation("PUT /v2/email/identities/{EmailIdentity}/dkim")
def put_dkim(ctx: Context, EmailIdentity: str) -> dict[str, Any]:  # noqa: N803 - the document's own name
    """Sign its mails, or don't."""
    found = get(ctx, EmailIdentity)
    ctx.update(found, dkim={**found["dkim"], "enabled": ctx.body.get("SigningEnabled", False)})
    return {}


@operation("PUT /v2/email/identities/{EmailIdentity}/dkim/signing")
def put_signing(ctx: Context, EmailIdentity: str) -> dict[str, Any]:  # noqa: N803 - the document's own name
    """Sign with keys of one's own, or with those of the service."""
    found = get(ctx, EmailIdentity)
    origin = ctx.body["SigningAttributesOrigin"]
    own = ctx.body.get("SigningAttributes", {}).get("DomainSigningSelector")
    if origin == "EXTERNAL" and not own:
        raise invalid(ctx, "SigningAttributes must be provided when SigningAttributesOrigin is EXTERNAL.")
    tokens = [own] if origin == "EXTERNAL" else [ctx.token(32, _BASE32) for _ in range(3)]
    changed = ctx.update(found, dkim={"enabled": True, "status": "PENDING", "origin": origin, "tokens": tokens})
    later(ctx, changed)
    return {"DkimStatus": "PENDING", "DkimTokens": tokens}


@operation("PUT /v2/email/identities/{EmailIdentity}/mail-from")
def put_mail_from(ctx: Context, EmailIdentity: str) -> dict[str, Any]:  # noqa: N803 - the document's own name
    """The domain of the envelope's sender."""
    set_mail_from(
        ctx, EmailIdentity, ctx.body.get("MailFromDomain"), ctx.body.get("BehaviorOnMxFailure", "USE_DEFAULT_VALUE")
    )
    return {}


def set_mail_from(ctx: Context, name: str, domain: str | None, failure: str) -> None:
    """Set or take away the domain of the envelope's sender, which is verified after a while."""
    found = get(ctx, name)
    if domain and not domain.lower().endswith("." + found.id.rpartition("@")[2]):
        raise invalid(
            ctx, f"Provided MAIL-FROM domain <{domain}> is not subdomain of the domain of the identity <{name}>."
        )
    mail_from = {"domain": domain, "status": "PENDING", "failure": failure} if domain else None
    later(ctx, ctx.update(found, mail_from=mail_from))


@operation("PUT /v2/email/identities/{EmailIdentity}/feedback")
def put_feedback(ctx: Context, EmailIdentity: str) -> dict[str, Any]:  # noqa: N803 - the document's own name
    """Whether bounces and complaints are mailed to the sender."""
    ctx.update(get(ctx, EmailIdentity), forwarding=ctx.body.get("EmailForwardingEnabled", False))
    return {}


@operation("PUT /v2/email/identities/{EmailIdentity}/configuration-set")
def put_configuration_set(ctx: Context, EmailIdentity: str) -> dict[str, Any]:  # noqa: N803 - the document's own name
    """The configuration set of mails that name none."""
    name = ctx.body.get("ConfigurationSetName")
    if name and ctx.find("configuration_set", name) is None:
        raise absent(ctx, "", f"Configuration set <{name}> does not exist.")
    ctx.update(get(ctx, EmailIdentity), configuration_set=name)
    return {}


def arn(ctx: Context, identity: Entity) -> str:
    """An identity's name within the whole cloud."""
    return f"arn:aws:ses:{region(ctx)}:{account(ctx)['number']}:identity/{identity['name']}"
