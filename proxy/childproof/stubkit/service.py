"""A stub's compiled whole: what every call of it shares. And the plan of one operation, made on its first call."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Literal

import msgspec

from childproof.model import Call, Fidelity, replace

from .access.auth import Auth
from .declared.manifest import Manifest
from .declared.registry import Registry
from .declared.resources import Resource
from .declared.settings import Settings, settings
from .document.openapi import OpenApi, Operation
from .document.routing import Router
from .document.selecting import Selectors
from .document.shape import Shapes, properties, underlined
from .events.events import Events
from .generic.homes import Finder, Home, home_of
from .ids import compile_id
from .inference.infer import ON_ITEM, Action, Inference, Inferred
from .outcome.outcome import Outcome, compile_outcomes
from .reply.conformance import Conformance
from .reply.errors import ErrorDialect
from .reply.expand import Expander
from .reply.filtering import Filtering, filtering
from .reply.lists import ListDialect, list_dialect
from .reply.xmlreply import ERRORS, XmlReplies, queried
from .request.older_rules import OlderRules
from .request.parameters import OuterReader, outer_reader
from .request.request import RequestReader, reader
from .seeding.recipes import Recipe
from .streams.messages import Codec, Descriptors, PlainCodec

Behaviour = Callable[..., Any]
NO_OLDER = OlderRules()
_DECLARED = frozenset({"move", "set", "emit", "reply", "download", "async", "batch"})
_WRAPPED = frozenset({"create", "retrieve", "update", "replace", "act", "delete"})


class Behaviours(msgspec.Struct, frozen=True):
    """The functions of a stub's Python files, by what they were declared for."""

    operations: Mapping[str, Behaviour] = msgspec.field(default_factory=dict)
    receivers: Mapping[str, Behaviour] = msgspec.field(default_factory=dict)
    jobs: Mapping[str, Behaviour] = msgspec.field(default_factory=dict)
    expansions: Mapping[str, Behaviour] = msgspec.field(default_factory=dict)  # by `resource.field`
    recipes: Mapping[str, Recipe] = msgspec.field(default_factory=dict)  # by the key of a world file's section
    sockets: Mapping[str, Behaviour] = msgspec.field(default_factory=dict)  # by path template
    rpcs: Mapping[str, Behaviour] = msgspec.field(default_factory=dict)  # by path
    finders: Mapping[str, Finder] = msgspec.field(default_factory=dict)  # by path template
    planters: Mapping[str, Behaviour] = msgspec.field(default_factory=dict)  # by the order in which they plant
    hearers: Mapping[str, Behaviour] = msgspec.field(default_factory=dict)  # by event type, or `*`
    package: str = ""  # of their modules, in this process


class Plan(msgspec.Struct, frozen=True):
    """How one operation is answered: read, checked, acted on. Everything that can be known before a call."""

    operation: Operation
    reader: RequestReader
    outer: OuterReader | None  # parameters in the path, in headers and cookies
    action: Action
    resource: Resource | None
    parents: tuple[tuple[str, str, Resource | None], ...]
    item: str  # the path parameter that holds the entity's id; "" for collections
    lists: ListDialect
    filtering: Filtering
    behaviour: Behaviour | None
    declared: Mapping[str, Any] | None
    request_fields: frozenset[str]
    wrap: str  # the key around a replied entity, "" for none
    unwrap: str  # the key around a request's fields, "" for none
    view: str  # the schema by which the reply shows the entity, where it isn't the entity's own
    change: Mapping[str, Any]  # what an action sets by itself
    upsert: bool  # a replacement makes what isn't there
    documented: frozenset[str]  # the document's own names that begin as those do which only the stub knows
    reply_schema: dict[str, Any] | None
    fidelity: Fidelity
    home: Home | None = None  # what the path begins with, where a function of the stub's finds it
    by: str = ""  # the argument that holds the entity's id, where the path doesn't
    where: Mapping[str, str] = msgspec.field(default_factory=dict)  # fields, each with the argument that it equals


