"""Notes for a release, made of the pull requests that were merged since the one before."""

from childproof.stubkit import Context, Entity

from . import pull_git
from .subjects import web


def notes(ctx: Context, repo: Entity, tag: str, target: str, previous: str | None = None) -> dict[str, str]:
    """The name and the text that GitHub makes up for a release."""
    before = previous or next(
        (one["tag"] for one in ctx.list("release", repo=repo["id"], draft=False) if one["tag"] != tag), None
    )
    place = pull_git.of(ctx, repo)
    head = place.resolve(tag) or place.resolve(target)
    base = place.resolve(before) if before else None
    commits = set() if head is None else {one.sha for one in (place.between(base, head) if base else place.log(head))}
    lines = []
    for pull in ctx.list("pull", newest_first=False, repo=repo["id"], merged=True):
        if pull["merge_sha"] in commits:
            issue = ctx.get("issue", pull.id)
            page = f"{web(repo)}/pull/{pull['number']}"
            lines.append(f"* {issue['title']} by @{issue['user']} in {page}")
    changed = f"## What's Changed\n{'\n'.join(lines)}\n\n\n" if lines else ""
    whole = f"{web(repo)}/compare/{before}...{tag}" if before else f"{web(repo)}/commits/{tag}"
    return {"name": tag, "body": f"{changed}**Full Changelog**: {whole}"}
