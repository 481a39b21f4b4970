"""Identity: verification sessions, their page, and the reports that they leave behind. The moves are in stub.yaml.

    requires_input → processing → verified, or requires_input again;  canceled from either of the first two

Whoever follows a session's `url` gets the page (`POST … outcome=verified` or `unverified`). The check is done a moment
later. A redacted session keeps what happened, and nothing that says who it was.
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, expands, job, merged_metadata, operation, people

from .fields import change, new, page, since, tell

_MOMENT = 0  # the check of a test document is done before anybody can ask for it
_HTML = {"Content-Type": "text/html; charset=utf-8"}
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Verify your identity</title></head>
<body>
<h1>Verify your identity</h1>
<p>This is a test: no document is asked for.</p>
<form method="post">
<button name="outcome" value="verified">Verification success</button>
<button name="outcome" value="unverified">Verification failure</button>
</form>
</body>
</html>
"""
_CANNOT = "You cannot {action} a VerificationSession that has a status of {status}."


@operation("POST /v1/identity/verification_sessions")
def create(ctx: Context) -> Entity:
    """A session that waits for the person."""
    body = ctx.body
    kind = body.get("type")
    if not kind and not body.get("verification_flow"):
        raise Refusal(400, "parameter_missing", "Missing required param: type.", param="type")
    session_id = ctx.new_id("identity.verification_session")
    token = ctx.token(60)
    session = new(
        ctx,
        "identity.verification_session",
        session_id,
        client_reference_id=body.get("client_reference_id"),
        client_secret=f"{session_id}_secret_test_{ctx.token(60)}",
        last_error=None,
        last_verification_report=None,
        metadata=merged_metadata({}, body.get("metadata")),
        options=_options(kind or "document", body),
        provided_details=body.get("provided_details") or None,
        redaction=None,
        related_customer=body.get("related_customer"),
        status="requires_input",
        type=kind or "verification_flow",
        url=f"https://verify.stripe.com/start/test_{token}",
        _return_url=body.get("return_url"),
        _token=token,
    )
    if body.get("verification_flow"):
        session = ctx.update(session, verification_flow=body["verification_flow"])
    tell(ctx, "identity.verification_session.created", session)
    return session


@operation("POST /v1/identity/verification_sessions/{session}")
def update(ctx: Context, session: str) -> Entity:
    """Change what is asked of a person who hasn't answered yet."""
    found = ctx.get("identity.verification_session", session)
    body = ctx.body
    _must_be(found, "update", "requires_input")
    fields: dict[str, Any] = {}
    if "metadata" in body:
        fields["metadata"] = merged_metadata(found["metadata"], body["metadata"])
    if body.get("type"):
        fields["type"] = body["type"]
    if body.get("type") or body.get("options"):
        fields["options"] = _options(fields.get("type", found["type"]), body)
    if body.get("provided_details"):
        fields["provided_details"] = (found["provided_details"] or {}) | body["provided_details"]
    return change(ctx, found, None, **fields)


@operation("POST /v1/identity/verification_sessions/{session}/cancel")
def cancel(ctx: Context, session: str) -> Entity:
    """Give the session up."""
    found = ctx.get("identity.verification_session", session)
    _must_be(found, "cancel", "requires_input", "processing")
    found = ctx.move(found, "canceled", url=None, client_secret=None)
    tell(ctx, "identity.verification_session.canceled", found)
    return found


@operation("POST /v1/identity/verification_sessions/{session}/redact")
def redact(ctx: Context, session: str) -> Entity:
    """Have everything deleted that says who it was. That takes Stripe a while."""
    found = ctx.get("identity.verification_session", session)
    _must_be(found, "redact", "requires_input", "verified", "canceled")
    if found["redaction"] is not None:
        raise Refusal(400, None, "This VerificationSession has already been redacted.")
    found = ctx.update(found, redaction={"status": "processing"}, url=None, client_secret=None)
    ctx.schedule(_MOMENT, "identity_redacts", {"session": found.id})
    return found


@operation("GET /v1/identity/verification_sessions")
def list_sessions(ctx: Context) -> dict[str, Any]:
    """Sessions, newest first."""
    names = ("client_reference_id", "related_customer", "status")
    where = {name: ctx.query[name] for name in names if ctx.query.get(name)}
    return page(ctx, since(ctx, ctx.list("identity.verification_session", **where)))


@operation("GET /v1/identity/verification_reports")
def list_reports(ctx: Context) -> dict[str, Any]:
    """Reports, newest first."""
    names = ("client_reference_id", "type", "verification_session")
    where = {name: ctx.query[name] for name in names if ctx.query.get(name)}
    return page(ctx, since(ctx, ctx.list("identity.verification_report", **where)))


@operation("GET /start/test_{code}")
def show(ctx: Context, code: str) -> Response:
    """The page, where there is something to be done."""
    found = _by_token(ctx, code)
    if found["status"] == "requires_input" and found["redaction"] is None:
        return Response(200, _PAGE, _HTML)
    return _back(found)


