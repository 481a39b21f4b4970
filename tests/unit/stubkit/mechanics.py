"""A stub of things and jobs, to which a test adds the mechanism that it is about."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from childproof.stubkit.folder.loading import load_stub
from childproof.world.clock import ClockSettings
from childproof.world.store import Store

from .conftest import START, Caller

TEXT = {"type": "string"}
THING = {"id": TEXT, "name": TEXT, "size": {"type": "integer"}, "updated_at": {"type": "string", "format": "date-time"}}
JOB = {"id": TEXT, "status": TEXT, "thing": {"type": ["string", "null"]}, "problem": {"type": ["object", "null"]}}


def write(home: Path, **manifest: Any) -> Path:
    """Things and jobs; `POST /batch` takes whatever comes."""

    def json_of(name: str) -> dict[str, Any]:
        return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}

    def one(name: str) -> dict[str, Any]:
        return {"200": {"description": "", **json_of(name)}}

    given = [{"name": "thing", "in": "path", "required": True, "schema": TEXT}]
    listed = {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Things", "version": "1"},
        "paths": {
            "/things": {
                "get": {"responses": {"200": {"description": "", "content": {"application/json": {"schema": listed}}}}},
                "post": {"requestBody": json_of("NewThing"), "responses": one("Thing")},
            },
            "/things/{thing}": {
                "get": {"parameters": given, "responses": one("Thing")},
                "put": {"parameters": given, "requestBody": json_of("NewThing"), "responses": one("Thing")},
                "patch": {"parameters": given, "requestBody": json_of("NewThing"), "responses": one("Thing")},
                "delete": {"parameters": given, "responses": {"204": {"description": ""}}},
            },
            "/jobs": {"post": {"requestBody": json_of("Job"), "responses": one("Job")}},
            "/jobs/{job}": {"get": {"parameters": [{**given[0], "name": "job"}], "responses": one("Job")}},
            "/batch": {"post": {"requestBody": {"content": {"application/json": {"schema": {}}}},
                                "responses": {"200": {"description": ""}}}},
        },
        "components": {
            "schemas": {
                "Thing": {"type": "object", "properties": THING},
                "NewThing": {"type": "object", "required": ["name"],
                             "properties": {"name": TEXT, "size": {"type": "integer"}}},
                "Job": {"type": "object", "properties": JOB},
            }
        },
    }  # fmt: skip
    home.mkdir()
    (home / "openapi.yaml").write_text(yaml.safe_dump(document))
    (home / "stub.yaml").write_text(
        yaml.safe_dump(
            {
                "stub": home.name,
                "hosts": ["things.example"],
                "openapi": "openapi.yaml",
                "auth": {"bearer": "any"},
                "resources": {
                    "thing": {"schema": "Thing", "path": "/things", "id": "{counter}", "unique": ["name"]},
                    "job": {"schema": "Job", "path": "/jobs", "id": "job"},
                },
                **manifest,
            }
        )
    )
    return home


def building(folder: Path) -> Iterator[Callable[..., Caller]]:
    """What makes a stub of things and jobs with some keys of stub.yaml, each time with a world of its own."""
    stores: list[Store] = []

    def build(**manifest: Any) -> Caller:
        stores.append(Store.open(":memory:", wall=lambda: START))
        stores[-1].create("main", seed=7, clock=ClockSettings(START, "frozen"))
        return Caller(load_stub(write(folder / "things", **manifest)), stores[-1])

    yield build
    for store in stores:
        store.close()


def later(caller: Caller, ms: int) -> None:
    """Let time pass; do what was put off."""
    world = caller.store.world("main")
    with world.transaction() as tx:
        until = tx.now() + ms
    while True:
        with world.transaction() as tx:
            job = tx.earliest(until)
            if job is None:
                tx.travel(until)
                return
            tx.travel(max(job.at, tx.now()))
            tx.done(job.id)
            caller.effects = caller.stub.perform(job.job, job.payload, tx)
