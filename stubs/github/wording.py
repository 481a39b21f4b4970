"""GitHub's refusals, worded as it words them: https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api."""

from typing import Any

from childproof.stubkit import Refusal

DOCUMENTATION = "https://docs.github.com/rest"


def not_found() -> Refusal:
    """Of what isn't there, and of what the caller may not know of."""
    return Refusal(404, None, "Not Found")


def requires_authentication() -> Refusal:
    """Of what only somebody known may do."""
    return Refusal(401, None, "Requires authentication")


def forbidden(message: str) -> Refusal:
    """Of what somebody known may see but not do."""
    return Refusal(403, None, message)


def fault(resource: str, field: str, code: str = "invalid", message: str | None = None) -> dict[str, Any]:
    """One entry of `errors`. Codes: missing, missing_field, invalid, already_exists, unprocessable, custom (with a message)."""
    told = {"resource": resource, "code": code, "field": field}
    return told if message is None else {**told, "message": message}


def validation_failed(*errors: dict[str, Any] | str) -> Refusal:
    """422 with what is wrong, each as `fault` makes them (or a bare sentence, as some older endpoints have)."""
    return Refusal(422, None, "Validation Failed", errors=list(errors))


def moved(location: str) -> Refusal:
    """301 to where something is now."""
    return Refusal(301, None, "Moved Permanently", url=location, headers={"Location": location})
