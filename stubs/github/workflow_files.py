"""Workflows as the repository has them: files below .github/workflows, and what each of them waits for."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from childproof.stubkit import Context, Entity, from_yaml, git

from . import pull_git

FOLDER = ".github/workflows"
_NAMED = re.compile(r"[^/]+\.ya?ml")


def files(ctx: Context, repo: Entity, sha: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path and content of each workflow that a commit has, by name; of the default branch, without one."""
    place = pull_git.of(ctx, repo)
    head = sha or place.resolve("HEAD")
    if head is None:
        return
    tree = place.commit(head).tree
    folder = place.find(tree, FOLDER)
    if folder is None or folder.kind != "tree":
        return
    for entry in place.tree(folder.sha):
        if _NAMED.fullmatch(entry.path):
            yield f"{FOLDER}/{entry.path}", _read(place, entry)


def _read(place: Any, entry: git.Entry) -> dict[str, Any]:
    """A workflow's content; one that can't be read is one that waits for nothing."""
    try:
        found = from_yaml(place.blob(entry.sha).decode())
    except (ValueError, git.GitError):
        return {}
    return found if isinstance(found, dict) else {}


def triggers(content: Mapping[str, Any]) -> dict[str, Any]:
    """What a workflow waits for: each event with its conditions."""
    on = content.get("on", content.get("true"))
    if isinstance(on, str):
        return {on: {}}
    if isinstance(on, list):
        return {str(event): {} for event in on}
    return {str(event): value or {} for event, value in on.items()} if isinstance(on, dict) else {}


def wants(content: Mapping[str, Any], event: str, branch: str) -> bool:
    """Whether a workflow runs for an event of a branch."""
    asked = triggers(content)
    if event not in asked:
        return False
    conditions = asked[event] if isinstance(asked[event], dict) else {}
    wanted, unwanted = conditions.get("branches"), conditions.get("branches-ignore")
    if isinstance(unwanted, list) and any(_fits(str(one), branch) for one in unwanted):
        return False
    if isinstance(wanted, list):
        return any(_fits(str(one), branch) for one in wanted)
    return not ("tags" in conditions and event == "push")


def _fits(pattern: str, branch: str) -> bool:
    """GitHub's patterns: `*` within a name's part, `**` across parts."""
    parts = re.split(r"(\*\*|\*|\?)", pattern)
    known = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.fullmatch("".join(known.get(part, re.escape(part)) for part in parts), branch) is not None


def jobs(content: Mapping[str, Any]) -> list[tuple[str, list[str], list[str]]]:
    """Name, steps and runner labels of each job."""
    found = []
    given = content.get("jobs")
    for key, value in (given if isinstance(given, dict) else {}).items():
        job = value if isinstance(value, dict) else {}
        steps = [_step(step) for step in job.get("steps") or () if isinstance(step, dict)]
        runs_on = job.get("runs-on", "ubuntu-latest")
        labels = [str(one) for one in runs_on] if isinstance(runs_on, list) else [str(runs_on)]
        found.append((str(job.get("name") or key), ["Set up job", *steps, "Complete job"], labels))
    return found


def _step(step: Mapping[str, Any]) -> str:
    if step.get("name"):
        return str(step["name"])
    return (
        f"Run {step['uses']}" if step.get("uses") else f"Run {str(step.get('run', '')).strip().partition(chr(10))[0]}"
    )
