"""What both APIs refuse, each in its own words: the classic one with codes of its own, the newer one with few and general ones."""

from childproof.stubkit import Context, Refusal


def newer(ctx: Context) -> bool:
    """Whether this is a call of the v2 API."""
    return ctx.call.path.startswith("/v2/")


def invalid(ctx: Context, message: str, code: str = "InvalidParameterValue") -> Refusal:
    """A request whose values can't be used; `code` is the classic API's."""
    return Refusal(400, "BadRequestException" if newer(ctx) else code, message)


def absent(ctx: Context, code: str, message: str) -> Refusal:
    """Something that isn't there: 404 in v2, 400 with a code of its own in the classic API."""
    return Refusal(404, "NotFoundException", message) if newer(ctx) else Refusal(400, code, message)


def exists(ctx: Context, code: str, message: str) -> Refusal:
    """Something that is there already."""
    return Refusal(400, "AlreadyExistsException" if newer(ctx) else code, message)


def limited(ctx: Context, message: str) -> Refusal:
    """More than an account may have."""
    return Refusal(400, "LimitExceededException" if newer(ctx) else "LimitExceeded", message)


def rejected(message: str) -> Refusal:
    """A message that isn't taken, for what it says or who it is from."""
    return Refusal(400, "MessageRejected", message)
