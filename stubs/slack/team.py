"""The workspace, the app and its token: who am I, and where."""

from typing import Any

from childproof.stubkit import Context, operation

from .callers import caller, installation, no


@operation("POST /api.test")
def api_test(ctx: Context) -> dict[str, Any]:
    """Whether Slack answers: what comes is told back, and `error` is an error."""
    given = {name: str(value) for name, value in ctx.body.items()}
    if given.get("error"):
        raise no(given["error"], args=given)
    return {"args": given} if given else {}


@operation("POST /auth.test")
def auth_test(ctx: Context) -> dict[str, Any]:
    """Whose token this is."""
    me = caller(ctx)
    team, user = ctx.get("team", me.team), ctx.get("user", me.user)
    bot = {} if me.human else {"bot_id": me.bot}
    return {
        "url": team["url"], "team": team["name"], "user": user["name"], "team_id": me.team, "user_id": me.user, **bot,
        "is_enterprise_install": False,
    }  # fmt: skip


@operation("POST /auth.teams.list")
def auth_teams(ctx: Context) -> dict[str, Any]:
    """The workspaces that the app is in: this one."""
    me = caller(ctx)
    page: dict[str, Any] = ctx.page([{"id": me.team, "name": ctx.get("team", me.team)["name"]}])
    return page


@operation("POST /team.info")
def team_info(ctx: Context) -> dict[str, Any]:
    """The workspace."""
    me = caller(ctx)
    wanted = ctx.body.get("team")
    if wanted and wanted != me.team:
        raise no("team_not_found")
    return {"team": ctx.get("team", me.team)}


@operation("POST /bots.info")
def bots_info(ctx: Context) -> dict[str, Any]:
    """A bot by its id; without one, the app's own."""
    caller(ctx)
    bot = ctx.find("bot", str(ctx.body.get("bot") or installation(ctx)["bot"]))
    if bot is None:
        raise no("bot_not_found")
    return {"bot": {name: value for name, value in bot.items() if name != "team_id"}}


@operation("POST /emoji.list")
def emoji_list(ctx: Context) -> dict[str, Any]:
    """The workspace's own emoji, of which it has one and another name for it."""
    caller(ctx)
    made = {"bowtie": "https://emoji.slack-edge.com/T00000000/bowtie/f3ec6f2bb0.png", "shipit": "alias:squirrel"}
    return {"emoji": made, "cache_ts": f"{ctx.now()}.000000"}
