"""Receipt rules and filters: kept and told back. No mail is received here."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from .paging import paged
from .times import iso


def _rule_set(ctx: Context, name: str) -> Entity:
    found = ctx.find("receipt_rule_set", name)
    if found is None:
        raise Refusal(400, "RuleSetDoesNotExist", f"Rule set does not exist: {name}")
    return found


def _rule(rule_set: Entity, name: str) -> dict[str, Any]:
    for rule in rule_set["rules"]:
        if rule["Name"] == name:
            return dict(rule)
    raise Refusal(400, "RuleDoesNotExist", f"Rule does not exist: {name}")


def _new(ctx: Context, name: str, rules: list[dict[str, Any]]) -> None:
    if ctx.find("receipt_rule_set", name) is not None:
        raise Refusal(400, "AlreadyExists", f"Rule set already exists: {name}")
    ctx.create("receipt_rule_set", name, name=name, rules=rules, active=False, made=ctx.now_ms())


def _placed(ctx: Context, rules: list[dict[str, Any]], rule: dict[str, Any]) -> list[dict[str, Any]]:
    """Rules with one put behind another, or first."""
    after = ctx.body.get("After")
    if after is None:
        return [rule, *rules]
    names = [one["Name"] for one in rules]
    if after not in names:
        raise Refusal(400, "RuleDoesNotExist", f"Rule does not exist: {after}")
    place = names.index(after) + 1
    return [*rules[:place], rule, *rules[place:]]


def _metadata(rule_set: Entity) -> dict[str, Any]:
    return {"Name": rule_set["name"], "CreatedTimestamp": iso(rule_set["made"])}


@operation("POST /#Action=CreateReceiptRuleSet")
def create_set(ctx: Context) -> dict[str, Any]:
    """A new rule set, empty."""
    _new(ctx, ctx.body["RuleSetName"], [])
    return {}


@operation("POST /#Action=CloneReceiptRuleSet")
def clone_set(ctx: Context) -> dict[str, Any]:
    """A new rule set with the rules of another."""
    _new(ctx, ctx.body["RuleSetName"], _rule_set(ctx, ctx.body["OriginalRuleSetName"])["rules"])
    return {}


@operation("POST /#Action=DeleteReceiptRuleSet")
def delete_set(ctx: Context) -> dict[str, Any]:
    """Take a rule set away, unless it is the active one."""
    found = ctx.find("receipt_rule_set", ctx.body["RuleSetName"])
    if found is not None and found["active"]:
        raise Refusal(400, "CannotDelete", f"Cannot delete active rule set: {found['name']}")
    if found is not None:
        ctx.delete(found)
    return {}


@operation("POST /#Action=SetActiveReceiptRuleSet")
def activate(ctx: Context) -> dict[str, Any]:
    """Make one rule set the active one, or none."""
    name = ctx.body.get("RuleSetName")
    wanted = _rule_set(ctx, name) if name else None
    for one in ctx.list("receipt_rule_set", active=True):
        ctx.update(one, active=False)
    if wanted is not None:
        ctx.update(ctx.get("receipt_rule_set", wanted.id), active=True)
    return {}


@operation("POST /#Action=DescribeActiveReceiptRuleSet")
def describe_active(ctx: Context) -> dict[str, Any]:
    """The active rule set; nothing where there is none."""
    found = next(iter(ctx.list("receipt_rule_set", active=True)), None)
    return {"Metadata": _metadata(found), "Rules": found["rules"]} if found is not None else {}


@operation("POST /#Action=DescribeReceiptRuleSet")
def describe_set(ctx: Context) -> dict[str, Any]:
    """A rule set with its rules."""
    found = _rule_set(ctx, ctx.body["RuleSetName"])
    return {"Metadata": _metadata(found), "Rules": found["rules"]}


@operation("POST /#Action=ListReceiptRuleSets")
def index_sets(ctx: Context) -> dict[str, Any]:
    """The rule sets."""
    page, more = paged(ctx, ctx.list("receipt_rule_set", newest_first=False), lambda one: one.id)
    return {"RuleSets": [_metadata(one) for one in page], **more}


@operation("POST /#Action=ReorderReceiptRuleSet")
def reorder(ctx: Context) -> dict[str, Any]:
    """Another order; all rules have to be named."""
    found = _rule_set(ctx, ctx.body["RuleSetName"])
    names = ctx.body["RuleNames"]
    rules = [_rule(found, name) for name in names]
    if len(set(names)) != len(found["rules"]):
        raise Refusal(400, "InvalidParameterValue", "All rules of the rule set must be named, each once.")
    ctx.update(found, rules=rules)
    return {}


@operation("POST /#Action=CreateReceiptRule")
def create_rule(ctx: Context) -> dict[str, Any]:
    """A new rule: the first, or behind another."""
    found, rule = _rule_set(ctx, ctx.body["RuleSetName"]), ctx.body["Rule"]
    if any(one["Name"] == rule["Name"] for one in found["rules"]):
        raise Refusal(400, "AlreadyExists", f"Rule already exists: {rule['Name']}")
    ctx.update(found, rules=_placed(ctx, found["rules"], rule))
    return {}


@operation("POST /#Action=DescribeReceiptRule")
def describe_rule(ctx: Context) -> dict[str, Any]:
    """A rule."""
    return {"Rule": _rule(_rule_set(ctx, ctx.body["RuleSetName"]), ctx.body["RuleName"])}


@operation("POST /#Action=UpdateReceiptRule")
def update_rule(ctx: Context) -> dict[str, Any]:
    """Replace a rule."""
    found, rule = _rule_set(ctx, ctx.body["RuleSetName"]), ctx.body["Rule"]
    _rule(found, rule["Name"])
    ctx.update(found, rules=[rule if one["Name"] == rule["Name"] else one for one in found["rules"]])
    return {}


@operation("POST /#Action=SetReceiptRulePosition")
def move_rule(ctx: Context) -> dict[str, Any]:
    """Put a rule behind another, or first."""
    found = _rule_set(ctx, ctx.body["RuleSetName"])
    rule = _rule(found, ctx.body["RuleName"])
    ctx.update(found, rules=_placed(ctx, [one for one in found["rules"] if one["Name"] != rule["Name"]], rule))
    return {}


@operation("POST /#Action=DeleteReceiptRule")
def delete_rule(ctx: Context) -> dict[str, Any]:
    """Take a rule away; that it wasn't there is no fault."""
    found = _rule_set(ctx, ctx.body["RuleSetName"])
    ctx.update(found, rules=[one for one in found["rules"] if one["Name"] != ctx.body["RuleName"]])
    return {}


@operation("POST /#Action=CreateReceiptFilter")
def create_filter(ctx: Context) -> dict[str, Any]:
    """A new filter of addresses."""
    given = ctx.body["Filter"]
    if ctx.find("receipt_filter", given["Name"]) is not None:
        raise Refusal(400, "AlreadyExists", f"Filter already exists: {given['Name']}")
    ctx.create("receipt_filter", given["Name"], filter=given)
    return {}


@operation("POST /#Action=ListReceiptFilters")
def index_filters(ctx: Context) -> dict[str, Any]:
    """The filters."""
    return {"Filters": [one["filter"] for one in ctx.list("receipt_filter", newest_first=False)]}


@operation("POST /#Action=DeleteReceiptFilter")
def delete_filter(ctx: Context) -> dict[str, Any]:
    """Take a filter away; that it wasn't there is no fault."""
    found = ctx.find("receipt_filter", ctx.body["FilterName"])
    if found is not None:
        ctx.delete(found)
    return {}
