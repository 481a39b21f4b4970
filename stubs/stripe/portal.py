"""The billing portal: what customers may do there, and sessions that let one of them in. Its page is `portal_page.py`."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata, operation

from .fields import change, new, page, tell

CONFIGURATION, SESSION = "billing_portal.configuration", "billing_portal.session"
GOOD_FOR = (
    300  # seconds until a session that nobody opened is no longer good (docs.stripe.com/api/customer_portal/sessions)
)
_REASONS = ["too_expensive", "missing_features", "switched_service", "unused", "customer_service", "too_complex",
            "low_quality", "other"]  # fmt: skip
_OFF: dict[str, dict[str, Any]] = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "options": _REASONS},
        "enabled": False,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}
_DEFAULT: dict[str, Any] = {  # what an account has that never made a configuration
    "customer_update": {"allowed_updates": ["email", "tax_id"], "enabled": True},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": True},
}
_HEADINGS = {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None}


@operation("POST /v1/billing_portal/configurations")
def create_configuration(ctx: Context) -> Entity:
    """What the portal offers: features that aren't named are off."""
    return make_configuration(ctx, ctx.body, is_default=False)


@operation("GET /v1/billing_portal/configurations")
def list_configurations(ctx: Context) -> dict[str, Any]:
    """Configurations, newest first."""
    where = {name: ctx.query[name] for name in ("active", "is_default") if ctx.query.get(name) is not None}
    return page(ctx, CONFIGURATION, **where)


@operation("POST /v1/billing_portal/configurations/{configuration}")
def update_configuration(ctx: Context, configuration: str) -> Entity:
    """Change what the portal offers, or retire it; the default one stays."""
    found = ctx.get(CONFIGURATION, configuration)
    body = ctx.body
    if body.get("active") is False and found["is_default"]:
        raise Refusal(400, None, "You cannot deactivate the default configuration.", param="active")
    fields: dict[str, Any] = {name: body[name] for name in ("active", "default_return_url", "name") if name in body}
    if isinstance(body.get("business_profile"), dict):
        fields["business_profile"] = found["business_profile"] | _headings(body["business_profile"])
    if isinstance(body.get("features"), dict):
        fields["features"] = _features(ctx, body["features"], found["features"])
    if isinstance(body.get("login_page"), dict):
        fields["login_page"] = _login(found.id, enabled=body["login_page"]["enabled"])
    if "metadata" in body:
        fields["metadata"] = merged_metadata(found["metadata"], body["metadata"])
    return change(ctx, found, f"{CONFIGURATION}.updated", **fields, updated=ctx.now())


@operation("POST /v1/billing_portal/sessions")
def create_session(ctx: Context) -> Entity:
    """A way in for one customer. Without a configuration, it is the account's default one, made when first needed."""
    body = ctx.body
    if not body.get("customer"):
        raise Refusal(400, "parameter_missing", "Missing required param: customer.", param="customer")
    customer = ctx.get("customer", body["customer"], param="customer")
    if body.get("configuration"):
        configuration = ctx.get(CONFIGURATION, body["configuration"], param="configuration")
        if not configuration["active"]:
            message = f"The configuration {configuration.id} is inactive; sessions can only use active configurations."
            raise Refusal(400, None, message, param="configuration")
    else:
        configuration = _default(ctx)
    flow = _flow(ctx, customer, body["flow_data"]) if isinstance(body.get("flow_data"), dict) else None
    session = new(
        ctx,
        SESSION,
        configuration=configuration.id,
        customer=customer.id,
        flow=flow,
        locale=body.get("locale"),
        on_behalf_of=body.get("on_behalf_of"),
        return_url=body.get("return_url") or configuration["default_return_url"],
        url=f"https://billing.stripe.com/p/session/test_{ctx.token(60)}",
        _opened=False,
    )
    session = ctx.update(session, _secret=session["url"].rpartition("/")[2])
    tell(ctx, f"{SESSION}.created", session)
    return session


