"""Imports and exports: accepted at once, done a minute later. What they would read or write lies in another service."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, job, operation

from .contact_lists import get as get_list
from .paging import paged
from .refusals import absent, invalid
from .times import seconds

_TAKES = 60_000


def _get(ctx: Context, kind: str, job_id: str) -> Entity:
    found = ctx.find(kind, job_id)
    if found is None:
        raise absent(ctx, "", f"Job {job_id} does not exist.")
    return found


@job("run")
def run(ctx: Context, payload: dict[str, Any]) -> None:
    """Finish a job. An import has nothing to read: the file's store isn't here."""
    found = ctx.find(payload["kind"], payload["job"])
    if found is None or found["status"] != "CREATED":
        return
    if payload["kind"] == "export_job":
        ctx.update(found, status="COMPLETED", done=ctx.now_ms())
        return
    ctx.update(found, status="FAILED", done=ctx.now_ms(), error="The data source could not be read.")


def _times(found: Entity) -> dict[str, Any]:
    done = {"CompletedTimestamp": seconds(found["done"])} if found["done"] is not None else {}
    return {"CreatedTimestamp": seconds(found["made"]), **done}


@operation("POST /v2/email/import-jobs")
def create_import(ctx: Context) -> dict[str, Any]:
    """Import contacts or suppressed addresses."""
    destination = ctx.body["ImportDestination"]
    if len(destination) != 1:
        raise invalid(ctx, "Exactly one import destination must be specified.")
    if "ContactListDestination" in destination:
        get_list(ctx, destination["ContactListDestination"]["ContactListName"])
    made = ctx.create(
        "import_job", destination=destination, source=ctx.body["ImportDataSource"], status="CREATED", made=ctx.now_ms(), done=None,
        error=None,
    )  # fmt: skip
    ctx.schedule(_TAKES, "run", {"kind": "import_job", "job": made.id})
    return {"JobId": made.id}


@operation("GET /v2/email/import-jobs/{JobId}")
def read_import(ctx: Context, JobId: str) -> dict[str, Any]:  # noqa: N803 - the document's own name
    """How far an import is."""
    found = _get(ctx, "import_job", JobId)
    return {
        "JobId": found.id, "ImportDestination": found["destination"], "ImportDataSource": found["source"], "JobStatus": found["status"],
        **_times(found), **({"FailureInfo": {"ErrorMessage": found["error"]}} if found["error"] else {}), "ProcessedRecordsCount": 0,
        "FailedRecordsCount": 0,
    }  # fmt: skip


@operation("POST /v2/email/import-jobs/list")
def index_imports(ctx: Context) -> dict[str, Any]:
    """The imports, the newest first."""
    key = {"SUPPRESSION_LIST": "SuppressionListDestination", "CONTACT_LIST": "ContactListDestination"}.get(
        ctx.body.get("ImportDestinationType", "")
    )
    rows = [one for one in ctx.list("import_job") if key is None or key in one["destination"]]
    page, more = paged(ctx, rows, lambda one: one.id)
    shown = [
        {"JobId": one.id, "ImportDestination": one["destination"], "JobStatus": one["status"],
         "CreatedTimestamp": seconds(one["made"]), "ProcessedRecordsCount": 0, "FailedRecordsCount": 0}
        for one in page
    ]  # fmt: skip
    return {"ImportJobs": shown, **more}


@operation("POST /v2/email/export-jobs")
def create_export(ctx: Context) -> dict[str, Any]:
    """Export metrics or what became of messages."""
    source = ctx.body["ExportDataSource"]
    if len(source) != 1:
        raise invalid(ctx, "Exactly one export data source must be specified.")
    kind = "METRICS_DATA" if "MetricsDataSource" in source else "MESSAGE_INSIGHTS"
    made = ctx.create(
        "export_job",
        destination=ctx.body["ExportDestination"],
        source=source,
        type=kind,
        status="CREATED",
        made=ctx.now_ms(),
        done=None,
    )
    ctx.schedule(_TAKES, "run", {"kind": "export_job", "job": made.id})
    return {"JobId": made.id}


@operation("GET /v2/email/export-jobs/{JobId}")
def read_export(ctx: Context, JobId: str) -> dict[str, Any]:  # noqa: N803 - as above
    """How far an export is."""
    found = _get(ctx, "export_job", JobId)
    return {
        "JobId": found.id, "ExportSourceType": found["type"], "JobStatus": found["status"], "ExportDestination": found["destination"],
        "ExportDataSource": found["source"], **_times(found), "Statistics": {"ProcessedRecordsCount": 0, "ExportedRecordsCount": 0},
    }  # fmt: skip


@operation("PUT /v2/email/export-jobs/{JobId}/cancel")
def cancel_export(ctx: Context, JobId: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Stop an export that isn't done yet."""
    found = _get(ctx, "export_job", JobId)
    if found["status"] != "CREATED":
        raise Refusal(400, "BadRequestException", f"Job {JobId} is {found['status']} and can't be cancelled.")
    ctx.update(found, status="CANCELLED", done=ctx.now_ms())
    return {}


@operation("POST /v2/email/list-export-jobs")
def index_exports(ctx: Context) -> dict[str, Any]:
    """The exports, the newest first."""
    wanted = {"type": ctx.body.get("ExportSourceType"), "status": ctx.body.get("JobStatus")}
    rows = [one for one in ctx.list("export_job") if all(value in {None, one[name]} for name, value in wanted.items())]
    page, more = paged(ctx, rows, lambda one: one.id)
    shown = [
        {"JobId": one.id, "ExportSourceType": one["type"], "JobStatus": one["status"], **_times(one)} for one in page
    ]
    return {"ExportJobs": shown, **more}
