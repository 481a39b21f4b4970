"""The account in one region: whether it is in the sandbox, what it may send, and what it has sent."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from .times import iso

DAY = 86_400_000
BUCKET = 900_000  # statistics are told by quarters of an hour, for two weeks
_KEPT = 14 * DAY // BUCKET
OWN_REGION = "us-east-1"
_FIRST = {
    "number": "123456789012", "production": True, "sending": True, "verifies_after": 3, "suppressed_reasons": ["BOUNCE", "COMPLAINT"],
    "max_24_hour_send": 50_000, "max_send_rate": 14, "details": None, "vdm": None, "warmup": False, "plan": "NONE", "deliverability": False,
}  # fmt: skip
_SANDBOX = {"max_24_hour_send": 200, "max_send_rate": 1}


def region(ctx: Context) -> str:
    """The region that the call is about."""
    return ctx.tenant or OWN_REGION


def account(ctx: Context) -> Entity:
    """The account in this region. A region begins with what seed.yaml and the world file say of the first one."""
    found = ctx.find("account", "account")
    if found is not None:
        return found
    home = ctx.within("")
    seeded = home.find("account", "account")
    fields = {name: value for name, value in (seeded or {}).items() if name != "id"}
    quiet = ctx.quietly()
    made = quiet.create("account", "account", **{**_FIRST, **fields})
    if ctx.tenant:
        for identity in home.list("identity", newest_first=False):
            if identity.get("seeded"):
                quiet.create(
                    "identity", identity.id, **{name: value for name, value in identity.items() if name != "id"}
                )
    return made


def quota(ctx: Context) -> dict[str, float]:
    """What the account may send, and has sent in the last 24 hours."""
    mine = account(ctx)
    most = mine if mine["production"] else {**mine, **_SANDBOX}
    since = ctx.now_ms() - DAY
    sent = sum(point["attempts"] for point in ctx.list("point", limit=DAY // BUCKET + 1) if point["at"] >= since)
    return {
        "Max24HourSend": float(most["max_24_hour_send"]),
        "MaxSendRate": float(most["max_send_rate"]),
        "SentLast24Hours": float(sent),
    }


def count(ctx: Context, what: str, number: int = 1, **more: int) -> None:
    """Count attempts, bounces, complaints or rejects into the statistics."""
    start = ctx.now_ms() - ctx.now_ms() % BUCKET
    point = ctx.find("point", str(start))
    if point is None:
        counts = {"attempts": 0, "bounces": 0, "complaints": 0, "rejects": 0, "second": 0, "in_second": 0}
        ctx.create("point", str(start), at=start, **{**counts, what: number, **more})
        return
    ctx.update(point, **{what: point[what] + number, **more})


def spend(ctx: Context, recipients: int, throttled: str) -> None:
    """Count recipients against the quota and the rate. Raises the service's refusal; `throttled` is its code."""
    limits = quota(ctx)
    if limits["SentLast24Hours"] + recipients > limits["Max24HourSend"] >= 0:
        raise Refusal(429 if ctx.call.path.startswith("/v2/") else 400, throttled, "Daily message quota exceeded.")
    second = ctx.now_ms() // 1000
    start = str(ctx.now_ms() - ctx.now_ms() % BUCKET)
    point = ctx.find("point", start)
    used = point["in_second"] if point is not None and point["second"] == second else 0
    if used and used + recipients > limits["MaxSendRate"]:
        raise Refusal(429 if ctx.call.path.startswith("/v2/") else 400, throttled, "Maximum sending rate exceeded.")
    count(ctx, "attempts", recipients, second=second, in_second=used + recipients)


@operation("GET /v2/email/account")
def read(ctx: Context) -> dict[str, Any]:
    """All of it."""
    mine = account(ctx)
    return {
        "DedicatedIpAutoWarmupEnabled": mine["warmup"],
        "EnforcementStatus": "HEALTHY",
        "ProductionAccessEnabled": mine["production"],
        "SendQuota": quota(ctx),
        "SendingEnabled": mine["sending"],
        "SuppressionAttributes": {"SuppressedReasons": mine["suppressed_reasons"]},
        **({"Details": mine["details"]} if mine["details"] else {}),
        **({"VdmAttributes": mine["vdm"]} if mine["vdm"] else {}),
    }


@operation("POST /v2/email/account/details")
def put_details(ctx: Context) -> dict[str, Any]:
    """Ask for production access: here it is granted at once, and with `false` given back."""
    fields = dict(ctx.body)
    wanted = fields.pop("ProductionAccessEnabled", None)
    mine = account(ctx)
    review = {"Status": "GRANTED", "CaseId": f"case-{mine['number']}-muen-2026-{ctx.token(16, '0123456789abcdef')}"}
    production = mine["production"] if wanted is None else wanted
    ctx.update(mine, details={**fields, "ReviewDetails": review}, production=production)
    return {}


@operation("PUT /v2/email/account/sending")
def put_sending(ctx: Context) -> dict[str, Any]:
    """Stop or go on sending, for the whole account."""
    ctx.update(account(ctx), sending=ctx.body.get("SendingEnabled", False))
    return {}


@operation("PUT /v2/email/account/suppression")
def put_suppression(ctx: Context) -> dict[str, Any]:
    """Which reasons put addresses on the suppression list by themselves."""
    ctx.update(account(ctx), suppressed_reasons=ctx.body.get("SuppressedReasons", []))
    return {}


@operation("PUT /v2/email/account/vdm")
def put_vdm(ctx: Context) -> dict[str, Any]:
    """The dashboard's settings; kept, and nothing more."""
    ctx.update(account(ctx), vdm=ctx.body["VdmAttributes"])
    return {}


@operation("PUT /v2/email/account/dedicated-ips/warmup")
def put_warmup(ctx: Context) -> dict[str, Any]:
    """Whether dedicated addresses are warmed up by themselves; kept."""
    ctx.update(account(ctx), warmup=ctx.body.get("AutoWarmupEnabled", False))
    return {}


@operation("POST /#Action=GetSendQuota")
def get_quota(ctx: Context) -> dict[str, Any]:
    """What may be sent, and what was."""
    return dict(quota(ctx))


@operation("POST /#Action=GetSendStatistics")
def statistics(ctx: Context) -> dict[str, Any]:
    """What was sent in the last two weeks, by quarters of an hour."""
    names = {"DeliveryAttempts": "attempts", "Bounces": "bounces", "Complaints": "complaints", "Rejects": "rejects"}
    points = ctx.list("point", newest_first=False, limit=_KEPT)
    return {
        "SendDataPoints": [
            {"Timestamp": iso(one["at"]), **{shown: one[name] for shown, name in names.items()}} for one in points
        ]
    }


@operation("POST /#Action=GetAccountSendingEnabled")
def get_sending(ctx: Context) -> dict[str, Any]:
    """Whether the account may send."""
    return {"Enabled": account(ctx)["sending"]}


@operation("POST /#Action=UpdateAccountSendingEnabled")
def update_sending(ctx: Context) -> None:
    """Stop or go on sending."""
    ctx.update(account(ctx), sending=ctx.body.get("Enabled", False))
