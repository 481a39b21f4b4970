"""Identities as the classic API asks for them: by kind, and many at a time."""

from typing import Any

from childproof.stubkit import Context, operation

from .account import account
from .identities import canonical, find, get, later, set_mail_from, wanted
from .paging import paged
from .refusals import invalid

_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_STATUS = {"PENDING": "Pending", "SUCCESS": "Success", "FAILED": "Failed", "TEMPORARY_FAILURE": "TemporaryFailure",
           "NOT_STARTED": "NotStarted"}  # fmt: skip
_KINDS = {"EmailAddress": "EMAIL_ADDRESS", "Domain": "DOMAIN"}
_FAILURES = {"UseDefaultValue": "USE_DEFAULT_VALUE", "RejectMessage": "REJECT_MESSAGE"}
_TOPICS = {"BounceTopic": "Bounce", "ComplaintTopic": "Complaint", "DeliveryTopic": "Delivery"}
_MOST_ASKED = 100


@operation("POST /#Action=VerifyEmailIdentity")
def verify_address(ctx: Context) -> dict[str, Any]:
    """Ask for an address to be verified."""
    address(ctx, ctx.body["EmailAddress"])
    return {}


@operation("POST /#Action=VerifyEmailAddress")
def verify_address_as_of_old(ctx: Context) -> None:
    """The same, by its first name."""
    address(ctx, ctx.body["EmailAddress"])


def address(ctx: Context, name: str) -> None:
    """Have an address verified; one without a domain is refused."""
    if "@" not in name:
        raise invalid(ctx, f"Invalid email address <{name}>.")
    wanted(ctx, name)


@operation("POST /#Action=VerifyDomainIdentity")
def verify_domain(ctx: Context) -> dict[str, Any]:
    """Ask for a domain to be verified; the token is what the DNS should say."""
    return {"VerificationToken": wanted(ctx, ctx.body["Domain"])["token"]}


@operation("POST /#Action=VerifyDomainDkim")
def verify_dkim(ctx: Context) -> dict[str, Any]:
    """Ask for the tokens that the DNS should have for DKIM."""
    found = wanted(ctx, ctx.body["Domain"])
    tokens = found["dkim"]["tokens"] or [ctx.token(32, _BASE32) for _ in range(3)]
    if tokens != found["dkim"]["tokens"]:
        later(ctx, ctx.update(found, dkim={**found["dkim"], "tokens": tokens, "status": "PENDING"}))
    return {"DkimTokens": tokens}


@operation("POST /#Action=ListIdentities")
def index(ctx: Context) -> dict[str, Any]:
    """The names of identities, of one kind or both."""
    account(ctx)
    kind = _KINDS.get(ctx.body.get("IdentityType", ""))
    rows = sorted(one["name"] for one in ctx.list("identity") if kind in {None, one["type"]})
    page, more = paged(ctx, rows, str)
    return {"Identities": page, **more}


@operation("POST /#Action=ListVerifiedEmailAddresses")
def verified_addresses(ctx: Context) -> dict[str, Any]:
    """The addresses that are verified."""
    account(ctx)
    found = [one["name"] for one in ctx.list("identity", type="EMAIL_ADDRESS") if one["status"] == "SUCCESS"]
    return {"VerifiedEmailAddresses": sorted(found)}


@operation("POST /#Action=GetIdentityVerificationAttributes")
def verification(ctx: Context) -> dict[str, Any]:
    """How far each identity is; those that nobody asked for are left out."""
    shown = {}
    for name, one in _asked(ctx).items():
        token = {"VerificationToken": one["token"]} if one["type"] == "DOMAIN" else {}
        shown[name] = {"VerificationStatus": _STATUS[one["status"]], **token}
    return {"VerificationAttributes": shown}


@operation("POST /#Action=GetIdentityDkimAttributes")
def dkim(ctx: Context) -> dict[str, Any]:
    """DKIM of each identity; of an address that isn't one itself, its domain's."""
    shown = {}
    for name, one in _asked(ctx).items():
        tokens = {"DkimTokens": one["dkim"]["tokens"]} if one["dkim"]["tokens"] else {}
        state = {"DkimEnabled": one["dkim"]["enabled"], "DkimVerificationStatus": _STATUS[one["dkim"]["status"]]}
        shown[name] = {**state, **tokens}
    return {"DkimAttributes": shown}


