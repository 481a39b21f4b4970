"""Which issues a list asks for."""

from collections.abc import Callable, Mapping
from typing import Any

from childproof.stubkit import Context, Entity

from .subjects import invalid

type Test = Callable[[Mapping[str, Any]], bool]


def asked(ctx: Context, repo: Entity) -> Test:
    """What the query asks of an issue. 422 for a milestone that is none."""
    query = ctx.query
    tests = [*_labels(ctx, repo), *_people(query), *_milestone(str(query.get("milestone") or ""))]
    state, since = query.get("state") or "open", query.get("since")
    if state != "all":
        tests.append(lambda issue: bool(issue["state"] == state))
    if since:
        tests.append(lambda issue: bool(issue["updated_at"] >= since))
    return lambda issue: all(test(issue) for test in tests)


def _labels(ctx: Context, repo: Entity) -> list[Test]:
    """All of the labels, in any case."""
    names = [name.strip().lower() for name in (ctx.query.get("labels") or "").split(",") if name.strip()]
    if not names:
        return []
    known = {label["key"]: label["gid"] for label in ctx.list("label", repo=repo["id"])}
    wanted = [known.get(name) for name in names]
    return [lambda issue: all(number in issue["labels"] for number in wanted)]


def _people(query: Mapping[str, Any]) -> list[Test]:
    tests: list[Test] = []
    assignee, creator, mentioned = query.get("assignee"), query.get("creator"), query.get("mentioned")
    if assignee in {"none", "*"}:
        tests.append(lambda issue: bool(issue["assignees"]) is (assignee == "*"))
    elif assignee:
        tests.append(lambda issue: assignee.lower() in map(str.lower, issue["assignees"]))
    if creator:
        tests.append(lambda issue: bool(issue["user"].lower() == creator.lower()))
    if mentioned:
        tests.append(lambda issue: f"@{mentioned.lower()}" in (issue["body"] or "").lower())
    return tests


def _milestone(asked_for: str) -> list[Test]:
    if not asked_for:
        return []
    if asked_for in {"none", "*"}:
        return [lambda issue: (issue["milestone"] is not None) is (asked_for == "*")]
    if not asked_for.isdigit():
        raise invalid("Issue", "milestone", "invalid", value=asked_for)
    return [lambda issue: bool(issue["milestone"] == int(asked_for))]
