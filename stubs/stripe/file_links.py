"""File links: addresses at which anybody may read a file, until they expire."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, job, merged_metadata, operation

from .fields import generic, new, short_list

# https://docs.stripe.com/api/file_links/create
LINKABLE = frozenset({
    "business_icon", "business_logo", "customer_signature", "dispute_evidence", "finance_report_run",
    "financial_account_statement", "identity_document_downloadable", "issuing_regulatory_reporting", "pci_document",
    "selfie", "sigma_scheduled_query", "tax_document_user_upload", "terminal_android_apk", "terminal_reader_splashscreen",
})  # fmt: skip


@operation("POST /v1/file_links")
def create(ctx: Context) -> Entity:
    """Make a link to a file of a purpose that allows it."""
    file = ctx.get("file", ctx.body["file"], param="file")
    return link_to(ctx, file, ctx.body.get("expires_at"), ctx.body.get("metadata"))


@operation("POST /v1/file_links/{link}")
def update(ctx: Context, link: str) -> Entity:
    """Change when a link expires (`now`, later, or with an empty text never), and its metadata."""
    found, fields = ctx.get("file_link", link), dict[str, Any]()
    if "expires_at" in ctx.body:
        if found["expired"]:
            raise Refusal(400, None, "This link has expired and can no longer be changed.", param="expires_at")
        wanted = ctx.body["expires_at"]
        fields = {"expires_at": ctx.now(), "expired": True} if wanted == "now" else {"expires_at": _later(ctx, wanted)}
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(found["metadata"], ctx.body["metadata"])
    changed = ctx.update(found, **fields)
    _expire_later(ctx, changed)
    return changed


@operation("GET /v1/file_links")
def list_links(ctx: Context) -> dict[str, Any]:
    """All links, the newest first; by file, by whether they have expired."""
    return generic(ctx)


@operation("GET /links/{token}")
def open_link(ctx: Context, token: str) -> Response:
    """The file behind a link, at files.stripe.com, for whoever has the address."""
    link = next(iter(ctx.list("file_link", _token=token, expired=False)), None)
    if link is None:
        return Response(
            404, "Sorry, this link is not valid or has expired.", {"Content-Type": "text/plain; charset=utf-8"}
        )
    return ctx.download(ctx.get("file", link["file"]))


@job("expire_file_link")
def expire(ctx: Context, payload: dict[str, Any]) -> None:
    """Mark a link whose time has come, unless that was changed meanwhile."""
    link = ctx.find("file_link", payload["link"])
    if link is not None and link["expires_at"] is not None and link["expires_at"] <= ctx.now():
        ctx.update(link, expired=True)


def link_to(ctx: Context, file: Entity, expires_at: Any, metadata: Any) -> Entity:
    """Make a link to a file. Raises Refusal for a purpose whose files can't be linked to."""
    if file["purpose"] not in LINKABLE:
        message = f"You cannot create a file link for a file with the purpose {file['purpose']}."
        raise Refusal(400, None, message, param="file")
    token = f"MDB8YWNjdF8x{ctx.token(44)}"
    link = new(
        ctx,
        "file_link",
        file=file.id,
        expired=False,
        expires_at=_later(ctx, expires_at) if expires_at is not None else None,
        metadata=merged_metadata({}, metadata),
        url=f"https://files.stripe.com/links/{token}",
        _token=token,
    )
    _expire_later(ctx, link)
    return link


def links_of(ctx: Context, file: str) -> dict[str, Any]:
    """The list of a file's links, as the file shows it."""
    newest = ctx.list("file_link", file=file, limit=11)
    return short_list(newest, f"/v1/file_links?file={file}")


def _later(ctx: Context, wanted: Any) -> int | None:
    if wanted in {"", None}:
        return None
    if not isinstance(wanted, int) or wanted <= ctx.now():
        raise Refusal(400, None, "The expiration date must be in the future.", param="expires_at")
    return wanted


def _expire_later(ctx: Context, link: Entity) -> None:
    if link["expires_at"] is not None and not link["expired"]:
        ctx.schedule((link["expires_at"] - ctx.now()) * 1000, "expire_file_link", {"link": link.id})