def make_configuration(ctx: Context, body: dict[str, Any], *, is_default: bool) -> Entity:
    """A configuration from the body of a request to make one."""
    name = ctx.new_id(CONFIGURATION)
    made = new(
        ctx,
        CONFIGURATION,
        name,
        active=True,
        application=None,
        business_profile=_HEADINGS | _headings(body.get("business_profile") or {}),
        default_return_url=body.get("default_return_url") or None,
        features=_features(ctx, body.get("features") or {}, _OFF),
        is_default=is_default,
        login_page=_login(name, enabled=bool((body.get("login_page") or {}).get("enabled"))),
        metadata=merged_metadata({}, body.get("metadata")),
        name=body.get("name") or None,
        updated=ctx.now(),
    )
    tell(ctx, f"{CONFIGURATION}.created", made)
    return made


def _default(ctx: Context) -> Entity:
    for found in ctx.list(CONFIGURATION, is_default=True, limit=1):
        return found
    return make_configuration(ctx, {"features": _DEFAULT}, is_default=True)


def _features(ctx: Context, given: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
    """All features, those given laid over what holds; the products of an update must be there with their prices."""
    found = {name: {**value, **_without_empty(given.get(name) or {})} for name, value in held.items()}
    reason = (given.get("subscription_cancel") or {}).get("cancellation_reason")
    if isinstance(reason, dict):
        options = reason.get("options") or _REASONS
        found["subscription_cancel"]["cancellation_reason"] = {"enabled": reason["enabled"], "options": options}
    update = found["subscription_update"]
    for place, product in enumerate(update.get("products") or ()):
        inside = f"features[subscription_update][products][{place}]"
        ctx.get("product", product["product"], param=f"{inside}[product]")
        for number, price in enumerate(product["prices"]):
            ctx.get("price", price, param=f"{inside}[prices][{number}]")
        product.setdefault("adjustable_quantity", {"enabled": False, "maximum": None, "minimum": 1})
    if update["enabled"] and not update.get("products"):
        message = "You must set `features[subscription_update][products]` if subscription updates are enabled."
        raise Refusal(400, "parameter_missing", message, param="features[subscription_update][products]")
    return found


def _flow(ctx: Context, customer: Entity, given: dict[str, Any]) -> dict[str, Any]:
    """The one thing that a session is for, whole; a subscription that it is about must be the customer's."""
    kinds = ("subscription_cancel", "subscription_update", "subscription_update_confirm")
    kind = given["type"]
    flow: dict[str, Any] = dict.fromkeys(kinds)
    if kind in kinds:
        about = given.get(kind)
        if not about:
            name = f"flow_data[{kind}]"
            raise Refusal(400, "parameter_missing", f"Missing required param: {name}.", param=name)
        param = f"flow_data[{kind}][subscription]"
        subscription = ctx.get("subscription", about["subscription"], param=param)
        if subscription["customer"] != customer.id:
            raise ctx.not_found("subscription", subscription.id, param)
        whole = {"subscription_cancel": {"retention": None}, "subscription_update_confirm": {"discounts": None}}
        flow[kind] = whole.get(kind, {}) | about
        for item in flow[kind].get("items") or ():
            item.setdefault("price", None)
    after = given.get("after_completion") or {"type": "portal_homepage"}
    shown = {"hosted_confirmation": None, "redirect": None} | after
    if shown["hosted_confirmation"] is not None:
        shown["hosted_confirmation"] = {"custom_message": None} | shown["hosted_confirmation"]
    return flow | {"after_completion": shown, "type": kind}


def _headings(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value or None for name, value in given.items() if name in _HEADINGS}


def _login(name: str, *, enabled: bool) -> dict[str, Any]:
    url = f"https://billing.stripe.com/p/login/test_{name.removeprefix('bpc_')}"
    return {"enabled": enabled, "url": url if enabled else None}


def _without_empty(given: dict[str, Any]) -> dict[str, Any]:
    return {name: [] if value == "" else value for name, value in given.items() if name != "cancellation_reason"}
