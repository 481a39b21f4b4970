"""What Stripe must know of a connected account before it may take money, as tables, and what follows from what it knows.

Verification is by Stripe's test values (docs.stripe.com/connect/testing): the birth date 1902-01-01, the id numbers and
tax ids 111111111 and the address `address_no_match` are what can't be verified; anything else is.
"""

from typing import Any

from childproof.stubkit import Context, Entity

from .account import whole
from .fields import change, tell

_ALWAYS = ("business_profile.mcc", "business_profile.url", "business_type", "external_account", "tos_acceptance.date",
           "tos_acceptance.ip")  # fmt: skip
_PERSON = ("first_name", "last_name", "dob.day", "dob.month", "dob.year", "address.line1", "address.city", "address.state",
           "address.postal_code", "email", "phone", "ssn_last_4")  # fmt: skip
_COMPANY = ("company.name", "company.phone", "company.tax_id", "company.address.line1", "company.address.city",
            "company.address.state", "company.address.postal_code")  # fmt: skip
# What each capability needs besides; all others need what card payments need.
_LITTLE = {"transfers": ("business_type", "external_account", "tos_acceptance.date", "tos_acceptance.ip")}
_FAILING = {
    "dob.year": (1902, "verification_failed_keyed_identity",
                 "The person's keyed-in identity information could not be verified."),
    "id_number": ("111111111", "verification_failed_keyed_identity",
                  "The person's keyed-in identity information could not be verified."),
    "tax_id": ("111111111", "verification_failed_tax_id_match",
               "The provided tax ID could not be verified with the IRS."),
    "address.line1": ("address_no_match", "verification_failed_residential_address",
                      "We could not verify that the person resides at the provided address."),
}  # fmt: skip
EMPTY: dict[str, Any] = {"alternatives": [], "current_deadline": None, "currently_due": [], "disabled_reason": None, "errors": [],
                         "eventually_due": [], "past_due": [], "pending_verification": []}  # fmt: skip

_FOLLOWS = ("capabilities", "charges_enabled", "details_submitted", "payouts_enabled", "requirements")


def missing(account: Entity, capability: str, *, bank: bool, persons: list[Entity]) -> list[str]:
    """What a capability still needs of an account, in the order of names."""
    kind = account["business_type"]
    names = list(_LITTLE.get(capability, _ALWAYS))
    if account["type"] in {"standard", "express"} and not account.get("_onboarded"):
        names = [name for name in names if not name.startswith("tos_acceptance")] + ["tos_acceptance.date"]
    facts = {**account, "individual": account.get("_individual") or {}, "company": account.get("_company") or {}}
    found = [name for name in names if name != "external_account" and _at(facts, name) is None]
    if not bank:
        found.append("external_account")
    if kind == "company" or kind in {"non_profit", "government_entity"}:
        found += [name for name in _COMPANY if _at(facts, name) is None]
        spokes = next((one for one in persons if (one.get("relationship") or {}).get("representative")), None)
        known: dict[str, Any] = (spokes.get("_given") if spokes is not None else None) or {}
        found += [
            f"representative.{name}" for name in _PERSON if _at(known, name) is None and not _replaced(known, name)
        ]
    elif kind == "individual":
        known = facts["individual"]
        found += [f"individual.{name}" for name in _PERSON if _at(known, name) is None and not _replaced(known, name)]
    return sorted(found)


def errors(account: Entity, persons: list[Entity]) -> list[dict[str, str]]:
    """What was given and couldn't be verified."""
    sources = [("individual", account.get("_individual") or {}), ("company", account.get("_company") or {})]
    sources += [(one.id, one.get("_given") or {}) for one in persons]
    made = []
    for owner, known in sources:
        for name, (value, code, reason) in _FAILING.items():
            if _at(known, name) == value and not _documented(known):
                made.append({"code": code, "reason": reason, "requirement": f"{owner}.verification.document"})
    return made


def assess(ctx: Context, account: Entity, *, events: bool = True) -> Entity:
    """Bring an account up to date with what is known of it: requirements, capabilities, what it may do.

    `ctx` sees the account's own things. Tells `capability.updated` and `account.updated` of what has changed.
    """
    at_home = ctx.within(account.id)
    bank = bool(
        at_home.list("bank_account", limit=1, account=account.id) or at_home.list("card", limit=1, account=account.id)
    )
    persons = ctx.list("person", account=account.id, newest_first=False)
    rejected = account.get("_rejected")
    wrong = errors(account, persons)
    states, due = dict(account["capabilities"]), set[str]()
    for name in states:
        needs = missing(account, name, bank=bank, persons=persons) + [error["requirement"] for error in wrong]
        due.update(needs)
        states[name] = "inactive" if needs or rejected else "active"
    if not states:
        due.update(missing(account, "card_payments", bank=bank, persons=persons))
    listed = sorted(due)
    submitted = not [name for name in listed if not name.startswith("external")] or bool(account.get("_onboarded"))
    charges = states.get("card_payments") == "active" or (account["type"] == "standard" and not listed)
    payouts = bool(bank and not listed and not rejected)
    reason = f"rejected.{rejected}" if rejected else "requirements.past_due" if listed else None
    requirements = EMPTY | {"currently_due": listed, "disabled_reason": reason, "errors": wrong, "eventually_due": listed,
                            "past_due": listed}  # fmt: skip
    was = dict(account)
    account = change(ctx, account, None, capabilities=states, charges_enabled=bool(charges and not rejected),
                     details_submitted=submitted, payouts_enabled=payouts, requirements=requirements)  # fmt: skip
    previous = {name: was.get(name) for name in _FOLLOWS if was.get(name) != account.get(name)}
    before = was["capabilities"]
    if events and previous:
        tell(ctx, "account.updated", whole(ctx, account), previous_attributes=previous)
    if events:
        for name, state in states.items():
            if before.get(name) not in {None, state}:
                tell(ctx, "capability.updated", capability(account, name), previous_attributes={"status": before[name]})
    return account


def capability(account: Entity, name: str) -> dict[str, Any]:
    """A capability as an object."""
    status = account["capabilities"].get(name, "unrequested")
    due = account["requirements"]["currently_due"] if status == "inactive" else []
    requirements = EMPTY | {"currently_due": due, "eventually_due": due, "past_due": due,
                            "disabled_reason": "requirements.fields_needed" if due else None}  # fmt: skip
    return {
        "id": name,
        "object": "capability",
        "account": account.id,
        "future_requirements": EMPTY,
        "requested": status != "unrequested",
        "requested_at": account["created"] if status != "unrequested" else None,
        "requirements": requirements,
        "status": status,
    }


def _replaced(known: Any, name: str) -> bool:
    """A whole id number does where only its end is asked."""
    return name == "ssn_last_4" and bool(_at(known, "id_number"))


def _documented(known: Any) -> bool:
    return bool(_at(known, "verification.document.front"))


def _at(node: Any, name: str) -> Any:
    for step in name.split("."):
        node = node.get(step) if isinstance(node, dict) else None
    return None if node == "" else node
