"""Validators of one document's schemas whose components are compiled once each, when a value first reaches them.

Compiled whole, almost every schema of a large document brings nearly all others with it: of Stripe's, nearly a thousand,
45 ms and 9 MB for each operation's reply. A reply reaches ten of them, and they are the same for all operations.
"""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from .conversion import Converter, Validator


class Components:
    """Compiles schemas of a converter's document; what they refer to is compiled on its own, and kept for all.

    Compiled so, a schema says whether a value fits, and nothing of where it doesn't: see `Check`.
    """

    def __init__(self, converter: Converter) -> None:
        self._converter = converter
        self._made: dict[str, Validator] = {}
        components = self

        class Reference:
            """What `$ref` means to the validator: that the component takes the value."""

            def __init__(self, parent: dict[str, Any], value: str, path: list[str | int]) -> None:
                del parent, path
                self._name = value

            def validate(self, instance: Any) -> None:
                if not components.takes(self._name, instance):
                    raise ValueError(self._name)

        self._keywords: dict[str, type[Any]] = {"$ref": Reference}

    def check(self, schema: Any) -> "Check":
        """A check of a schema of the document. Raises ValueError if the schema itself is broken."""
        return Check(self._converter, schema, self._compiled(self._converter.part(schema)))

    def takes(self, reference: str, value: Any) -> bool:
        """Whether a value is of the component that a converted reference names."""
        made = self._made.get(reference)
        if made is None:
            made = self._made[reference] = self._compiled(self._converter.component(reference))
        return made.is_valid(value)

    def _compiled(self, converted: Any) -> Validator:
        return Validator(converted, validate_formats=True, keywords=self._keywords)


class Check:
    """The check of one schema. It is compiled whole only for a value that doesn't fit, to tell what is wrong with it."""

    def __init__(self, converter: Converter, schema: Any, quick: Validator) -> None:
        self._converter = converter
        self._schema = schema
        self._quick = quick
        self._whole: Validator | None = None

    def is_valid(self, value: Any) -> bool:
        """Whether a value is of the schema."""
        return self._quick.is_valid(value) or self._exact().is_valid(value)

    def iter_errors(self, value: Any) -> Iterator[jsonschema_rs.ValidationError]:
        """What is wrong with a value."""
        return self._exact().iter_errors(value)

    def _exact(self) -> Validator:
        if self._whole is None:
            self._whole = Validator(self._converter.whole(self._schema), validate_formats=True)
        return self._whole
