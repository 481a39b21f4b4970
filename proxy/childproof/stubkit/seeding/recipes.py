"""Recipes: what a stub's Python plants for a key of its section in a world file (`@seeds`).

The annotation of a recipe's options is their format: a dataclass, a list of them, a number, `Literal["people"]`, or a
choice of these. Its JSON Schema is what load errors, editors and `childproof schema world` go by.
"""

import keyword
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

Share = Annotated[float, Meta(ge=0, le=1, description="a share, from 0 to 1")]
Count = Annotated[int, Meta(ge=0, le=1_000_000, description="a number of things")]
Span = Annotated[str, Meta(pattern=r"^[0-9]{1,6}(s|m|h|d|w)$", description="a time span, like 90d")]
_UNITS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_PATTERN_WORDS = {r"^[0-9]{1,6}(s|m|h|d|w)$": ("a time span: a number and s, m, h, d or w", "90d")}


class RecipeError(Exception):
    """A recipe's options have no annotation, or one that no file could follow. The message says which."""


class Recipe(msgspec.Struct, frozen=True):
    """A function that plants, and the type of its options."""

    function: Callable[..., None]
    options: Any

    def schema(self, place: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The JSON Schema of the options and the definitions that it refers to, named to begin with `place`."""
        [schema], parts = msgspec.json.schema_components((self.options,), ref_template=f"#/$defs/{place}.{{name}}")
        return _file_names(schema), {f"{place}.{name}": _file_names(part) for name, part in parts.items()}

    def read(self, written: Any) -> Any:
        """The options that a file has, which its schema has let through, as the function takes them."""
        return msgspec.convert(_python_names(written), self.options)


def recipe(function: Callable[..., None]) -> Recipe:
    """A recipe from its function. Raises RecipeError."""
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception as error:  # noqa: BLE001 - whatever resolving an author's annotations raises
        raise RecipeError(f"annotations that can't be resolved: {error}") from None
    names = [name for name in hints if name != "return"]
    parameters = list(function.__code__.co_varnames[: function.__code__.co_argcount])
    if len(parameters) < 2 or parameters[1] not in names:
        raise RecipeError("options without an annotation")
    made = Recipe(function, hints[parameters[1]])
    try:
        made.schema("check")
    except TypeError as error:
        raise RecipeError(f"options that no file can hold: {error}") from None
    return made


def span(text: str) -> int:
    """A `Span` in milliseconds."""
    return int(text[:-1]) * _UNITS[text[-1]]


def _file_names(schema: Any) -> Any:
    """A schema of msgspec as files need it: unknown keys refused, and `with` where Python has to write `with_`."""
    if isinstance(schema, list):
        return [_file_names(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: _file_names(part) for key, part in schema.items()}
    known = out.get("properties")
    if isinstance(known, dict):
        out["properties"] = {_unescaped(name): part for name, part in known.items()}
        out["required"] = [_unescaped(name) for name in out.get("required", ())]
        out["additionalProperties"] = False
    words = _PATTERN_WORDS.get(out.get("pattern", ""))
    if words is not None:
        out["x-expected"], out["x-write"] = words
    return out


def _unescaped(name: str) -> str:
    return name[:-1] if name.endswith("_") and keyword.iskeyword(name[:-1]) else name


def _python_names(written: Any) -> Any:
    """A file's options with the names of the dataclass: at the top, and in each item of a list."""
    if isinstance(written, list):
        return [_python_names(item) if isinstance(item, Mapping) else item for item in written]
    if not isinstance(written, Mapping):
        return written
    return {f"{name}_" if keyword.iskeyword(name) else name: value for name, value in written.items()}
