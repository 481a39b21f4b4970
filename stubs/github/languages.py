"""What a repository's files are written in, by their names, and who has committed."""

from collections import Counter
from itertools import islice
from typing import Any

from childproof.stubkit import Context, Response, operation

from . import pull_git
from .git_places import place_of
from .paging import shown_page
from .repositories import repository

LANGUAGES = {
    "c": "C", "h": "C", "cc": "C++", "cpp": "C++", "hpp": "C++", "cs": "C#", "css": "CSS", "dart": "Dart", "ex": "Elixir", "exs": "Elixir",
    "erl": "Erlang", "go": "Go", "hs": "Haskell", "htm": "HTML", "html": "HTML", "java": "Java", "js": "JavaScript", "jsx": "JavaScript",
    "mjs": "JavaScript", "kt": "Kotlin", "lua": "Lua", "m": "Objective-C", "php": "PHP", "pl": "Perl", "py": "Python", "r": "R", "rb": "Ruby",
    "rs": "Rust", "scala": "Scala", "scss": "SCSS", "sh": "Shell", "sql": "PLpgSQL", "swift": "Swift", "tf": "HCL", "ts": "TypeScript",
    "tsx": "TypeScript", "vue": "Vue", "zig": "Zig",
}  # fmt: skip
MOST_COMMITS = 5_000  # that are counted
_ELSEWHERE = ("node_modules/", "vendor/", "dist/")  # what nobody of the repository has written


def language_of(path: str) -> str | None:
    """The language of a file; None for what is no program."""
    name = path.rpartition("/")[2]
    return {"Dockerfile": "Dockerfile", "Makefile": "Makefile"}.get(name) or LANGUAGES.get(
        name.rpartition(".")[2].lower() if "." in name else ""
    )


def counted(place: Any) -> dict[str, int]:
    """How many bytes of each language there are on the default branch of a git repository, the most first."""
    tip = place.resolve("HEAD")
    sizes: Counter[str] = Counter()
    for entry in place.walk(place.commit(tip).tree) if tip is not None else ():
        language = language_of(entry.path) if entry.kind == "blob" and not entry.path.startswith(_ELSEWHERE) else None
        if language is not None:
            sizes[language] += place.size(entry.sha)
    return dict(sizes.most_common())


@operation("GET /repos/{owner}/{repo}/languages")
def languages(ctx: Context, owner: str, repo: str) -> dict[str, int]:
    """Bytes by language."""
    return counted(place_of(ctx, repository(ctx, owner, repo), filled=False))


@operation("GET /repos/{owner}/{repo}/contributors")
def contributors(ctx: Context, owner: str, repo: str) -> Any:
    """Who has written commits of the default branch, the most first; who has no account only where it is asked for."""
    place = place_of(ctx, repository(ctx, owner, repo), filled=False)
    tip = place.resolve("HEAD")
    if tip is None:
        return Response(204)
    people: dict[str, dict[str, Any]] = {}
    for commit in islice(place.log(tip), MOST_COMMITS):
        found = pull_git.person(ctx, commit.author)
        shown = found or {"email": commit.author.email, "name": commit.author.name, "type": "Anonymous"}
        one = people.setdefault(found["login"] if found else commit.author.email, {**shown, "contributions": 0})
        one["contributions"] += 1
    anonymous = str(ctx.query.get("anon", "")).lower() in {"1", "true"}
    listed = [one for one in people.values() if anonymous or one["type"] != "Anonymous"]
    return shown_page(ctx, sorted(listed, key=lambda one: -one["contributions"]), lambda one: one)
