"""What a repository can be told to ignore from the start: https://docs.github.com/rest/gitignore/gitignore."""

from typing import Any

from childproof.stubkit import Context, Response, operation

from .media import accepts
from .wording import not_found

TEMPLATES = {
    "Python": "__pycache__/\n*.py[cod]\nbuild/\ndist/\n*.egg-info/\n.venv/\n.env\n",
    "Node": "node_modules/\nnpm-debug.log*\ndist/\n.env\n",
    "Go": "*.exe\n*.test\n*.out\ngo.work\n",
    "Rust": "target/\n**/*.rs.bk\n",
    "Java": "*.class\n*.jar\n*.log\n",
}


@operation("GET /gitignore/templates")
def names(_: Context) -> list[str]:
    """The templates by their names."""
    return sorted(TEMPLATES)


@operation("GET /gitignore/templates/{name}")
def template(ctx: Context, name: str) -> Any:
    """One of them, as its text where the Accept header asks for that."""
    if name not in TEMPLATES:
        raise not_found()
    if accepts(ctx, "raw"):
        return Response(200, TEMPLATES[name], {"Content-Type": "application/vnd.github.raw; charset=utf-8"})
    return {"name": name, "source": TEMPLATES[name]}
