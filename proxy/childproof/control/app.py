"""The API as an ASGI application: every request is let in, read, checked, done and answered here, whatever it asks."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from childproof.errors import ChildproofError, InputError, StoreError

from .auth import Door
from .etags import etag_of, fits
from .operation import Answer, Asked, Operation
from .problems import MEDIA, Mistake, Problem, of_input, of_store
from .reading import read_body, read_path, read_query

_encode = msgspec.json.Encoder().encode
Trouble = Callable[[str], None]


def make_app(operations: Sequence[Operation], door: Door, *, trouble: Trouble) -> Starlette:
    """An application for these operations. `trouble` is told of our own errors, which are answered with 500."""
    routes = []
    for path, group in groupby(sorted(operations, key=_place), key=lambda one: one.path):
        methods = {operation.method: operation for operation in group}
        routes.append(Route(path, _Endpoint(methods, door, trouble), methods=None))
    handlers: dict[Any, Any] = {HTTPException: _unrouted(door), Exception: _unrouted(door)}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    app.add_middleware(_Raw)
    return app


class _Raw:
    """Routes by the path as it was sent: a slash within a parameter is written %2F, and doesn't divide."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        if "raw_path" in scope:
            scope = {**scope, "path": scope["raw_path"].partition(b"?")[0].decode("latin-1")}
        await self._app(scope, receive, send)


def _place(operation: Operation) -> tuple[str, str]:
    return operation.path.replace("{", "~"), operation.method  # what is fixed goes before what is a parameter


class _Endpoint:
    """All operations of one path, as an ASGI application: HEAD is answered as GET without a body."""

    def __init__(self, methods: dict[str, Operation], door: Door, trouble: Trouble) -> None:
        self._methods = methods
        self._door = door
        self._trouble = trouble

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        request = Request(scope, receive)
        try:
            response = await self._answered(request)
        except Problem as problem:
            response = _refusal(problem)
        except InputError as error:
            response = _refusal(of_input(error))
        except StoreError as error:
            response = _refusal(of_store(error))
        except ChildproofError as error:
            response = _refusal(Problem(409, "refused", str(error)))
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 (whatever it is: whoever asks is told, and the next one is answered)
            self._trouble(
                f"the control API failed at {request.method} {request.url.path}: {type(error).__name__}: {error}"
            )
            response = _refusal(Problem(500, "internal", f"an error inside childproof: {type(error).__name__}"))
        await response(scope, receive, send)

    async def _answered(self, request: Request) -> Response:
        operation = self._methods.get("GET" if request.method == "HEAD" else request.method)
        self._door.check(request, anybody=operation is not None and operation.open)
        if operation is None:
            allowed = ", ".join(sorted({*self._methods, *(["HEAD"] if "GET" in self._methods else [])}))
            raise Problem(405, "method", f"only {allowed} here", headers=[("allow", allowed)])
        asked = Asked(
            read_path(request.path_params),
            read_query(request.query_params.multi_items(), operation.query),
            await read_body(request, operation.body),
            dict(request.headers),
        )
        answer = operation.handler(asked)
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, Response):
            return Response(None, answer.status_code, dict(answer.headers)) if request.method == "HEAD" else answer
        return _response(answer, operation, asked.headers.get("if-none-match", ""))


def _response(answer: Any, operation: Operation, seen: str) -> Response:
    """`seen` are the ETags of what the client has."""
    if not isinstance(answer, Answer):
        answer = Answer(answer)
    status, headers = answer.status or operation.status, dict(answer.headers)
    if status == 204:
        return Response(status_code=204, headers=headers)
    content = _encode(answer.value) if answer.raw is None else answer.raw
    if not operation.tagged:
        return Response(content, status, {"cache-control": "no-store", **headers}, media_type=answer.media)
    headers = {"cache-control": "no-cache", "etag": etag_of(content), **headers}
    if fits(seen.replace("W/", ""), headers["etag"]):
        return Response(status_code=304, headers=headers)
    return Response(content, status, headers, media_type=answer.media)


def _refusal(problem: Problem) -> Response:
    return Response(
        _encode(problem.as_json()), problem.status, {"cache-control": "no-store", **problem.headers}, media_type=MEDIA
    )


def _unrouted(door: Door) -> Callable[[Request, Exception], Awaitable[Response]]:
    """What has no route: nothing there. Who has no token isn't told even that."""

    async def answered(request: Request, error: Exception) -> Response:
        try:
            door.check(request)
        except Problem as problem:
            return _refusal(problem)
        status = error.status_code if isinstance(error, HTTPException) else 500
        if status == 404:
            found = Mistake("", request.url.path[:200], "a path of /v1/openapi.json")
            return _refusal(Problem(404, "not_found", "there is nothing at this path", mistakes=[found]))
        return _refusal(Problem(status, "internal", "the request could not be taken"))

    return answered
