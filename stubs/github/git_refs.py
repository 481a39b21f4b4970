"""Refs: branches and tags by their whole names. https://docs.github.com/rest/git/refs."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, git, operation

from .branch_rules import against, complaint
from .git_places import HEADS, adjusted, object_node, place_of, refusals, repo_url
from .pushes import pushed
from .repositories import repository
from .wording import not_found

_GONE = "Reference does not exist"


@operation("GET /repos/{owner}/{repo}/git/ref/{ref}")
def get_ref(ctx: Context, owner: str, repo: str, ref: str) -> dict[str, Any]:
    """One, as `heads/main` or `tags/v1`."""
    found = repository(ctx, owner, repo)
    place = place_of(ctx, found)
    sha = place.ref(f"refs/{ref}")
    if sha is None:
        raise not_found()
    return shown(found, place, f"refs/{ref}", sha)


@operation("GET /repos/{owner}/{repo}/git/matching-refs/{ref}")
def matching(ctx: Context, owner: str, repo: str, ref: str) -> Any:
    """Those whose names begin so."""
    return _listed(ctx, owner, repo, f"refs/{ref}")


@operation("GET /repos/{owner}/{repo}/git/matching-refs")
def every(ctx: Context, owner: str, repo: str) -> Any:
    """All."""
    return _listed(ctx, owner, repo, "refs/")


@operation("GET /repos/{owner}/{repo}/git/refs")
def every_as_before(ctx: Context, owner: str, repo: str) -> Any:
    """All, by the older address."""
    return _listed(ctx, owner, repo, "refs/")


@operation("POST /repos/{owner}/{repo}/git/refs")
def create_ref(ctx: Context, owner: str, repo: str) -> Response:
    """A new one, at an object that is there."""
    found = repository(ctx, owner, repo, needs="push")
    place = place_of(ctx, found)
    name, sha = ctx.body["ref"], ctx.body["sha"]
    if not name.startswith("refs/") or name.count("/") < 2:
        raise Refusal(422, None, f"Reference name must start with 'refs/'. '{name}' is not a valid ref name.")
    if place.ref(name) is not None:
        raise Refusal(422, None, "Reference already exists")
    _there(place, name, sha)
    wrong = complaint(ctx, found, git.Update(name, "0" * 40, sha))
    if wrong:
        raise Refusal(422, None, "Reference cannot be created")
    with refusals(message=f"'{name}' is not a valid ref name."):
        update = place.set_ref(name, sha)
    pushed(ctx, adjusted(ctx, found, [update]), [update])
    made = shown(found, place, name, sha)
    return Response(201, made, {"Location": made["url"]})


@operation("PATCH /repos/{owner}/{repo}/git/refs/{ref}")
def update_ref(ctx: Context, owner: str, repo: str, ref: str) -> dict[str, Any]:
    """To another object; one that isn't ahead of what was there needs `force`."""
    found = repository(ctx, owner, repo, needs="push")
    place = place_of(ctx, found)
    name, sha = f"refs/{ref}", ctx.body["sha"]
    if place.ref(name) is None:
        raise Refusal(422, None, _GONE)
    _there(place, name, sha)
    with refusals():
        update = place.set_ref(name, sha)
    if update.forced and not ctx.body.get("force"):
        raise Refusal(422, None, "Update is not a fast forward")
    if wrong := against(ctx, found, update) or complaint(ctx, found, update):
        raise Refusal(422, None, wrong)
    if update.old != update.new:
        pushed(ctx, adjusted(ctx, found, [update]), [update])
    return shown(found, place, name, sha)


@operation("DELETE /repos/{owner}/{repo}/git/refs/{ref}")
def delete_ref(ctx: Context, owner: str, repo: str, ref: str) -> Response:
    """Away with it."""
    found = repository(ctx, owner, repo, needs="push")
    place = place_of(ctx, found)
    name = f"refs/{ref}"
    if place.ref(name) is None:
        raise Refusal(422, None, _GONE)
    update = place.delete_ref(name)
    if complaint(ctx, found, update):
        raise Refusal(422, None, "Cannot delete the default branch" if name == f"{HEADS}{found['default_branch']}" else
                      against(ctx, found, update) or "Cannot delete this ref")  # fmt: skip
    pushed(ctx, adjusted(ctx, found, [update]), [update])
    return Response(204)


def shown(found: Entity, place: Any, name: str, sha: str) -> dict[str, Any]:
    """A ref: the document's `git-ref`."""
    kind = place.kind(sha) or "commit"
    url = f"{repo_url(found)}/git"
    return {
        "ref": name,
        "node_id": object_node("REF", found, sha),
        "url": f"{url}/{name}",
        "object": {"sha": sha, "type": kind, "url": f"{url}/{kind}s/{sha}"},
    }


def _listed(ctx: Context, owner: str, repo: str, start: str) -> Any:
    found = repository(ctx, owner, repo)
    place = place_of(ctx, found)
    names = [(name, sha) for name, sha in place.refs.items() if name.startswith(start)]
    return [shown(found, place, name, sha) for name, sha in names]


def _there(place: Any, name: str, sha: str) -> None:
    kind = place.kind(sha)
    if kind is None or (name.startswith(HEADS) and kind != "commit"):
        raise Refusal(422, None, "Object does not exist" if kind is None else "Reference update failed")
