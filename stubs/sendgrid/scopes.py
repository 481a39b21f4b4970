"""What a key may do. Any key of SendGrid's form may do all that is modelled."""

from childproof.stubkit import Context, operation

_READ = ("access_settings.activity", "stats", "user.account", "user.email", "user.profile")
_ALL = (
    "api_keys", "asm.groups", "asm.suppressions", "categories", "mail.batch", "mail_settings", "marketing", "suppression",
    "suppression.blocks", "suppression.bounces", "suppression.invalid_emails", "suppression.spam_reports",
    "suppression.unsubscribes", "templates", "templates.versions", "templates.versions.activate", "tracking_settings",
    "user.scheduled_sends", "user.webhooks.event.settings", "user.webhooks.event.test",
)  # fmt: skip


@operation("GET /scopes")
def scopes(ctx: Context) -> dict[str, list[str]]:  # noqa: ARG001 - the same for every key
    """By which programs find out whether a key works, and may send."""
    each = (f"{name}.{action}" for name in _ALL for action in ("create", "delete", "read", "update"))
    return {"scopes": ["mail.send", *each, *(f"{name}.read" for name in _READ)]}
