"""Reporting: the types of reports that there are, and runs of them, whose result is a file of comma-separated values.

    pending → succeeded

A run is done by the time anybody asks again. What a report counts are the world's own balance transactions.
"""

import csv
import io
from collections.abc import Callable, Iterable
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Upload, job, operation

from .dates import DAY, midnight_after
from .fields import is_live, new, page, public, since, tell
from .money import decimals

_START = 1_325_376_000  # 2012-01-01: before it no account has anything to report
_ITEMIZED = ("balance_transaction_id", "created", "available_on", "currency", "gross", "fee", "net", "reporting_category",
             "description")  # fmt: skip
_SUMMARY = ("reporting_category", "currency", "count", "gross", "fee", "net")
_BALANCE = ("category", "description", "net_amount", "currency")
_NAMES = {
    "balance.summary.1": "Balance summary",
    "balance_change_from_activity.itemized.1": "Itemized balance change from activity",
    "balance_change_from_activity.itemized.2": "Itemized balance change from activity",
    "balance_change_from_activity.itemized.3": "Itemized balance change from activity",
    "balance_change_from_activity.summary.1": "Balance change from activity summary",
    "ending_balance_reconciliation.itemized.1": "Itemized ending balance reconciliation",
    "ending_balance_reconciliation.summary.1": "Ending balance reconciliation summary",
    "payout_reconciliation.itemized.1": "Itemized payout reconciliation",
    "payout_reconciliation.itemized.5": "Itemized payout reconciliation",
    "payout_reconciliation.summary.1": "Payout reconciliation summary",
    "payouts.itemized.1": "Itemized payouts",
    "payouts.itemized.3": "Itemized payouts",
    "payouts.summary.1": "Payouts summary",
}
Rows = Iterable[tuple[Any, ...]]


@operation("GET /v1/reporting/report_types")
def list_types(ctx: Context) -> dict[str, Any]:
    """All types of reports."""
    return {
        "object": "list",
        "data": [_type(ctx, name) for name in _NAMES],
        "has_more": False,
        "url": "/v1/reporting/report_types",
    }


@operation("GET /v1/reporting/report_types/{report_type}")
def retrieve_type(ctx: Context, report_type: str) -> dict[str, Any]:
    """One type, and for which time it has data."""
    if report_type not in _NAMES:
        raise Refusal.of("not_found", param="report_type", resource="report_type", value=report_type, id=report_type)
    return _type(ctx, report_type)


@operation("POST /v1/reporting/report_runs")
def create(ctx: Context) -> Entity:
    """Have a report made."""
    name = ctx.body["report_type"]
    if name not in _NAMES:
        message = f"No such report type: '{name}'"
        raise Refusal(400, "resource_missing", message, param="report_type")
    given = ctx.body.get("parameters") or {}
    for bound in ("interval_start", "interval_end"):
        if given.get(bound) is None:
            param = f"parameters[{bound}]"
            raise Refusal(400, "parameter_missing", f"Missing required param: {param}.", param=param)
    if given["interval_start"] >= given["interval_end"]:
        message = "The start of the interval must be before its end."
        raise Refusal(400, None, message, param="parameters[interval_start]")
    run = new(ctx, "reporting.report_run", error=None, parameters=given, report_type=name, result=None, status="pending",
              succeeded_at=None)  # fmt: skip
    ctx.schedule(0, "report_is_made", {"run": run.id})
    return run


@operation("GET /v1/reporting/report_runs")
def list_runs(ctx: Context) -> dict[str, Any]:
    """Runs, newest first."""
    return page(ctx, since(ctx, ctx.list("reporting.report_run")))


@job("report_is_made")
def made(ctx: Context, payload: dict[str, Any]) -> None:
    """The report is there."""
    run = ctx.get("reporting.report_run", payload["run"])
    header, rows = _content(ctx, run["report_type"], run["parameters"])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    file_id = ctx.new_id("file")
    file = ctx.create(
        "file",
        file_id,
        expires_at=ctx.now() + 365 * DAY,
        filename=f"{run.id}.csv",
        links={"object": "list", "data": [], "has_more": False, "url": f"/v1/file_links?file={file_id}"},
        purpose="finance_report_run",
        size=len(text.getvalue().encode()),
        title=f"FinanceReportRun {run.id}",
        type="csv",
        url=f"https://files.stripe.com/v1/files/{file_id}/contents",
    )
    ctx.attach(file, Upload("", file["filename"], "text/csv", text.getvalue().encode()))
    run = ctx.update(run, result=public(file), status="succeeded", succeeded_at=ctx.now())
    tell(ctx, "reporting.report_run.succeeded", run)


