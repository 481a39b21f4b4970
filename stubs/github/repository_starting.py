"""What a new repository holds: the first commit that `auto_init` makes, or what a template or a parent has."""

from childproof.stubkit import Context, Entity


def start(ctx: Context, made: Entity, owner: Entity, gitignore: str | None) -> None:
    """Make the first commit: a README, and the license and .gitignore that were asked for."""


def take_over(ctx: Context, made: Entity, origin: Entity, *, squashed: bool) -> None:
    """Give a repository what another one holds: with its history, or `squashed` into one commit."""


def has_branch(_: Context, found: Entity, name: str) -> bool:
    """Whether a repository has a branch of that name."""
    return name == found["default_branch"]
