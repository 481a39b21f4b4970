"""Issues as they are kept: one numbering for issues and pull requests of a repository, and what happens to them.

A pull request is an issue with a record of its own beside it (`pull_records`). A record has names and numbers only; the
shapes that GitHub shows are made from it (`issue_shapes`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from childproof.stubkit import Context, Entity, Refusal

from .subjects import gid, invalid, me, not_found

LONGEST = {"title": 256, "body": 65_536}


def key(repo: Entity, number: int | str) -> str:
    """The id of an issue's record."""
    return f"{repo['id']}-{number}"


def next_number(ctx: Context, repo: Entity) -> int:
    """The repository's next number, for an issue or a pull request."""
    place = str(repo["id"])
    last = ctx.find("numbering", place)
    if last is None:
        ctx.create("numbering", place, last=1)
        return 1
    return int(ctx.update(last, last=last["last"] + 1)["last"])


def find(ctx: Context, repo: Entity, number: int | str) -> Entity:
    """The issue or pull request with a number; else 404."""
    found = ctx.find("issue", key(repo, number))
    if found is None:
        raise not_found()
    return found


def open_for_issues(repo: Entity) -> None:
    """Refuse what needs issues, where the repository has none."""
    if not repo.get("has_issues", True):
        raise Refusal(410, None, "Issues has been disabled in this repository.")


def check_words(kind: str, words: Mapping[str, Any]) -> None:
    """Refuse a title that is empty, and a title or text that is too long. `kind` is `Issue` or `PullRequest`."""
    if "title" in words and not str(words["title"]).strip():
        raise invalid(kind, "title", "missing_field")
    for name, most in LONGEST.items():
        if len(str(words.get(name) or "")) > most:
            raise invalid(kind, name, "custom", f"{name} is too long (maximum is {most} characters)")


def begin(ctx: Context, repo: Entity, title: str, body: str | None, **more: Any) -> Entity:
    """A new record, open, by whoever asks."""
    number = next_number(ctx, repo)
    _counted(ctx, repo["id"], 1)
    return ctx.create(
        "issue",
        key(repo, number),
        gid=gid(ctx, "issue"),
        repo=repo["id"],
        number=number,
        title=title,
        body=body,
        state="open",
        state_reason=None,
        user=me(ctx),
        labels=[],
        assignees=[],
        milestone=None,
        locked=False,
        lock_reason=None,
        comments=0,
        reactions={},
        created_at=ctx.now(),
        updated_at=ctx.now(),
        closed_at=None,
        closed_by=None,
        **{"pull": False, **more},
    )


def change(ctx: Context, issue: Entity, **fields: Any) -> Entity:
    """A change of a record, at this moment."""
    return ctx.update(issue, **fields, updated_at=ctx.now())


def note(ctx: Context, issue: Entity, event: str, *, commit: str | None = None, **extra: Any) -> Entity:
    """Take down what happened, for the issue's events and its timeline."""
    actor = extra.pop("actor", None) or me(ctx)
    number = gid(ctx, "issue_event")
    return ctx.create(
        "issue_event",
        str(number),
        repo=issue["repo"],
        number=issue["number"],
        event=event,
        actor=actor,
        commit_id=commit,
        created_at=ctx.now(),
        extra=extra,
    )


def close(ctx: Context, issue: Entity, reason: str = "completed", *, commit: str | None = None) -> Entity:
    """Close what is open. Pull requests have no reason."""
    closed = change(
        ctx,
        issue,
        state="closed",
        state_reason=None if issue["pull"] else reason,
        closed_at=ctx.now(),
        closed_by=me(ctx),
    )
    _counted(ctx, issue["repo"], -1)
    _within(ctx, closed, open=-1, closed=1)
    note(ctx, closed, "closed", commit=commit, **({} if issue["pull"] else {"state_reason": reason}))
    return closed


def reopen(ctx: Context, issue: Entity) -> Entity:
    """Open again what was closed."""
    opened = change(
        ctx,
        issue,
        state="open",
        state_reason=None if issue["pull"] else "reopened",
        closed_at=None,
        closed_by=None,
    )
    _counted(ctx, issue["repo"], 1)
    _within(ctx, opened, open=1, closed=-1)
    note(ctx, opened, "reopened")
    return opened


def _counted(ctx: Context, repo_id: int, by: int) -> None:
    """A repository says how many issues and pull requests are open in it."""
    repo = ctx.get("repository", str(repo_id))
    ctx.update(repo, open_issues_count=max(repo["open_issues_count"] + by, 0))


def _within(ctx: Context, issue: Entity, **by: int) -> Entity | None:
    """The milestone that an issue is in, which keeps how many are open and closed in it: it's shown with every one of them."""
    found = ctx.find("milestone", f"{issue['repo']}-{issue['milestone']}") if issue["milestone"] is not None else None
    if found is not None:
        ctx.update(found, **{state: found[state] + more for state, more in by.items()})
    return found


def relabel(ctx: Context, issue: Entity, labels: Iterable[Entity]) -> tuple[Entity, list[Entity], list[Entity]]:
    """Give an issue these labels and no others: its record, the labels that came, and those that went."""
    wanted = {label["gid"]: label for label in labels}
    before = issue["labels"]
    came = [label for number, label in wanted.items() if number not in before]
    went = [label for number in before if number not in wanted and (label := ctx.find("label", str(number)))]
    kept = [number for number in before if number in wanted]
    if not came and not went:
        return issue, [], []
    changed = change(ctx, issue, labels=kept + [label["gid"] for label in came])
    for event, those in (("labeled", came), ("unlabeled", went)):
        for label in those:
            note(ctx, changed, event, label={"name": label["name"], "color": label["color"]})
    return changed, came, went


def reassign(ctx: Context, issue: Entity, logins: Iterable[str]) -> tuple[Entity, list[str], list[str]]:
    """Assign an issue to these people and no others: its record, who came, and who went."""
    wanted = list(dict.fromkeys(logins))
    came = [login for login in wanted if login not in issue["assignees"]]
    went = [login for login in issue["assignees"] if login not in wanted]
    if not came and not went:
        return issue, [], []
    changed = change(ctx, issue, assignees=wanted)
    for event, those in (("assigned", came), ("unassigned", went)):
        for login in those:
            note(ctx, changed, event, assignee=login)
    return changed, came, went


def milestone_named(ctx: Context, repo: Entity, number: Any) -> Entity | None:
    """The milestone that a request names by number; None for none. 422 where there is no such milestone."""
    if number is None or number == "":
        return None
    found = ctx.find("milestone", key(repo, str(number)))
    if found is None:
        raise invalid("Issue", "milestone", "invalid", value=number)
    return found


def remilestone(ctx: Context, issue: Entity, milestone: Entity | None) -> Entity:
    """Put an issue into a milestone, or take it out."""
    before = issue["milestone"]
    number = milestone["number"] if milestone is not None else None
    if before == number:
        return issue
    changed = change(ctx, issue, milestone=number)
    old = _within(ctx, issue, **{issue["state"]: -1})
    _within(ctx, changed, **{issue["state"]: 1})
    if old is not None:
        note(ctx, changed, "demilestoned", milestone={"title": old["title"]})
    if milestone is not None:
        note(ctx, changed, "milestoned", milestone={"title": milestone["title"]})
    return changed