class Service:
    """Everything that a stub's files say, compiled; immutable but for what it works out lazily."""

    def __init__(
        self,
        manifest: Manifest,
        api: OpenApi | None,
        behaviours: Behaviours,
        seeds: Mapping[str, Any],
        *,
        descriptors: Descriptors | None = None,
        older: OlderRules = NO_OLDER,
    ) -> None:
        self.name = manifest.name
        self.manifest = manifest
        self.host = manifest.hosts[0].removeprefix("*.") if manifest.hosts[0] != "*" else "any.example"
        self.api = api
        self.behaviours = behaviours
        self.seeds = seeds
        self.inference = Inference(api) if api is not None else None
        dialect = manifest.dialect
        self._queried = api is not None and queried(api)
        forms = {"forms": "dots"} if self._queried else {}
        self.settings: Settings = settings({**forms, **dialect}, inferred_body=self._body_style())
        self.registry = Registry(manifest.name, manifest.resources, self.settings, api, self.inference)
        self.events = Events(manifest.name, manifest.events, self.settings.indent)
        named = self.events.resource
        self.event_id = self.registry.named(named).new_id if named else compile_id("evt_{alnum:24}")
        self.outcomes: tuple[Outcome, ...] = compile_outcomes(manifest.outcomes)
        self.shapes = Shapes(api, self.settings.metadata)
        self.base = manifest.base if manifest.base is not None else api.base if api is not None else ""
        self.auth = Auth(manifest.name, manifest.auth, api, self.base)
        self.expander = Expander(
            self.registry, api, self.settings.expand, self.settings.expand_depth, behaviours.expansions
        )
        self._lists: Mapping[str, Any] = dialect.get("lists", {})
        self._plans: dict[tuple[str, str], Plan] = {}
        self._descriptors = descriptors
        self.older = older

    @cached_property
    def unexpanded(self) -> Mapping[str, frozenset[str]]:
        """By resource, the fields that a stub's `@expands` makes: they are never stored."""
        found: dict[str, set[str]] = {}
        for name in self.behaviours.expansions:
            resource, _, field_name = name.rpartition(".")
            found.setdefault(resource, set()).add(field_name)
        return {resource: frozenset(names) for resource, names in found.items()}

    def codec(self, path: str) -> Codec:
        """How the messages of a gRPC method are read and written."""
        return self._descriptors.codec(path) if self._descriptors is not None else PlainCodec()

    @cached_property
    def socket_paths(self) -> Router:
        """The path templates of the stub's WebSockets."""
        return Router(self.behaviours.sockets)

    @cached_property
    def errors(self) -> ErrorDialect:
        """The error dialect; its body from the document's error schema where nothing is written."""
        written = self.manifest.dialect.get("errors", ERRORS if self._queried else {})
        inferred = self.inference.error_body() if "body" not in written and self.inference is not None else None
        return ErrorDialect(written, inferred_body=inferred, dots=self.settings.dots)

    def errors_at(self, path: str) -> ErrorDialect:
        """The error dialect of calls of a path: `errors.paths` may have others for what begins so."""
        for prefix, errors in self._errors_below.items():
            if path == prefix or path.startswith(f"{prefix}/"):
                return errors
        return self.errors

    @cached_property
    def _errors_below(self) -> Mapping[str, ErrorDialect]:
        below: Mapping[str, Any] = self.manifest.dialect.get("errors", {}).get("paths", {})
        return {prefix: ErrorDialect(written, dots=self.settings.dots) for prefix, written in below.items()}

    @cached_property
    def xml(self) -> XmlReplies | None:
        """How replies are written that the document has in XML; None where they are left as behaviour makes them."""
        written = self.manifest.dialect.get("xml", {} if self._queried else None)
        return XmlReplies(self.api, written) if written is not None and self.api is not None else None

    @cached_property
    def _selectors(self) -> Selectors:
        return Selectors(self.api.paths if self.api is not None else ())

    @cached_property
    def conformance(self) -> Conformance | None:
        """Whether replies are as the document says; None without a document."""
        said = self.settings.procedures.success if self.settings.procedures is not None else {}
        return Conformance(self.api, xml=self.xml, success=said) if self.api is not None else None

    def find(self, call: Call) -> tuple[Plan, dict[str, str]] | None:
        """The plan for a call and its path parameters; None for what the document doesn't have."""
        if self.api is None:
            return None
        method = "GET" if call.method == "HEAD" else call.method
        for path in self._selectors.paths(call) if self._selectors else ():
            found = self.api.route(method, path, call.host, self.base)
            plan = self.plan(method, found[0]) if found is not None else None
            if found is not None and plan is not None:
                return plan, found[1]
        found = self.api.route(method, call.path, call.host, self.base)
        if (
            found is None and call.stub and self.api.hosted is not None
        ):  # the stub's own address stands for all its hosts
            elsewhere = (self.api.route(method, call.path, host, self.base) for host in self.api.hosted.hosts)
            found = next(filter(None, elsewhere), None)
        if found is None:
            return None
        plan = self.plan(self._known_method(method, found[0]), found[0])
        return None if plan is None else (plan, found[1])

    def _known_method(self, method: str, path: str) -> str:
        """The method by which the document has an operation that is called by one: procedures take several."""
        dialect = self.settings.procedures
        if dialect is None or self.api is None or method not in dialect.methods or not dialect.takes(path):
            return method
        known = self.api.methods(path)
        return method if method in known else next((one for one in known if one in dialect.methods), method)

    def address(self, operation: Operation) -> tuple[str, str]:
        """The host that answers an operation, and what stands before its path there."""
        hosted = self.api.hosted if self.api is not None else None
        found = hosted.home(operation.method, operation.path) if hosted is not None else None
        return found or (self.host, self.base)

    def plan(self, method: str, path: str) -> Plan | None:
        """The plan of an operation of the document; None where it has none."""
        key = (method, path)
        plan = self._plans.get(key)
        if plan is None and self.api is not None:
            operation = self.api.operation(method, path)
            if operation is not None:
                plan = self._plans[key] = self._compile(operation)
        return plan

    def fidelity(self, operation: Operation) -> Fidelity:
        """How much thought stands behind an operation's replies; without planning it."""
        assert self.inference is not None
        declared = self.manifest.operations.get(operation.name)
        action = (declared or {}).get("action", self.inference.operation(operation).action)
        return _fidelity(self.behaviours.operations.get(operation.name), declared, action)

    def list_dialect(self, operation: Operation | None) -> ListDialect:
        """How an operation lists: as written, the rest as its parameters and reply tell."""
        inferred = (
            self.inference.lists(operation) if self.inference is not None and operation is not None else ListDialect()
        )
        return list_dialect(self._lists, inferred) if self._lists else inferred

    def _compile(self, operation: Operation) -> Plan:
        assert self.api is not None
        assert self.inference is not None
        declared = self.manifest.operations.get(operation.name)
        inferred = self.inference.operation(operation)
        action, resource = self._bind(operation, inferred, declared)
        item = operation.path_parameters[-1] if operation.path_parameters and _on_item(operation, action) else ""
        said: Mapping[str, Any] = declared or {}
        parents = self.registry.parents(resource, operation.path, item=bool(item)) if resource is not None else ()
        home = home_of(operation.path, self.behaviours.finders, on_item=bool(item))
        if home is not None:
            parents = tuple(parent for parent in parents if parent[0] not in home.names)
        behaviour = self.behaviours.operations.get(operation.name)
        wrap = said.get("wrap", self.inference.wrapper(operation) if action in _WRAPPED else "")
        unwrap = self.inference.request_wrapper(operation, wrap) if action in _WRAPPED else ""
        body = operation.request_schema
        if body is not None and unwrap:
            body = properties(self.api, body).known[unwrap]
        lists = self.list_dialect(operation)
        if "items" in said:
            lists = replace(lists, items=said["items"])
        errors = self.errors_at(operation.path)
        return Plan(
            operation=operation,
            outer=outer_reader(self.api, operation, errors, self.auth.parameter),
            reader=reader(
                self.api,
                operation,
                self.settings,
                errors,
                self.older.operations.get(operation.name, ()),
                self.older.header,
                self.auth.parameter,
            ),
            action=action,
            resource=resource,
            parents=parents,
            item=item,
            lists=lists,
            filtering=filtering(
                self.api,
                operation,
                self.shapes.properties(resource.schema).known if resource is not None else {},
                filters=resource.filters if resource is not None else None,
                sort=self._lists.get("sort", {}),
                paging=lists.parameters | {self.settings.expand},
                time=self.settings.time,
            ),
            behaviour=behaviour,
            declared=declared,
            request_fields=frozenset(properties(self.api, body).known) if body is not None else frozenset(),
            wrap=wrap,
            unwrap=unwrap,
            view=inferred.view if action == inferred.action else "",
            change=self.inference.change(operation) if action == "act" else {},
            upsert=action == "replace" and not self._created(inferred.collection),
            documented=self._underlined(operation.reply_schema, resource),
            reply_schema=operation.reply_schema,
            fidelity=_fidelity(behaviour, declared, action),
            home=home,
            by=said.get("by", ""),
            where=said.get("where", {}),
        )

    def _bind(
        self, operation: Operation, inferred: Inferred, declared: Mapping[str, Any] | None
    ) -> tuple[Action, Resource | None]:
        action: Action = inferred.action
        resource = self.registry.of_schema(inferred.schema, inferred.collection) if inferred.schema else None
        if declared is not None:
            action = declared.get("action", action)
            if "resource" in declared:
                resource = self.registry.named(declared["resource"])
            elif "action" not in declared and operation.path_parameters:
                resource = self.registry.of_parameter(operation.path, operation.path_parameters[-1]) or resource
        return action, resource

    def _underlined(self, reply: dict[str, Any] | None, resource: Resource | None) -> frozenset[str]:
        assert self.api is not None
        found = underlined(self.api, reply) if reply is not None else set()
        found.update(self.shapes.properties(resource.schema).known if resource is not None else ())
        return frozenset(name for name in found if name.startswith("_"))

    def _created(self, collection: str) -> bool:
        """Whether an operation of its own creates what a collection holds."""
        assert self.api is not None
        operation = self.api.operation("POST", collection)
        return (
            operation is not None
            and self.inference is not None
            and self.inference.operation(operation).action == "create"
        )

    def _body_style(self) -> Literal["json", "form"]:
        """Forms where the document's operations take forms, JSON otherwise; seen from its first request body."""
        if self.api is None:
            return "json"
        for path in self.api.paths:
            for method in self.api.methods(path):
                operation = self.api.operation(method, path)
                if operation is not None and operation.request_schema is not None and method != "GET":
                    return "form" if "form" in operation.request_type else "json"
        return "json"


def _on_item(operation: Operation, action: Action) -> bool:
    return (operation.path.endswith("}") and action == "none") or action in ON_ITEM


def _fidelity(behaviour: Behaviour | None, declared: Mapping[str, Any] | None, action: Action) -> Fidelity:
    if behaviour is not None or (declared is not None and declared.keys() & _DECLARED):
        return Fidelity.MODELLED
    return Fidelity.SYNTHESIZED if action == "none" else Fidelity.GENERIC
