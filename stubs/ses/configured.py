"""A configuration set by its name."""

from childproof.stubkit import Context, Entity

from .refusals import absent


def get(ctx: Context, name: str) -> Entity:
    """A configuration set, or the refusal of one that isn't there."""
    found = ctx.find("configuration_set", name)
    if found is None:
        raise absent(ctx, "ConfigurationSetDoesNotExist", f"Configuration set <{name}> does not exist.")
    return found
