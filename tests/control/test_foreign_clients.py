"""Clients and linters that nobody here wrote, made for any API that has an OpenAPI document."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from childproof.control.api import described
from tests.npm import NoNpm, package

from .conftest import Server

# openapi-fetch takes paths and parameters as the document has them.
PROGRAM = """
import createClient from "openapi-fetch";
const [baseUrl, token] = process.argv.slice(2);
const api = createClient({ baseUrl, headers: { authorization: `Bearer ${token}` } });
const path = { world: "foreign:1" };
const told = [];
const made = await api.POST("/v1/worlds", { body: { name: "foreign/1", clock: "frozen@2026-01-05T09:00:00Z" } });
told.push(made.response.status, made.response.headers.get("location"), made.data.calls);
told.push((await api.PATCH("/v1/worlds/{world}/clock", { params: { path }, body: { advance: "30d" } })).data.now);
told.push((await api.POST("/v1/worlds/{world}/fork", { params: { path }, body: { name: "foreign/2", at: 1 } })).data.base);
const page = await api.GET("/v1/worlds/{world}/calls", { params: { path, query: { limit: 5 } } });
told.push(page.data.calls.length, page.data.next);
const again = await api.POST("/v1/worlds/{world}/fork", { params: { path }, body: { name: "foreign/2" } });
told.push(again.error.status, again.error.errors[0].pointer);
const gone = await api.DELETE("/v1/worlds/{world}", { params: { path, query: { with_children: true } } });
told.push(gone.data.deleted);
console.log(JSON.stringify(told));
"""


def installed(name: str, version: str) -> Path:
    """A package's folder, or a skip that says why."""
    try:
        return package(name, version)
    except NoNpm as reason:
        pytest.skip(str(reason))


def test_openapi_fetch_goes_by_the_document(server: Server) -> None:
    """Makes a world, lets time pass, forks, lists calls, is refused with the field, and deletes."""
    folder = installed("openapi-fetch", "0.17.0").parent.parent
    program = folder / f"worlds-{os.getpid()}.mjs"
    program.write_text(PROGRAM)
    try:
        command = ["node", str(program), server.url, server.token]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    finally:
        program.unlink()
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [
        201, "/v1/worlds/foreign:1", 0, "2026-02-04T09:00:00.000Z", 1, 1, None, 409, "/name", ["foreign/1", "foreign/2"],
    ]  # fmt: skip


def test_redocly_has_no_complaint(tmp_path: Path) -> None:
    """Under its recommended rules, neither errors nor warnings."""
    redocly = installed("@redocly/cli", "2.77.0") / "bin" / "cli.js"
    (tmp_path / "openapi.json").write_text(json.dumps(described()))
    environ = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}
    command = ["node", str(redocly), "lint", "--format", "json", "openapi.json"]
    ran = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert json.loads(ran.stdout)["totals"] == {"errors": 0, "warnings": 0, "ignored": 0}, ran.stdout
