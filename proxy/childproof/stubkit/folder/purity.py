"""What behaviour code may not do: look at the wall clock, roll its own dice, or touch the machine it runs on.

A stub is a function of its call and its world, or replays would differ and a fork would not be one. Checked in the
source before anything of it runs; a guard against mistakes of well-meaning authors, not a sandbox against bad ones.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType

from childproof.errors import Fault

ALLOWED = frozenset(
    [
        "__future__",
        "abc",
        "base64",
        "binascii",
        "bisect",
        "calendar",
        "collections",
        "colorsys",
        "contextlib",
        "copy",
        "csv",
        "dataclasses",
        "datetime",
        "decimal",
        "difflib",
        "email",
        "enum",
        "fractions",
        "functools",
        "graphlib",
        "hashlib",
        "heapq",
        "hmac",
        "html",
        "io",
        "ipaddress",
        "itertools",
        "json",
        "math",
        "mimetypes",
        "numbers",
        "operator",
        "quopri",
        "re",
        "statistics",
        "string",
        "stringprep",
        "struct",
        "textwrap",
        "types",
        "typing",
        "unicodedata",
        "zlib",
        "zoneinfo",
    ]
)
_ALLOWED_SUB = frozenset({"urllib.parse", "xml.sax.saxutils"})
_INSTEAD = {
    "time": "ctx.now()", "random": "ctx.random", "secrets": "ctx.token(24)", "uuid": "ctx.new_id(resource)",
    "faker": "ctx.random", "socket": "", "requests": "", "httpx": "", "subprocess": "", "os": "", "sys": "",
}  # fmt: skip
_BUILTINS = frozenset({"open", "exec", "eval", "compile", "__import__", "input", "breakpoint"})
_ENDINGS = frozenset({"SystemExit", "KeyboardInterrupt", "BaseException", "exit", "quit"})
_MOMENTS = frozenset({"now", "utcnow", "today"})
_CLOCKS = frozenset({"datetime", "date"})
_IMPORT = re.compile(r"\bimport\b")
_STATEMENT = re.compile(r"^[ \t]*(?:from[ \t]+(?P<origin>[\w.]+)[ \t]+)?import\b(?P<names>[^\n#;(\\]*)", re.MULTILINE)


def impurities(source: str, code: CodeType, file: Path) -> list[Fault]:
    """Everything in a behaviour file that it may not do. `code` is what `source` was compiled to."""
    if not _suspicious(source, set(_names(code))):
        return []
    tree = ast.parse(source, filename=str(file))
    clocks = _clock_names(tree) if "datetime" in source else set()
    return sorted(_judge(ast.walk(tree), clocks, str(file)), key=lambda fault: (fault.line, fault.column))


def _suspicious(source: str, names: set[str]) -> bool:
    """Whether there may be something to find. Parsing costs milliseconds; most files have no reason for it."""
    if names & _CLOCKS and names & _MOMENTS:
        return True
    used = sorted(names & (_BUILTINS | _ENDINGS))
    if used and re.search(rf"(?<![.\w])(?:{'|'.join(used)})\b", source):  # and not just an attribute, as in re.compile
        return True
    lines = "\n".join(
        line for line in source.split("\n") if "import" in line
    )  # the rest says nothing, and is most of it
    statements = list(_STATEMENT.finditer(lines))
    return len(statements) != len(_IMPORT.findall(lines)) or not all(map(_harmless, statements))


def _harmless(statement: re.Match[str]) -> bool:
    """Whether an import, read as text, is one that is allowed. What can't be told so isn't harmless."""
    origin = statement["origin"]
    if origin is not None:
        return origin.startswith(".") or _allowed(origin)
    return all(_allowed(name.strip().partition(" ")[0]) for name in statement["names"].split(","))


def _names(code: CodeType) -> Iterator[str]:
    """The names of globals and attributes that a module's code uses, its functions' and classes' included."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _judge(nodes: Iterable[ast.AST], clocks: set[str], file: str) -> Iterator[Fault]:
    for node in nodes:
        match node:
            case ast.Import(names=names):
                for alias in names:
                    if not _allowed(alias.name):
                        yield _import_fault(file, node, alias.name)
            case ast.ImportFrom(module=module, level=0) if module is not None and not _allowed(module):
                whole = [f"{module}.{alias.name}" for alias in node.names]
                if not all(name in _ALLOWED_SUB for name in whole):
                    yield _import_fault(file, node, module)
            case ast.Name(id=name, ctx=ast.Load()) if name in _BUILTINS:
                yield _fault(
                    file,
                    node,
                    f"{name}(…)",
                    "no files and no code made at run time: data goes into the stub's own modules",
                )
            case ast.Name(id=name, ctx=ast.Load()) if name in _ENDINGS:
                expected = "nothing that ends, or keeps from ending, whoever runs the stub"
                yield _fault(file, node, name, expected, "raise Refusal(…)" if name != "BaseException" else "Exception")
            case ast.Attribute(attr=attr, value=value) if attr in _MOMENTS and _is_clock(value, clocks):
                yield _fault(file, node, f"the wall clock ({ast.unparse(node)})", "the world's clock", "ctx.now()")
            case _:
                pass


def _allowed(module: str) -> bool:
    root = module.partition(".")[0]
    return root in ALLOWED or module in _ALLOWED_SUB or module == "childproof.stubkit"


def _import_fault(file: str, node: ast.AST, module: str) -> Fault:
    root = module.partition(".")[0]
    if root == "childproof":
        return _fault(
            file, node, f"the import of {module}", "childproof.stubkit only", "from childproof.stubkit import …"
        )
    expected = "a part of the standard library that has no clock, randomness, files or network, or a file of this stub"
    return _fault(file, node, f"the import of {module}", expected, _INSTEAD.get(root, ""))


def _fault(file: str, node: ast.AST, found: str, expected: str, write: str = "") -> Fault:
    return Fault(file, getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1, found, expected, write)


def _clock_names(tree: ast.Module) -> set[str]:
    """The names under which the module knows `datetime`, its classes, and the module itself."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "datetime":
            found.update(alias.asname or alias.name for alias in node.names if alias.name in {"datetime", "date"})
        elif isinstance(node, ast.Import):
            found.update(alias.asname or alias.name for alias in node.names if alias.name == "datetime")
    return found


def _is_clock(value: ast.expr, clocks: set[str]) -> bool:
    if isinstance(value, ast.Attribute):
        return value.attr in {"datetime", "date"} and _is_clock(value.value, clocks)
    return isinstance(value, ast.Name) and value.id in clocks
