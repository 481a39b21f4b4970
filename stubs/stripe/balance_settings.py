"""When an account is paid out: each day, week or month by itself, or by hand."""

from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import account, balance
from .account import whole
from .fields import tell

_DELAY = balance.SETTLING_DAYS


@operation("GET /v1/balance_settings")
def retrieve(ctx: Context) -> dict[str, Any]:
    """The settings of the account that the call is about."""
    return _shown(account.own(ctx))


@operation("POST /v1/balance_settings")
def update(ctx: Context) -> dict[str, Any]:
    """Change when an account is paid out. What is available already goes with the next payout."""
    found = account.own(ctx)
    given = ctx.body.get("payments") or {}
    asked = given.get("payouts") or {}
    settings = dict(found["settings"])
    payouts = dict(settings["payouts"])
    if isinstance(asked.get("schedule"), dict):
        payouts["schedule"] = {**payouts["schedule"], **asked["schedule"]}
    if "statement_descriptor" in asked:
        payouts["statement_descriptor"] = asked["statement_descriptor"]
    if given.get("debit_negative_balances") is not None:
        payouts["debit_negative_balances"] = given["debit_negative_balances"]
    delay = (given.get("settlement_timing") or {}).get("delay_days_override")
    if delay is not None:
        payouts["schedule"] = {**payouts["schedule"], "delay_days": delay or _DELAY}
    changed = ctx.update(found, settings=settings | {"payouts": payouts})
    shown = _shown(changed)
    if changed["settings"] != found["settings"]:
        tell(ctx, "balance_settings.updated", shown)
        tell(ctx, "account.updated", whole(ctx, changed), previous_attributes={"settings": found["settings"]})
        for currency in {entry["currency"] for entry in ctx.list("balance_transaction")}:
            balance.act_on(ctx, currency)
    return shown


def _shown(found: Entity) -> dict[str, Any]:
    payouts = found["settings"]["payouts"]
    schedule = payouts["schedule"]
    days = {name: schedule[name] for name in ("monthly_payout_days", "weekly_payout_days") if schedule.get(name)}
    return {
        "object": "balance_settings",
        "payments": {
            "debit_negative_balances": payouts["debit_negative_balances"],
            "payouts": {
                "automatic_transfer_rules_by_currency": None,
                "minimum_balance_by_currency": None,
                "schedule": {"interval": schedule["interval"], **days},
                "statement_descriptor": payouts["statement_descriptor"],
                "status": "enabled" if found["payouts_enabled"] else "disabled",
            },
            "settlement_timing": {"delay_days": schedule["delay_days"], "start_of_day": None},
        },
    }