@operation("POST /start/test_{code}")
def press(ctx: Context, code: str) -> Response:
    """One of the page's buttons: the documents are in, and are checked."""
    found = _by_token(ctx, code)
    if found["status"] == "requires_input" and found["redaction"] is None:
        found = ctx.move(found, "processing", last_error=None)
        tell(ctx, "identity.verification_session.processing", found)
        passed = ctx.body["outcome"] == "verified"
        ctx.schedule(_MOMENT, "identity_checks", {"session": found.id, "passed": passed})
    return _back(found)


@job("identity_checks")
def checks(ctx: Context, payload: dict[str, Any]) -> None:
    """The documents are checked."""
    found = ctx.get("identity.verification_session", payload["session"])
    if found["status"] != "processing":
        return
    passed = payload["passed"]
    report = _report(ctx, found, passed=passed)
    if passed:
        found = ctx.move(found, "verified", last_verification_report=report.id, url=None, client_secret=None,
                         _outputs=report.get("_outputs"))  # fmt: skip
        tell(ctx, "identity.verification_session.verified", found)
        return
    error = {"code": "document_unverified_other", "reason": "The document could not be verified."}
    found = ctx.move(found, "requires_input", last_error=error, last_verification_report=report.id)
    tell(ctx, "identity.verification_session.requires_input", found)


@job("identity_redacts")
def redacts(ctx: Context, payload: dict[str, Any]) -> None:
    """Nothing says any more who it was."""
    found = ctx.get("identity.verification_session", payload["session"])
    found = ctx.update(found, metadata={}, provided_details=None, redaction={"status": "redacted"}, _outputs=None)
    for report in ctx.list("identity.verification_report", verification_session=found.id):
        document = (report["document"] or {}) if "document" in report else {}
        kept = {name: value if name in {"error", "status"} else None for name, value in document.items()}
        ctx.update(report, **({"document": kept} if document else {}))
    tell(ctx, "identity.verification_session.redacted", found)


@expands("identity.verification_session", "verified_outputs")
def verified_outputs(ctx: Context, session: Entity) -> dict[str, Any] | None:
    """What has been verified, where it is asked for."""
    del ctx
    outputs: dict[str, Any] | None = session.get("_outputs")
    return outputs


def _report(ctx: Context, session: Entity, *, passed: bool) -> Entity:
    """What the check has found, of one of the world's people."""
    everybody = people(ctx)
    person = everybody.numbered(ctx.random.randint(1, len(everybody))) if len(everybody) else None
    first, last = (person.first_name, person.last_name) if person is not None else ("Jenny", "Rosen")
    address = {"city": "South San Francisco", "country": "US", "line1": "354 Oyster Point Blvd", "line2": None,
               "postal_code": "94080", "state": "CA"}  # fmt: skip
    failed = {"code": "document_unverified_other", "reason": "The document could not be verified."}
    document: dict[str, Any] = {
        "address": address if passed else None,
        "error": None if passed else failed,
        "files": [f"file_1{ctx.token(23)}"],
        "first_name": first if passed else None,
        "issued_date": {"day": 1, "month": 1, "year": 2020} if passed else None,
        "issuing_country": "US" if passed else None,
        "last_name": last if passed else None,
        "sex": None,
        "status": "verified" if passed else "unverified",
        "type": "driving_license" if passed else None,
        "unparsed_place_of_birth": None,
        "unparsed_sex": None,
    }
    fields: dict[str, Any] = {"document": document, "options": session["options"] or {}}
    if session["type"] == "id_number":
        fields = {
            "id_number": {"error": None if passed else {"code": "id_number_mismatch", "reason": failed["reason"]},
                          "first_name": first if passed else None, "id_number_type": "us_ssn" if passed else None,
                          "last_name": last if passed else None, "status": document["status"]},
            "options": session["options"] or {},
        }  # fmt: skip
    elif (session["options"] or {}).get("document", {}).get("require_matching_selfie"):
        fields["selfie"] = {"document": document["files"][0], "error": None, "selfie": f"file_1{ctx.token(23)}",
                            "status": document["status"]}  # fmt: skip
    outputs = {"address": address, "email": None, "first_name": first, "id_number_type": None, "last_name": last,
               "phone": None, "sex": None, "unparsed_place_of_birth": None, "unparsed_sex": None}  # fmt: skip
    return new(
        ctx,
        "identity.verification_report",
        client_reference_id=session["client_reference_id"],
        type=session["type"],
        verification_session=session.id,
        _outputs=outputs if passed else None,
        **fields,
    )


def _options(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    given = (body.get("options") or {}).get("document")
    return {kind: dict(given or {})} if kind == "document" else {kind: {}}


def _must_be(found: Entity, action: str, *allowed: str) -> None:
    if found["status"] not in allowed:
        raise Refusal(400, None, _CANNOT.format(action=action, status=found["status"]))


def _by_token(ctx: Context, token: str) -> Entity:
    found = next(iter(ctx.list("identity.verification_session", limit=1, _token=token)), None)
    if found is None:
        raise Refusal.of("unknown_url")
    return found


def _back(found: Entity) -> Response:
    place = found.get("_return_url")
    if place:
        return Response(303, None, {"Location": str(place)})
    return Response(200, "You may close this page.\n", {"Content-Type": "text/plain; charset=utf-8"})
