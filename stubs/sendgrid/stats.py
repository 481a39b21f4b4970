"""Statistics: what was sent, by day. Nobody opens or clicks, so nothing of that is counted."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from childproof.stubkit import Context, Refusal, operation

COUNTED = (
    "blocks", "bounce_drops", "bounces", "clicks", "deferred", "delivered", "invalid_emails", "opens", "processed", "requests",
    "spam_report_drops", "spam_reports", "unique_clicks", "unique_opens", "unsubscribe_drops", "unsubscribes",
)  # fmt: skip
MOST_DAYS = 500


@operation("GET /stats")
def stats(ctx: Context) -> list[dict[str, Any]]:
    """Each day, week or month from a date on."""
    first = _date(ctx, "start_date", None)
    last = _date(ctx, "end_date", datetime.fromtimestamp(ctx.now_ms() // 1000, UTC).date())
    if first > last:
        raise Refusal(400, "", "end_date cannot be before start_date", param="end_date")
    by = ctx.query.get("aggregated_by") or "day"
    sums: dict[str, dict[str, int]] = {}
    day = first
    while day <= last and len(sums) < MOST_DAYS:
        begin = day if by == "day" else day - timedelta(days=day.weekday()) if by == "week" else day.replace(day=1)
        numbers = sums.setdefault(
            max(begin, first).isoformat() if by == "day" else begin.isoformat(), dict.fromkeys(COUNTED, 0)
        )
        kept = ctx.find("metrics", day.isoformat())
        for name, number in (kept["numbers"] if kept is not None else {}).items():
            numbers[name] = numbers.get(name, 0) + number
        day += timedelta(days=1)
    return [{"date": begin, "stats": [{"metrics": numbers}]} for begin, numbers in sums.items()]


def _date(ctx: Context, name: str, otherwise: date | None) -> date:
    value = ctx.query.get(name)
    if not value:
        if otherwise is None:
            raise Refusal(400, "", f"{name} is required", param=name)
        return otherwise
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise Refusal(400, "", f"{name} must be in the format YYYY-MM-DD", param=name) from None
