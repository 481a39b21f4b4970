"""Secrets and variables of a repository's workflows. Secrets come sealed and stay so: nothing here could open them."""

import base64
import re
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, operation

from .paging import shown_page
from .subjects import not_found, repository

_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_ODD = (
    "Secret names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores (_). Spaces are not allowed. "
    "Must start with a letter ([a-z], [A-Z]) or underscores (_)."
)


@operation("GET /repos/{owner}/{repo}/actions/secrets/public-key")
def public_key(ctx: Context, owner: str, repo: str) -> dict[str, str]:
    """The key to seal secrets with: any 32 bytes are a public key of that kind; nobody has the other half."""
    place = repository(ctx, owner, repo, needs="push")
    known = ctx.find("secret", f"{place['id']}:")
    if known is None:
        key = base64.b64encode(ctx.random.randbytes(32)).decode()
        known = ctx.create("secret", f"{place['id']}:", key=key, key_id=ctx.token(19, "123456789"), repo=None)
    return {"key_id": known["key_id"], "key": known["key"]}


@operation("GET /repos/{owner}/{repo}/actions/secrets")
def secrets(ctx: Context, owner: str, repo: str) -> Any:
    """Their names, never their values."""
    place = repository(ctx, owner, repo, needs="push")
    return shown_page(ctx, _all(ctx, "secret", place), _secret, "secrets")


@operation("GET /repos/{owner}/{repo}/actions/secrets/{secret_name}")
def secret(ctx: Context, owner: str, repo: str, secret_name: str) -> dict[str, Any]:
    """One's name and times."""
    return _secret(_get(ctx, "secret", repository(ctx, owner, repo, needs="push"), secret_name))


@operation("PUT /repos/{owner}/{repo}/actions/secrets/{secret_name}")
def put_secret(ctx: Context, owner: str, repo: str, secret_name: str) -> Response:
    """Keep one, made or replaced."""
    place = repository(ctx, owner, repo, needs="push")
    name = _named(secret_name)
    fields = {"sealed": ctx.body["encrypted_value"], "updated_at": ctx.now()}
    known = ctx.find("secret", f"{place['id']}:{name}")
    if known is not None:
        ctx.update(known, **fields)
        return Response(204)
    ctx.create("secret", f"{place['id']}:{name}", repo=place["id"], name=name, created_at=ctx.now(), **fields)
    return Response(201, {})


@operation("DELETE /repos/{owner}/{repo}/actions/secrets/{secret_name}")
def delete_secret(ctx: Context, owner: str, repo: str, secret_name: str) -> Response:
    """Away with it."""
    ctx.delete(_get(ctx, "secret", repository(ctx, owner, repo, needs="push"), secret_name))
    return Response(204)


@operation("GET /repos/{owner}/{repo}/actions/variables")
def variables(ctx: Context, owner: str, repo: str) -> Any:
    """All of them with their values."""
    place = repository(ctx, owner, repo, needs="push")
    return shown_page(ctx, _all(ctx, "variable", place), _variable, "variables")


@operation("POST /repos/{owner}/{repo}/actions/variables")
def create_variable(ctx: Context, owner: str, repo: str) -> Response:
    """A new one."""
    place = repository(ctx, owner, repo, needs="push")
    name = _named(ctx.body["name"])
    if ctx.find("variable", f"{place['id']}:{name}") is not None:
        raise Refusal(409, None, "Already exists - Variable already exists")
    times = {"created_at": ctx.now(), "updated_at": ctx.now()}
    ctx.create("variable", f"{place['id']}:{name}", repo=place["id"], name=name, value=ctx.body["value"], **times)
    return Response(201, {})


@operation("GET /repos/{owner}/{repo}/actions/variables/{name}")
def variable(ctx: Context, owner: str, repo: str, name: str) -> dict[str, Any]:
    """One of them."""
    return _variable(_get(ctx, "variable", repository(ctx, owner, repo, needs="push"), name))


@operation("PATCH /repos/{owner}/{repo}/actions/variables/{name}")
def update_variable(ctx: Context, owner: str, repo: str, name: str) -> Response:
    """Another value."""
    found = _get(ctx, "variable", repository(ctx, owner, repo, needs="push"), name)
    ctx.update(found, value=ctx.body.get("value", found["value"]), updated_at=ctx.now())
    return Response(204)


@operation("DELETE /repos/{owner}/{repo}/actions/variables/{name}")
def delete_variable(ctx: Context, owner: str, repo: str, name: str) -> Response:
    """Away with it."""
    ctx.delete(_get(ctx, "variable", repository(ctx, owner, repo, needs="push"), name))
    return Response(204)


def _named(name: str) -> str:
    """A name as GitHub keeps it, in capitals. 422 for one that can't be."""
    name = name.upper()
    if not _NAME.fullmatch(name) or name.startswith("GITHUB_"):
        raise Refusal(
            422, None, _ODD if not name.startswith("GITHUB_") else "Secret names must not start with GITHUB_."
        )
    return name


def _all(ctx: Context, kind: str, repo: Entity) -> list[Entity]:
    return sorted(ctx.list(kind, repo=repo["id"]), key=lambda one: str(one["name"]))


def _get(ctx: Context, kind: str, repo: Entity, name: str) -> Entity:
    found = ctx.find(kind, f"{repo['id']}:{name.upper()}")
    if found is None or not name:
        raise not_found()
    return found


def _secret(found: Entity) -> dict[str, Any]:
    return {name: found[name] for name in ("name", "created_at", "updated_at")}


def _variable(found: Entity) -> dict[str, Any]:
    return {name: found[name] for name in ("name", "value", "created_at", "updated_at")}
