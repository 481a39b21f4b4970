"""Persons: who owns, runs and speaks for a connected account that is a company."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata, operation

from .fields import NO_ADDRESS, page, tell
from .requirements import assess

_SHOWN = ("email", "first_name", "last_name", "phone", "maiden_name", "gender", "nationality", "political_exposure",
          "first_name_kana", "first_name_kanji", "last_name_kana", "last_name_kanji")  # fmt: skip
_NO_DOCUMENT = {"back": None, "details": None, "details_code": None, "front": None}
_NO_ROLE = {"authorizer": False, "director": False, "executive": False, "legal_guardian": False, "owner": False,
            "percent_ownership": None, "representative": False, "title": None}  # fmt: skip


@operation("POST /v1/accounts/{account}/persons")
def create(ctx: Context, account: str) -> Entity:
    """A person of an account."""
    owner = _account(ctx, account)
    made = ctx.create("person", account=owner.id, **person_fields(ctx.body), _given=dict(ctx.body))
    tell(ctx, "person.created", made)
    assess(ctx, owner)
    return made


@operation("GET /v1/accounts/{account}/persons")
def list_persons(ctx: Context, account: str) -> dict[str, Any]:
    """The persons of an account, newest first, of one role where that is asked."""
    found = ctx.list("person", account=_account(ctx, account).id)
    wanted = ctx.query.get("relationship")
    if isinstance(wanted, dict):
        found = [one for one in found if all(one["relationship"].get(role) == given for role, given in wanted.items())]
    return page(ctx, found)


@operation("GET /v1/accounts/{account}/persons/{person}")
def retrieve(ctx: Context, account: str, person: str) -> Entity:
    """One person, if it is the account's."""
    found = ctx.find("person", person)
    if found is None or found["account"] != _account(ctx, account).id:
        raise Refusal(404, "resource_missing", f"No such person: '{person}'", param="person")
    return found


@operation("POST /v1/accounts/{account}/persons/{person}")
def update(ctx: Context, account: str, person: str) -> Entity:
    """Change what is known of a person."""
    found = retrieve(ctx, account, person)
    given = {**(found.get("_given") or {}), **{name: value for name, value in ctx.body.items() if name != "metadata"}}
    fields = person_fields(given)
    fields["metadata"] = merged_metadata(found["metadata"], ctx.body.get("metadata") or {})
    changed = ctx.update(found, **fields, _given=given)
    previous = {name: found.get(name) for name in fields if found.get(name) != changed[name]}
    if previous:
        tell(ctx, "person.updated", changed, previous_attributes=previous)
    assess(ctx, _account(ctx, account))
    return changed


@operation("DELETE /v1/accounts/{account}/persons/{person}")
def delete(ctx: Context, account: str, person: str) -> dict[str, Any]:
    """Take a person away from an account."""
    found = retrieve(ctx, account, person)
    tell(ctx, "person.deleted", found)
    ctx.delete(found)
    assess(ctx, _account(ctx, account))
    return {"id": found.id, "object": "person", "deleted": True}


def person_fields(given: dict[str, Any]) -> dict[str, Any]:
    """A person as Stripe shows it: numbers only as whether they were given, verified by the test values."""
    dob = given.get("dob")
    birth: dict[str, Any] = dob if isinstance(dob, dict) else {}
    failed = birth.get("year") == 1902 or given.get("id_number") == "111111111"
    whole = bool(given.get("id_number") or given.get("ssn_last_4"))
    fields: dict[str, Any] = {name: given[name] for name in _SHOWN if given.get(name) is not None}
    return fields | {
        "address": NO_ADDRESS | (given.get("address") or {}),
        "dob": {"day": None, "month": None, "year": None} | birth,
        "future_requirements": _requirements(),
        "id_number_provided": bool(given.get("id_number")),
        "id_number_secondary_provided": bool(given.get("id_number_secondary")),
        "metadata": merged_metadata({}, given.get("metadata")),
        "relationship": _NO_ROLE | (given.get("relationship") or {}),
        "requirements": _requirements(),
        "ssn_last_4_provided": whole,
        "verification": {
            "additional_document": _NO_DOCUMENT,
            "details": None,
            "details_code": None,
            "document": _NO_DOCUMENT,
            "status": "unverified" if failed or not whole else "verified",
        },
    }


def _requirements() -> dict[str, Any]:
    return {"alternatives": [], "currently_due": [], "errors": [], "eventually_due": [], "past_due": [],
            "pending_verification": []}  # fmt: skip


def _account(ctx: Context, account: str) -> Entity:
    found = ctx.find("account", account)
    if found is None:
        raise Refusal.of("unknown_tenant", value=account)
    return found
