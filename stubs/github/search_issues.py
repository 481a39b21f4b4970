"""Which issues and pull requests a search asks for: https://docs.github.com/search-github/searching-on-github."""

from collections.abc import Callable
from typing import Any

from childproof.stubkit import Context, Entity

from .accounts import viewer
from .search_terms import Terms, within

QUALIFIERS = frozenset({
    "repo", "user", "org", "is", "type", "state", "author", "assignee", "mentions", "commenter", "involves", "label", "milestone", "no",
    "in", "created", "updated", "closed", "merged", "comments", "draft", "head", "base", "review", "reason", "language", "archived", "sort",
    "reviewed-by", "team", "project", "linked",
})  # fmt: skip


def issue_fits(ctx: Context, asked: Terms, place: Entity, one: Entity) -> bool:
    """Whether an issue or a pull request of a repository is what a search asks for."""
    pull = ctx.find("pull", one.id) if one["pull"] else None
    tests = _tests(ctx, place, one, pull or {})
    return asked.fits(tests, any_of=("repo", "user", "org")) and _said(ctx, asked, one)


def _said(ctx: Context, asked: Terms, one: Entity) -> bool:
    if not asked.words:
        return True
    places = asked.values("in") or ["title", "body", "comments"]
    texts = [one[name] for name in ("title", "body") if name in places]
    if "comments" in places:
        texts += [comment["body"] for comment in ctx.list("comment", repo=one["repo"], number=one["number"])]
    return asked.said_in(*texts)


def _tests(ctx: Context, place: Entity, one: Entity, pull: Any) -> dict[str, Callable[[str], bool]]:
    labels = [
        found["name"].lower() for number in one["labels"] if (found := ctx.find("label", str(number))) is not None
    ]
    milestone = ctx.find("milestone", f"{one['repo']}-{one['milestone']}") if one["milestone"] is not None else None
    merged = bool(pull.get("merged"))
    flags = {
        "issue": not one["pull"], "pr": one["pull"], "pull-request": one["pull"], "open": one["state"] == "open", "closed": one["state"] == "closed",
        "merged": merged, "unmerged": one["pull"] and not merged, "draft": bool(pull.get("draft")), "locked": one["locked"],
        "unlocked": not one["locked"], "public": not place["private"], "private": place["private"], "archived": place["archived"],
    }  # fmt: skip
    nothing = {"label": not labels, "milestone": milestone is None, "assignee": not one["assignees"], "project": True}

    def who(value: str) -> str:
        caller = viewer(ctx)
        return caller["login"].lower() if value == "@me" and caller is not None else value.removeprefix("@")

    def commented(value: str) -> bool:
        written = ctx.list("comment", repo=one["repo"], number=one["number"])
        return any((comment["user"] or "").lower() == who(value) for comment in written)

    people: dict[str, Callable[[str], bool]] = {
        "author": lambda value: (one["user"] or "").lower() == who(value),
        "assignee": lambda value: bool(one["assignees"]) if value == "*" else who(value) in map(str.lower, one["assignees"]),
        "mentions": lambda value: f"@{who(value)}" in (one["body"] or "").lower(),
        "commenter": commented,
    }  # fmt: skip
    return {
        **people,
        "involves": lambda value: any(test(value) for test in people.values()),
        "repo": lambda _: True, "user": lambda _: True, "org": lambda _: True, "in": lambda _: True, "sort": lambda _: True,
        "is": lambda value: bool(flags.get(value, False)), "type": lambda value: bool(flags.get(value, False)),
        "state": lambda value: one["state"] == value, "label": lambda value: any(name in labels for name in value.split(",")),
        "milestone": lambda value: milestone is not None and (value == "*" or milestone["title"].lower() == value),
        "no": lambda value: nothing.get(value, False), "created": lambda value: within(value, one["created_at"]),
        "updated": lambda value: within(value, one["updated_at"]), "closed": lambda value: within(value, one["closed_at"]),
        "merged": lambda value: within(value, pull.get("merged_at")), "comments": lambda value: within(value, one["comments"]),
        "draft": lambda value: bool(pull.get("draft")) is (value == "true"), "head": lambda value: str(pull.get("head_ref", "")).lower() == value,
        "base": lambda value: str(pull.get("base_ref", "")).lower() == value, "reason": lambda value: (one["state_reason"] or "") == value.replace(" ", "_"),
        "language": lambda value: (place["language"] or "").lower() == value, "archived": lambda value: place["archived"] is (value == "true"),
        "reviewed-by": lambda value: any((review["user"] or "").lower() == who(value) for review in ctx.list("review", repo=one["repo"], number=one["number"])),
        "review": lambda value: _reviewed(ctx, one, value), "team": lambda _: False, "project": lambda _: False, "linked": lambda _: False,
    }  # fmt: skip


def _reviewed(ctx: Context, one: Entity, wanted: str) -> bool:
    """How the reviews of a pull request stand: none, approved, changes_requested, required."""
    states = [
        review["state"].lower()
        for review in ctx.list("review", repo=one["repo"], number=one["number"], newest_first=False)
    ]
    said = [state for state in states if state in {"approved", "changes_requested"}]
    return {"none": not states, "required": one["pull"] and not said}.get(wanted, bool(said) and said[-1] == wanted)
