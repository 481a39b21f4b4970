"""Files: uploads for a purpose, and their contents, which live at files.stripe.com."""

from dataclasses import dataclass

from childproof.stubkit import Context, Entity, Refusal, Response, Upload, operation

from .fields import tell
from .file_links import link_to, links_of

DAY = 86_400
KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class Purpose:
    """What may be uploaded for a purpose: file types, bytes; for how many days; whether it can be read back."""

    types: tuple[str, ...]
    most: int
    days: int = 0  # 0: it never expires
    readable: bool = True


_PAPER = ("pdf", "jpg", "png")
# https://docs.stripe.com/file-upload
PURPOSES = {
    "account_requirement": Purpose(_PAPER, 64 * MIB, readable=False),
    "additional_verification": Purpose(_PAPER, 64 * MIB, readable=False),
    "business_icon": Purpose(("jpg", "png", "gif"), 512 * KIB),
    "business_logo": Purpose(("jpg", "png", "gif"), 512 * KIB),
    "customer_signature": Purpose(("jpg", "png", "svg"), 4 * MIB, days=7),
    "dispute_evidence": Purpose(_PAPER, 5 * MIB, days=274),
    "identity_document": Purpose(_PAPER, 32 * MIB, readable=False),
    "issuing_regulatory_reporting": Purpose(("json",), 256 * KIB, days=730),
    "pci_document": Purpose(("pdf",), 16 * MIB),
    "platform_terms_of_service": Purpose(("pdf", "txt", "md"), 64 * MIB, readable=False),
    "tax_document_user_upload": Purpose(("pdf", "csv", "jpg", "png", "xlsx", "docx"), 16 * MIB),
}
_ANYTHING = Purpose((), 64 * MIB)
_BEGINNINGS = (
    (b"%PDF-", "pdf"), (b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpg"), (b"GIF87a", "gif"), (b"GIF89a", "gif"),
)  # fmt: skip
_SAME = {"jpeg": "jpg", "markdown": "md", "text": "txt", "svg+xml": "svg"}
_MEDIA = {
    "pdf": "application/pdf", "png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "svg": "image/svg+xml",
    "json": "application/json", "csv": "text/csv", "txt": "text/plain", "md": "text/markdown",
}  # fmt: skip


@operation("POST /v1/files")
def create(ctx: Context) -> Entity:
    """Upload a file; with `file_link_data` a link to it, too."""
    upload = ctx.file("file")
    wanted = ctx.body["purpose"]
    purpose, kind = PURPOSES.get(wanted, _ANYTHING), file_type(upload)
    if purpose.types and kind not in purpose.types:
        allowed = ", ".join(purpose.types)
        message = (
            f"The file type {kind or 'unknown'} is not supported for the purpose {wanted}. Supported types: {allowed}."
        )
        raise Refusal(400, None, message, param="file")
    if len(upload.data) > purpose.most:
        raise Refusal(
            400, None, f"File is too large: files for the purpose {wanted} may have {purpose.most} bytes.", param="file"
        )
    made = ctx.create(
        "file",
        filename=upload.filename or "file",
        purpose=wanted,
        size=len(upload.data),
        type=kind or None,
        expires_at=ctx.now() + purpose.days * DAY if purpose.days else None,
    )
    link = ctx.body.get("file_link_data") or {}
    url = f"https://files.stripe.com/v1/files/{made.id}/contents" if purpose.readable else None
    made = ctx.update(made, url=url, links=links_of(ctx, made.id))
    ctx.attach(made, Upload("", made["filename"], _MEDIA.get(kind, "application/octet-stream"), upload.data))
    if link.get("create"):
        link_to(ctx, made, link.get("expires_at"), link.get("metadata"))
        made = ctx.update(made, links=links_of(ctx, made.id))
    tell(ctx, "file.created", made)
    return made


@operation("GET /v1/files/{file}/contents")
def contents(ctx: Context, file: str) -> Response:
    """What was uploaded, but for identity documents and the like, which nobody gets back."""
    found = ctx.get("file", file)
    if found["url"] is None:
        raise Refusal(403, None, "You do not have permission to download this file.")
    if found["expires_at"] is not None and found["expires_at"] <= ctx.now():
        raise ctx.not_found("file", file)
    return ctx.download(found)


def file_type(upload: Upload) -> str:
    """What a file is: by how it begins, else by what its name ends in; "" where neither tells."""
    kind = next((kind for start, kind in _BEGINNINGS if upload.data.startswith(start)), None)
    if kind is not None:
        return kind
    ending = upload.filename.rpartition(".")[2].lower() if "." in upload.filename else ""
    return _SAME.get(ending, ending)
