"""Homes: what a path names by several parameters, or otherwise than by an id, and what lives below it (`@finds`).

`/repos/{owner}/{repo}` is one thing with two parameters. A stub's function finds it, for every operation whose path begins
so; without it there is nothing below, either. Resources that stub.yaml doesn't write live in their home: those of one
are not those of another, though their ids may be the same.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from childproof.stubkit.document.routing import parameters
from childproof.stubkit.entity import Entity

if TYPE_CHECKING:
    from childproof.stubkit.context.context import Context

type Finder = Callable[..., Entity]


class Home(msgspec.Struct, frozen=True):
    """The part of an operation's path that a finder is for. `item`: the operation is about the found entity itself."""

    template: str
    names: tuple[str, ...]
    finder: Finder
    item: bool

    @property
    def field(self) -> str:
        """The hidden field in which entities of written resources keep their home's id."""
        return f"_{self.names[-1]}"

    def find(self, ctx: "Context") -> Entity:
        """The entity that the call's path names. Raises what the finder raises for one that isn't there."""
        return self.finder(ctx, **{name: ctx.path[name] for name in self.names})


def home_of(path: str, finders: Mapping[str, Finder], *, on_item: bool) -> Home | None:
    """The home of an operation's path: the longest template that it begins with; None where nothing is said of it.

    `on_item`: the operation acts on the entity that its last parameter names.
    """
    fits = [template for template in finders if path == template or path.startswith(f"{template}/")]
    if not fits:
        return None
    template = max(fits, key=len)
    names = parameters(template)
    return Home(template, names, finders[template], item=on_item and len(parameters(path)) == len(names))
