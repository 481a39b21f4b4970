"""How pull requests end well: merged, with the issues that they fix."""

import re

from childproof.stubkit import Context, Entity

from . import issue_telling
from .issue_records import close, key, note
from .subjects import me

_CLOSES = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?:([\w.-]+/[\w.-]+))?#(\d+)\b", re.IGNORECASE)


def finish(ctx: Context, repo: Entity, issue: Entity, pull: Entity, sha: str) -> None:
    """The pull request is merged as this commit: closed, told, and what it fixes is closed, too."""
    ctx.update(pull, merged=True, merged_at=ctx.now(), merged_by=me(ctx), merge_sha=sha, base_sha=pull["base_sha"])
    note(ctx, issue, "merged", commit=sha)
    closed = close(ctx, issue)
    issue_telling.issue(ctx, repo, closed, "closed", word="merged")
    if pull["base_ref"] == repo["default_branch"]:
        fix(ctx, repo, issue["body"] or "", sha)


def fix(ctx: Context, repo: Entity, text: str, sha: str | None = None) -> None:
    """Close the issues that a text says it fixes: `Fixes #12`."""
    for place, number in _CLOSES.findall(text):
        if place and place.lower() != repo["full_name"].lower():
            continue
        found = ctx.find("issue", key(repo, number))
        if found is not None and found["state"] == "open" and not found["pull"]:
            closed = close(ctx, found, commit=sha)
            issue_telling.issue(ctx, repo, closed, "closed")
