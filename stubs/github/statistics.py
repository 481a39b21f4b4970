"""How many commits there were when, and what they changed. https://docs.github.com/rest/metrics/statistics."""

from collections import Counter
from itertools import islice
from typing import Any

from childproof.stubkit import Context, Entity, git, operation

from . import pull_git
from .git_places import place_of
from .repositories import repository

_MOST = 5_000  # commits that are counted
_WEEK = 7 * 86_400
_SUNDAY = 3 * 86_400  # the epoch began on a Thursday; weeks begin on Sundays


@operation("GET /repos/{owner}/{repo}/stats/participation")
def participation(ctx: Context, owner: str, repo: str) -> dict[str, Any]:
    """Commits of the last 52 weeks: everybody's, and the owner's."""
    found = repository(ctx, owner, repo)
    everybody, holder = [0] * 52, [0] * 52
    for one in _commits(ctx, found):
        week = 51 - (ctx.now_ms() // 1000 - one.committer.time) // _WEEK
        if 0 <= week <= 51:
            everybody[week] += 1
            person = pull_git.person(ctx, one.author)
            holder[week] += person is not None and person["login"].lower() == found["_owner"]
    return {"all": everybody, "owner": holder}


@operation("GET /repos/{owner}/{repo}/stats/commit_activity")
def commit_activity(ctx: Context, owner: str, repo: str) -> list[dict[str, Any]]:
    """Commits of the last year by week, and by day of the week from Sunday on."""
    found = repository(ctx, owner, repo)
    this_week = _week(ctx.now_ms() // 1000)
    weeks = {this_week - back * _WEEK: [0] * 7 for back in range(51, -1, -1)}
    for one in _commits(ctx, found):
        start = _week(one.committer.time)
        if start in weeks:
            weeks[start][(one.committer.time - start) // 86_400] += 1
    return [{"week": week, "total": sum(days), "days": days} for week, days in weeks.items()]


@operation("GET /repos/{owner}/{repo}/stats/punch_card")
def punch_card(ctx: Context, owner: str, repo: str) -> list[list[int]]:
    """Commits by day of the week and hour."""
    found = repository(ctx, owner, repo)
    counts = Counter(((moment := one.author.moment()).isoweekday() % 7, moment.hour) for one in _commits(ctx, found))
    return [[day, hour, counts[day, hour]] for day in range(7) for hour in range(24)]


@operation("GET /repos/{owner}/{repo}/stats/code_frequency")
def code_frequency(ctx: Context, owner: str, repo: str) -> list[list[int]]:
    """Lines added and taken away by week."""
    found = repository(ctx, owner, repo)
    place = place_of(ctx, found, filled=False)
    weeks: dict[int, list[int]] = {}
    for one in islice(_commits(ctx, found), 1000):
        sums = weeks.setdefault(_week(one.committer.time), [0, 0])
        for change in place.changes(one.sha):
            sums[0] += change.additions
            sums[1] -= change.deletions
    return [[week, *sums] for week, sums in sorted(weeks.items())]


def _commits(ctx: Context, found: Entity) -> list[git.Commit]:
    place = place_of(ctx, found, filled=False)
    sha = place.resolve("HEAD")
    return list(islice(place.log(sha), _MOST)) if sha is not None else []


def _week(time: int) -> int:
    return (time - _SUNDAY) // _WEEK * _WEEK + _SUNDAY
