"""Who is in a team."""

from childproof.stubkit import Context, Entity

from .accounts import account


def join_team(ctx: Context, team: Entity, who: Entity, role: str) -> Entity:
    """Put somebody into a team, or change as what somebody is there."""
    held = ctx.find("team_member", f"{team.id}/{who.id}")
    if held is not None:
        return ctx.update(held, role=role)
    return ctx.create("team_member", f"{team.id}/{who.id}", team=team.id, login=who.id, role=role)


def members_of(ctx: Context, team: Entity) -> list[Entity]:
    """The accounts of a team's members, in the order in which they came."""
    held = ctx.list("team_member", newest_first=False, team=team.id)
    return [one for place in held if (one := account(ctx, place["login"])) is not None]
