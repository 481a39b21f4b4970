"""CEL expressions over `call` (`when`, and what limits count): checked at load, evaluated with only the parts they mention.

The library (PyPI `common-expression-language`) parses and evaluates; it is loaded when a rule has the first `when`,
and without its own command line, whose imports take ten times as long as the rest. Which members of `call` an
expression reads is found by a scan of its tokens: the library's own analysis stops at the variable.
"""

import importlib.util
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from pathlib import Path
from typing import Any

from childproof.model import Protocol

ROOT = "call"
_EVERY = frozenset({"protocol", "host", "port", "method"})
_HTTP = _EVERY | {"scheme", "path", "query", "headers", "body", "json", "form"}
FIELDS: Mapping[Protocol, frozenset[str]] = {
    Protocol.HTTP: _HTTP,
    Protocol.SMTP: _EVERY | {"smtp", "mail", "body"},
    Protocol.DNS: _EVERY,
    Protocol.TCP: _EVERY,
    Protocol.UDP: _EVERY,
}
SMTP_FIELDS = frozenset({"sender", "recipients", "user", "helo", "tls", "subject"})
_INNER: Mapping[str, frozenset[str]] = {"smtp": SMTP_FIELDS, "mail": frozenset({"from", "to", "subject"})}
FUNCTIONS = frozenset(
    [
        "size",
        "contains",
        "startsWith",
        "endsWith",
        "matches",
        "int",
        "uint",
        "double",
        "string",
        "bytes",
        "timestamp",
        "duration",
        "dyn",
        "type",
        "getDate",
        "getDayOfMonth",
        "getDayOfWeek",
        "getDayOfYear",
        "getFullYear",
        "getHours",
        "getMilliseconds",
        "getMinutes",
        "getMonth",
        "getSeconds",
        "has",
        "all",
        "exists",
        "exists_one",
        "map",
        "filter",
    ]
)
_MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})
_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<string>[bB]?[rR][bB]?(?:'''.*?'''|\"\"\".*?\"\"\"|'[^'\n]*'|"[^"\n]*")
        |[bB]?(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^\\'\n])*'|"(?:\\.|[^\\"\n])*"))
    |(?P<number>(?:0[xX][0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)[uU]?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>&&|\|\||[=!<>]=|.)""",
    re.VERBOSE | re.DOTALL,
)
_INTEGER_TEXT = re.compile(r"""["'](0|-?[1-9][0-9]{0,18})["']""")
_SYNTAX = re.compile(r"ERROR: <input>:\d+:(\d+): (?:Syntax error: )?([^\n]*)")


class ConditionError(ValueError):
    """The expression is refused. `expected` and `write` are the fault's other two parts."""

    def __init__(self, found: str, expected: str, write: str = "") -> None:
        super().__init__(found)
        self.expected = expected
        self.write = write


class EvaluationError(Exception):
    """The expression has no answer for this call; the message says why."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression and the names of the parts of the call that it reads."""

    text: str
    parts: frozenset[str]
    program: Any = field(repr=False, compare=False)

    def value(self, part: Callable[[str], Any]) -> Any:
        """Evaluate. `part` gives a named part of the call, or raises EvaluationError where the call has none such.

        Raises EvaluationError where the expression fails (a key that isn't there, operands that don't go together).
        A part that is missing is no error unless evaluation comes to it.
        """
        values: dict[str, Any] = {}
        missing: list[str] = []
        for name in self.parts:
            try:
                values[name] = part(name)
            except EvaluationError as error:
                missing.append(str(error))
        try:
            return self.program.execute({ROOT: values})
        except Exception as error:  # noqa: BLE001 (the library raises a dozen kinds)
            raise EvaluationError("; ".join(missing) or _short(error)) from None
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # a panic in Rust comes as a BaseException
                raise
            raise EvaluationError("the expression broke the evaluator") from None


class Condition(Expression):
    """An expression that must be true."""

    __slots__ = ()

    def holds(self, part: Callable[[str], Any]) -> bool:
        """Evaluate. Raises EvaluationError also where the answer is neither true nor false."""
        answer = self.value(part)
        if not isinstance(answer, bool):
            raise EvaluationError(f"the answer is {answer!r:.60}, not true or false")
        return answer


def compile_condition(text: str, protocols: tuple[Protocol, ...]) -> Condition:
    """Parse and check `when` for calls of these protocols. Raises ConditionError for the first mistake."""
    expression = compile_expression(text, protocols, "when")
    return Condition(expression.text, expression.parts, expression.program)


@lru_cache(maxsize=1024)  # rules of a file often ask the same
def compile_expression(text: str, protocols: tuple[Protocol, ...], key: str) -> Expression:
    """Parse and check the expression under `key`. Raises ConditionError for the first mistake."""
    cel = _library()
    try:
        program = cel.compile(text)
        references = program.references()
    except ValueError as error:
        raise ConditionError(_syntax(text, key, str(error)), "a CEL expression") from None
    tokens = list(_tokens(text))
    bound = _bound(tokens)
    for name in references["variables"]:
        if name != ROOT and name not in bound:
            fields = frozenset.intersection(*(FIELDS[protocol] for protocol in protocols))
            write = f"call.{name}" if name in fields else ""
            raise ConditionError(
                f"the unknown variable {name!r} in `{key}`", "the variable 'call' and its fields", write
            )
    for name in references["functions"]:
        if name.isidentifier() and not name.startswith("_") and name not in FUNCTIONS:
            raise ConditionError(
                f"the unknown function {name!r} in `{key}`", "a function of CEL's standard", _close(name, FUNCTIONS)
            )
    if ROOT in bound:
        raise ConditionError(f"'call' as a name of a macro's own in `{key}`", "another name for it")
    parts = _parts(tokens, protocols, key)
    _check_patterns(cel, tokens)
    _check_numbers(tokens)
    return Expression(text, frozenset(parts), program)


@cache
def _library() -> Any:
    """The library's extension module, without its package: that imports a command line and takes a quarter second."""
    loaded = sys.modules.get("cel.cel")
    if loaded is not None:
        return loaded
    spec = importlib.util.find_spec("cel")
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        for suffix in EXTENSION_SUFFIXES:
            file = Path(folder, f"cel{suffix}")
            if file.exists():
                inner = importlib.util.spec_from_file_location(
                    "cel.cel", file, loader=ExtensionFileLoader("cel.cel", str(file))
                )
                assert inner is not None
                assert inner.loader is not None
                module = importlib.util.module_from_spec(inner)
                sys.modules["cel.cel"] = module
                inner.loader.exec_module(module)
                return module
    return importlib.import_module("cel")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "space":
            assert match.lastgroup is not None
            yield match.lastgroup, match[0]


def _bound(tokens: list[tuple[str, str]]) -> set[str]:
    """The names that macros bind: `x` in `list.all(x, x > 1)`."""
    windows = zip(tokens, tokens[1:], tokens[2:], tokens[3:], tokens[4:], strict=False)
    return {
        name
        for (_, dot), (_, macro), (_, opening), (kind, name), (_, comma) in windows
        if dot == "." and macro in _MACROS and opening == "(" and kind == "name" and comma == ","
    }


def _parts(tokens: list[tuple[str, str]], protocols: tuple[Protocol, ...], key: str) -> set[str]:
    known = frozenset.intersection(*(FIELDS[protocol] for protocol in protocols))
    everywhere = frozenset.union(*FIELDS.values())
    parts = set()
    for place, (kind, text) in enumerate(tokens):
        if kind != "name" or text != ROOT or (place and tokens[place - 1][1] == "."):
            continue
        name = _member(tokens, place + 1)
        if name is None:
            raise ConditionError(f"'call' without a field in `{key}`", "one of its fields, such as call.host")
        if name not in known:
            here = "" if name not in everywhere else f" for {' and '.join(protocols)}"
            raise ConditionError(
                f"the unknown field call.{name}{here} in `{key}`",
                f"one of {', '.join(sorted(known))}",
                _close(name, known, "call."),
            )
        parts.add(name)
        fields = _INNER.get(name)
        inner = _member(tokens, place + (3 if tokens[place + 1][1] == "." else 4)) if fields else None
        if fields and inner is not None and inner not in fields:
            raise ConditionError(
                f"the unknown field call.{name}.{inner} in `{key}`",
                f"one of {', '.join(sorted(fields))}",
                _close(inner, fields, f"call.{name}."),
            )
    return parts


def _member(tokens: list[tuple[str, str]], place: int) -> str | None:
    """The member that `.name` or `["name"]` at `place` reads; None where something else stands there."""
    following = tokens[place : place + 3]
    if len(following) >= 2 and following[0][1] == "." and following[1][0] == "name":
        return following[1][1]
    if len(following) == 3 and following[0][1] == "[" and following[1][0] == "string" and following[2][1] == "]":
        return following[1][1].strip("\"'")
    return None


def _check_patterns(cel: Any, tokens: list[tuple[str, str]]) -> None:
    """A regular expression that doesn't compile would only be noticed by the first call that meets it."""
    for (_, name), (_, opening), (kind, text), (_, closing) in zip(
        tokens, tokens[1:], tokens[2:], tokens[3:], strict=False
    ):
        if name == "matches" and opening == "(" and kind == "string" and closing == ")":
            try:
                cel.evaluate(f"''.matches({text})")
            except Exception as error:  # noqa: BLE001 (whatever it says, the pattern is bad)
                reason = str(error).rpartition("error: ")[2].partition(". Check")[0]
                raise ConditionError(f"the regular expression {text}: {reason}", "one in RE2's syntax") from None


def _check_numbers(tokens: list[tuple[str, str]]) -> None:
    """`call.form.amount == "100"` is never true, for the form's 100 is a number by then; say so at load."""
    for place, (kind, text) in enumerate(tokens):
        if kind != "string" or _INTEGER_TEXT.fullmatch(text) is None:
            continue
        before = tokens[place - 1][1] if place else ""
        if before in ("==", "!=") and _reads_form(tokens, place - 2):
            raise ConditionError(
                f"{text}, a text that a whole number of a form or query never equals",
                "the number itself",
                text.strip("\"'"),
            )


def _reads_form(tokens: list[tuple[str, str]], place: int) -> bool:
    """Whether the chain of members that ends at `place` begins with call.form or call.query."""
    while place >= 2 and tokens[place][0] == "name" and tokens[place - 1][1] == ".":
        if tokens[place - 2][1] == ROOT:
            return tokens[place][1] in ("form", "query")
        place -= 2
    return False


def _close(name: str, known: frozenset[str], prefix: str = "") -> str:
    import difflib  # noqa: PLC0415 (only for a message)

    close = difflib.get_close_matches(name, sorted(known), 1)
    return prefix + close[0] if close else ""


def _syntax(text: str, key: str, message: str) -> str:
    match = _SYNTAX.search(message)
    if match is None:
        return f"the expression {text!r}"
    problem = match[2].partition(" expecting {")[0]
    return f"a syntax error at character {match[1]} of `{key}`: {problem}"


def _short(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no {error.args[0]}" if error.args else "a key is missing"
    return str(error).partition(". ")[0].partition(" Check ")[0][:200]
