"""Files that a service keeps: stored in the world like everything else, so that they fork and roll back with it.

A content is stored once however many entities have it, under its hash, apart from the entities: nothing reads it but a
download. Both kinds of rows belong to a service whose name begins with `_`: what a file changes is told by its entity.
"""

import base64
import hashlib
from typing import Any
from urllib.parse import quote

from childproof.model import BodyError
from childproof.stubkit.declared.resources import Resource
from childproof.stubkit.entity import Entity, Response
from childproof.stubkit.refusal import Refusal
from childproof.stubkit.reply.ranges import asked
from childproof.stubkit.request.uploads import FORM, PLAIN, Upload, media_type, texts, uploads

from .moment import Moment

SERVICE = "_files"
_CONTENT = "content"
LARGEST = 16 * 1024 * 1024  # bytes of one file, where the stub doesn't say otherwise


class Files(Moment):
    """The part of a context that takes and gives files."""

    def file(self, field: str = "") -> Upload:
        """The file that the request brought in a field; without a name, the only one, or the body as a whole.

        Raises the service's refusal of a missing parameter, or of a body that can't be read.
        """
        try:
            found = uploads(self.call)
        except BodyError as error:
            raise Refusal.of("invalid_body", reason=str(error)) from None
        fitting = [upload for upload in found if not field or upload.field in {field, ""}]
        if not fitting:
            raise Refusal.of("missing", param=field or "file")
        return fitting[0]

    def files(self, field: str) -> tuple[Upload, ...]:
        """All files that a form brought in a field, in their order. Raises the service's refusal of a body that can't be read."""
        try:
            return tuple(found for found in uploads(self.call) if found.field == field) if self._is_form() else ()
        except BodyError as error:
            raise Refusal.of("invalid_body", reason=str(error)) from None

    def fields(self) -> tuple[tuple[str, str], ...]:
        """The texts of a form, by name and in their order: a name that comes several times has several. () for no form."""
        try:
            return texts(self.call)
        except BodyError as error:
            raise Refusal.of("invalid_body", reason=str(error)) from None

    def _is_form(self) -> bool:
        return media_type(self.call) == FORM

    def attach(self, entity: Entity, upload: Upload) -> None:
        """Keep a file as an entity's content, in the place of what it had."""
        name = hashlib.sha256(upload.data).hexdigest()
        if self._tx.get(SERVICE, _CONTENT, name) is None:
            self._tx.put(SERVICE, _CONTENT, name, {"data": base64.b64encode(upload.data).decode()})
        row = {"sha256": name, "filename": upload.filename, "type": upload.content_type}
        self._tx.put(SERVICE, self.service, self._place(entity), row)

    def content(self, entity: Entity) -> Upload | None:
        """An entity's content; None where it has none."""
        row = self._tx.get(SERVICE, self.service, self._place(entity))
        stored = None if row is None else self._tx.get(SERVICE, _CONTENT, row["sha256"])
        if row is None or stored is None:
            return None
        return Upload("", row["filename"], row["type"], base64.b64decode(stored["data"]))

    def download(self, source: Entity | Upload, *, inline: bool = False) -> Response:
        """A reply that is a file: an entity's content, or one that behaviour has made.

        Honours Range, If-Range and If-None-Match (RFC 9110). The file is to be saved under its name, unless `inline`.
        An entity without content is the service's own not-found error.
        """
        found = self.content(source) if isinstance(source, Entity) else source
        if found is None:
            assert isinstance(source, Entity)
            raise Refusal.of("not_found", resource=source.resource, value=source.id, id=source.id)
        tag = f'"{hashlib.sha256(found.data).hexdigest()[:32]}"'
        headers = {
            "Content-Type": found.content_type or PLAIN,
            "Content-Disposition": disposition(found.filename, inline=inline),
            "Accept-Ranges": "bytes",
            "ETag": tag,
        }
        known = self.header("if-none-match")
        if known is not None and (
            known.strip() == "*" or tag in {one.strip().removeprefix("W/") for one in known.split(",")}
        ):
            return Response(304, None, {"ETag": tag})
        condition = self.header("if-range")
        wanted = asked(self.header("range"), len(found.data)) if condition in {None, tag} else "none"
        if wanted == "outside":
            return Response(416, b"", {"Content-Range": f"bytes */{len(found.data)}", "Accept-Ranges": "bytes"})
        if wanted == "none":
            return Response(200, found.data, headers)
        first, end = wanted
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(found.data)}"
        return Response(206, found.data[first:end], headers)

    def _place(self, entity: Entity) -> str:
        return f"{self._kind(entity.resource)} {entity.id}"


def received(ctx: Files, resource: Resource) -> tuple[Upload | None, dict[str, Any]]:
    """The file that a creation brought, as `content` of its resource says, and the fields that tell of it.

    (None, {}) for a resource whose entities are no files. Raises Refusal for a missing or too large one.
    """
    content = resource.content
    if not content:
        return None, {}
    upload = ctx.file(content["field"])
    most = int(content.get("max", LARGEST))
    if len(upload.data) > most:
        raise Refusal.of("too_large_file", param=content["field"], limit=most)
    told = {"size": len(upload.data), "filename": upload.filename, "type": upload.content_type}
    return upload, {content[name]: value for name, value in told.items() if name in content}


def disposition(filename: str, *, inline: bool) -> str:
    """A Content-Disposition (RFC 6266); the name in ASCII, and in UTF-8 besides where that isn't all of it."""
    kind = "inline" if inline else "attachment"
    if not filename:
        return kind
    plain = "".join(letter if " " <= letter <= "~" and letter not in '"\\' else "_" for letter in filename)
    text = f'{kind}; filename="{plain}"'
    return text if plain == filename else f"{text}; filename*=UTF-8''{quote(filename, safe='')}"