@operation("POST /#Action=SetIdentityDkimEnabled")
def set_dkim(ctx: Context) -> dict[str, Any]:
    """Sign an identity's mails, or don't."""
    found = get(ctx, ctx.body["Identity"])
    ctx.update(found, dkim={**found["dkim"], "enabled": ctx.body["DkimEnabled"]})
    return {}


@operation("POST /#Action=GetIdentityMailFromDomainAttributes")
def mail_from(ctx: Context) -> dict[str, Any]:
    """The domain of the envelope's sender of each identity."""
    back = {written: name for name, written in _FAILURES.items()}
    shown = {}
    for name, one in _asked(ctx).items():
        own = one["mail_from"] or {"domain": "", "status": "SUCCESS", "failure": "USE_DEFAULT_VALUE"}
        shown[name] = {
            "MailFromDomain": own["domain"],
            "MailFromDomainStatus": _STATUS[own["status"]],
            "BehaviorOnMXFailure": back[own["failure"]],
        }
    return {"MailFromDomainAttributes": shown}


@operation("POST /#Action=SetIdentityMailFromDomain")
def put_mail_from(ctx: Context) -> dict[str, Any]:
    """Set the domain of the envelope's sender; nothing takes it away."""
    failure = _FAILURES[ctx.body.get("BehaviorOnMXFailure", "UseDefaultValue")]
    set_mail_from(ctx, ctx.body["Identity"], ctx.body.get("MailFromDomain"), failure)
    return {}


@operation("POST /#Action=GetIdentityNotificationAttributes")
def notifications(ctx: Context) -> dict[str, Any]:
    """Where an identity's bounces, complaints and deliveries are told."""
    shown = {}
    for name, one in _asked(ctx).items():
        topics = {key: one["topics"].get(kind, "") for key, kind in _TOPICS.items()}
        headers = {f"HeadersIn{kind}NotificationsEnabled": one["headers"].get(kind, False) for kind in _TOPICS.values()}
        shown[name] = {**topics, "ForwardingEnabled": one["forwarding"], **headers}
    return {"NotificationAttributes": shown}


@operation("POST /#Action=SetIdentityNotificationTopic")
def set_topic(ctx: Context) -> dict[str, Any]:
    """Tell a topic of an identity's bounces, complaints or deliveries."""
    found = get(ctx, ctx.body["Identity"])
    topic = ctx.body.get("SnsTopic")
    if topic and not topic.startswith("arn:"):
        raise invalid(ctx, f"Invalid SNS topic <{topic}>.")
    ctx.update(found, topics={**found["topics"], ctx.body["NotificationType"]: topic or ""})
    return {}


@operation("POST /#Action=SetIdentityHeadersInNotificationsEnabled")
def set_headers(ctx: Context) -> dict[str, Any]:
    """Whether notifications have the mail's headers."""
    found = get(ctx, ctx.body["Identity"])
    ctx.update(found, headers={**found["headers"], ctx.body["NotificationType"]: ctx.body["Enabled"]})
    return {}


@operation("POST /#Action=SetIdentityFeedbackForwardingEnabled")
def set_forwarding(ctx: Context) -> dict[str, Any]:
    """Whether bounces and complaints are mailed to the sender."""
    found = get(ctx, ctx.body["Identity"])
    topics = found["topics"]
    if not ctx.body["ForwardingEnabled"] and not (topics.get("Bounce") and topics.get("Complaint")):
        raise invalid(ctx, "Feedback forwarding can't be disabled unless both bounce and complaint topics are set.")
    ctx.update(found, forwarding=ctx.body["ForwardingEnabled"])
    return {}


@operation("POST /#Action=DeleteIdentity")
def delete(ctx: Context) -> dict[str, Any]:
    """Forget an identity; that it wasn't there is no fault."""
    _forget(ctx, ctx.body["Identity"])
    return {}


@operation("POST /#Action=DeleteVerifiedEmailAddress")
def delete_address(ctx: Context) -> None:
    """The same, by its first name."""
    _forget(ctx, ctx.body["EmailAddress"])


def _forget(ctx: Context, name: str) -> None:
    found = find(ctx, name)
    if found is not None:
        ctx.delete(found)


def _asked(ctx: Context) -> dict[str, Any]:
    """The identities that a request names and that are there, by the name that it has for them."""
    names = ctx.body["Identities"]
    if len(names) > _MOST_ASKED:
        raise invalid(ctx, f"Number of identities exceeds {_MOST_ASKED}.")
    found = {name: find(ctx, canonical(name)) for name in names}
    return {name: one for name, one in found.items() if one is not None}