def _type(ctx: Context, name: str) -> dict[str, Any]:
    today = midnight_after(ctx.now(), 0)
    columns = _columns(name)
    return {
        "id": name,
        "object": "reporting.report_type",
        "data_available_end": today,
        "data_available_start": _START,
        "default_columns": list(columns),
        "livemode": is_live(ctx),
        "name": _NAMES[name],
        "updated": today,
        "version": int(name.rpartition(".")[2]),
    }


def _columns(name: str) -> tuple[str, ...]:
    if name == "balance.summary.1":
        return _BALANCE
    return _ITEMIZED if ".itemized." in name else _SUMMARY


def _content(ctx: Context, name: str, parameters: dict[str, Any]) -> tuple[list[str], Rows]:
    start, end = parameters["interval_start"], parameters["interval_end"]
    entries = [
        entry
        for entry in ctx.list("balance_transaction", newest_first=False)
        if entry["created"] < end and parameters.get("currency") in {None, entry["currency"]}
    ]
    inside = [entry for entry in entries if entry["created"] >= start]
    if name.startswith(("payouts", "payout_rec")):
        inside = [entry for entry in inside if entry["type"].startswith("payout")]
    elif name.startswith("balance_change"):
        inside = [entry for entry in inside if not entry["type"].startswith("payout")]
    columns = _columns(name)
    if columns is _BALANCE:
        return list(columns), _balance(entries, start)
    wanted = [column for column in parameters.get("columns") or columns if column in columns] or list(columns)
    rows = [_row(entry) for entry in inside] if columns is _ITEMIZED else _summed(inside)
    return wanted, [tuple(row[column] for column in wanted) for row in rows]


def _balance(entries: list[Entity], start: int) -> Rows:
    """What was there, what came and went, and what was there in the end, for each currency."""
    for currency in sorted({entry["currency"] for entry in entries}):
        own = [entry for entry in entries if entry["currency"] == currency]
        shown = _amounts(currency)

        def total(keeps: Callable[[Entity], bool], own: list[Entity] = own) -> int:
            return sum(entry["net"] for entry in own if keeps(entry))

        before = total(lambda entry: entry["created"] < start)
        activity = total(lambda entry: entry["created"] >= start and not entry["type"].startswith("payout"))
        payouts = total(lambda entry: entry["created"] >= start and entry["type"].startswith("payout"))
        yield "starting_balance", "Starting balance", shown(before), currency
        yield "activity", "Balance change from activity", shown(activity), currency
        yield "payouts", "Total payouts", shown(payouts), currency
        yield "ending_balance", "Ending balance", shown(before + activity + payouts), currency


def _row(entry: Entity) -> dict[str, Any]:
    shown = _amounts(entry["currency"])
    return {
        "balance_transaction_id": entry.id,
        "gross": shown(entry["amount"]),
        "fee": shown(entry["fee"]),
        "net": shown(entry["net"]),
        **{name: entry[name] for name in ("created", "available_on", "currency", "reporting_category", "description")},
    }


def _summed(entries: list[Entity]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], list[Entity]] = {}
    for entry in entries:
        found.setdefault((entry["reporting_category"], entry["currency"]), []).append(entry)
    rows = []
    for (category, currency), group in sorted(found.items()):
        shown = _amounts(currency)
        sums = {
            name: sum(entry[field] for entry in group)
            for name, field in (("gross", "amount"), ("fee", "fee"), ("net", "net"))
        }
        rows.append({"reporting_category": category, "currency": currency, "count": len(group)}
                    | {name: shown(amount) for name, amount in sums.items()})  # fmt: skip
    return rows


def _amounts(currency: str) -> Callable[[int], str]:
    """How a report writes amounts of a currency: `-12.50`."""
    places = decimals(currency)
    return lambda amount: f"{amount / 10**places:.{places}f}"
