"""Loads a stub's Python files: each checked before it runs, all its marks checked after, all faults at once.

The files become modules of a package that exists only in this process (they may import each other relatively); nothing
is put on `sys.path`, and a stub's folder can't shadow anybody's module.
"""

import difflib
import importlib
import inspect
import itertools
import keyword
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, cast

from childproof.errors import Fault
from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.document.routing import parameters
from childproof.stubkit.seeding.recipes import Recipe, RecipeError, recipe
from childproof.stubkit.service import Behaviours

from .marks import ATTRIBUTE, Mark
from .purity import impurities

PROTOCOLS = ("smtp",)
_ARGUMENTS = {"payload": "dict", "entity": "Entity", "options": "Options", "message": "Message | Close | None"}
_BESIDE = frozenset({"items"})  # what stub.yaml may say of an operation that a function answers
_loads = itertools.count(1)  # in this process, each of which has a package of its own
_RPC = re.compile(r"/[A-Za-z_][\w.]*/[A-Za-z_]\w*")


def load_behaviours(
    folder: Path, name: str, api: OpenApi | None, declared: Mapping[str, Any]
) -> tuple[Behaviours, list[Fault]]:
    """The behaviours of a stub's folder, and what is wrong with them; nothing is run while a file has a fault.

    `declared` are the operations of stub.yaml: an operation is declared there or written here, not both.
    """
    package, whole = _package(folder, name), False
    try:
        behaviours, faults = _load(package, folder, api, declared)
        whole = not faults
    finally:
        if not whole:  # out of memory, too
            forget(package)
    return behaviours, faults


def _load(
    package: str, folder: Path, api: OpenApi | None, declared: Mapping[str, Any]
) -> tuple[Behaviours, list[Fault]]:
    files = sorted(path for path in folder.glob("*.py") if not path.name.startswith("__"))
    loaders, faults = _compiled(package, files)
    if faults or not files:
        return Behaviours(), faults
    found: dict[tuple[str, str], Callable[..., Any]] = {}
    for file, module in _imported(package, files, loaders):
        if isinstance(module, Fault):
            faults.append(module)
            continue
        for function in vars(module).values():
            marks = getattr(function, ATTRIBUTE, ())
            if not marks or getattr(function, "__module__", None) != module.__name__:
                continue
            for mark in marks:
                faults.extend(_check(mark, function, file, api, declared, found))
                found.setdefault((mark.what, mark.name), _called(mark, function))
    kinds = ("operation", "receives", "job", "expands", "websocket", "rpc", "finds", "plants", "hears")
    by_kind: dict[str, dict[str, Callable[..., Any]]] = {kind: {} for kind in kinds}
    recipes: dict[str, Recipe] = {}
    for (what, name_), function in found.items():
        if what != "seeds":
            by_kind[what][name_] = function
        elif not faults:  # each was checked to be one
            recipes[name_] = recipe(function)
    return (
        Behaviours(
            by_kind["operation"],
            by_kind["receives"],
            by_kind["job"],
            by_kind["expands"],
            recipes,
            by_kind["websocket"],
            by_kind["rpc"],
            by_kind["finds"],
            by_kind["plants"],
            by_kind["hears"],
            package,
        ),
        faults,
    )


def argument(parameter: str) -> str:
    """A path parameter's name as a Python argument: `customer-id` is `customer_id`, `from` is `from_`."""
    name = re.sub(r"\W", "_", parameter)
    return f"{name}_" if keyword.iskeyword(name) else name


def _check(  # noqa: C901, PLR0912, PLR0917 - one mark against everything it must agree with
    mark: Mark,
    function: Callable[..., Any],
    file: Path,
    api: OpenApi | None,
    declared: Mapping[str, Any],
    found: Mapping[tuple[str, str], Callable[..., Any]],
) -> list[Fault]:
    line = getattr(getattr(function, "__code__", None), "co_firstlineno", 1)
    label = f"@{mark.what}({mark.name!r})"

    def fault(found: str, expected: str, write: str = "") -> Fault:
        return Fault(str(file), line, 1, found, expected, write)

    faults = []
    if (mark.what, mark.name) in found:
        faults.append(fault(f"{label} a second time", "one function for each"))
    wanted: tuple[str, ...] = ()
    match mark.what:
        case "operation":
            unknown = _unknown_operation(mark.name, api)
            if unknown is not None:
                return [*faults, fault(f"{label}: {unknown[0]}", unknown[1], unknown[2])]
            wanted = tuple(map(argument, parameters(mark.name)))
            if mark.name in declared and declared[mark.name].keys() - _BESIDE:
                faults.append(fault(f"{label} is also declared in stub.yaml", "one of the two"))
        case "receives":
            if mark.name not in PROTOCOLS:
                faults.append(fault(f"{label}: unknown protocol", f"one of {', '.join(PROTOCOLS)}"))
        case "job":
            wanted = ("payload",)
        case "expands":
            wanted = ("entity",)
        case "hears":
            wanted = ("type", "entity")
        case "seeds":
            wanted = ("options",)
        case "websocket":
            if not mark.name.startswith("/") or set(mark.name) & set("?# "):
                faults.append(fault(f"{label}: no path", "the path as clients ask for it", '@websocket("/live")'))
            wanted = ("message", *map(argument, parameters(mark.name)))
        case "finds":
            wanted = tuple(map(argument, parameters(mark.name)))
            if not wanted or api is None or not any(_begins(path, mark.name) for path in api.paths):
                faults.append(fault(f"{label}: no path of the document begins so", "a path template up to a parameter"))
        case "rpc":
            if not _RPC.fullmatch(mark.name):
                faults.append(fault(f"{label}: no gRPC method", "/package.Service/Method", '@rpc("/shop.Orders/Get")'))
            wanted = ("message",)
    speaks = mark.what in {"websocket", "rpc"}  # with a generator, too
    wrong = _signature(function, wanted, by_name=mark.what in {"operation", "websocket", "finds"}, generator=speaks)
    if wrong:
        first = "seeding: Seeding" if mark.what == "seeds" else "ctx: Context"
        arguments = ", ".join((first, *(f"{name}: {_ARGUMENTS.get(name, 'str')}" for name in wanted)))
        faults.append(
            fault(
                f"{label}: {wrong}", "the context, then what the name asks for", f"def {function.__name__}({arguments})"
            )
        )
    elif mark.what == "seeds":
        try:
            recipe(function)
        except RecipeError as error:
            faults.append(fault(f"{label}: {error}", "options with the type that a world file gives them"))
    return faults


def _begins(path: str, template: str) -> bool:
    return path == template or path.startswith(f"{template}/")


def _unknown_operation(name: str, api: OpenApi | None) -> tuple[str, str, str] | None:
    method, _, path = name.partition(" ")
    if api is None:
        return "the stub has no openapi document", "`openapi:` in stub.yaml", "openapi: openapi.json"
    if api.has_path(path):
        if api.has_operation(method, path):
            return None
        return f"the document has no {method} at this path", f"one of {', '.join(api.methods(path))}", ""
    shape = re.sub(r"\{[^{}]*\}", "{}", path)
    same = next((known for known in api.paths if re.sub(r"\{[^{}]*\}", "{}", known) == shape), None)
    close = [same] if same else difflib.get_close_matches(path, list(api.paths), 1)
    why = "the document names the parameters otherwise" if same else "the document has no such path"
    return why, "a path as the document spells it", f'@operation("{method} {close[0]}")' if close else ""


def _signature(function: Callable[..., Any], wanted: tuple[str, ...], *, by_name: bool, generator: bool = False) -> str:
    """What is wrong with a function's parameters; "" if nothing."""
    if inspect.iscoroutinefunction(function) or (inspect.isgeneratorfunction(function) and not generator):
        return "a coroutine or generator (a reply that goes on is what ctx.events, ctx.lines or ctx.chunks give)"
    kept = list(inspect.signature(function).parameters.values())
    plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    if not kept or kept[0].kind not in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD):
        return "no context as the first parameter"
    names = [parameter.name for parameter in kept[1:] if parameter.default is inspect.Parameter.empty]
    odd = [parameter.name for parameter in kept[1:] if parameter.kind not in plain]
    if odd:
        return f"the parameter {odd[0]} takes whatever comes"
    if not by_name:
        return (
            "" if len(names) == len(wanted) else f"{len(names)} parameters after the context instead of {len(wanted)}"
        )
    missing = [name for name in wanted if name not in {parameter.name for parameter in kept[1:]}]
    if missing:
        return f"no parameter {missing[0]!r}"
    extra = [name for name in names if name not in wanted]
    return f"the parameter {extra[0]!r} is not in the path" if extra else ""


def _called(mark: Mark, function: Callable[..., Any]) -> Callable[..., Any]:
    names = parameters(mark.name) if mark.what in {"operation", "websocket", "finds"} else ()
    if all(argument(name) == name for name in names):
        return function
    return lambda ctx, *message, **path: function(
        ctx, *message, **{argument(name): value for name, value in path.items()}
    )


def forget(package: str) -> None:
    """Take the modules of a stub out of this process, once nobody calls them any more."""
    for known in [known for known in list(sys.modules) if known == package or known.startswith(package + ".")]:
        sys.modules.pop(known, None)


def _package(folder: Path, name: str) -> str:
    """A fresh package for a folder, under a name that nothing else has: not even the same stub, loaded before."""
    digest = sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    package = f"_childproof_stub_{re.sub(r'[^a-z0-9]', '_', name)}_{digest}_{next(_loads)}"
    module = ModuleType(package)
    module.__path__ = [str(folder)]
    sys.modules[package] = module
    importlib.invalidate_caches()
    return package


class _Loader(SourceFileLoader):
    """Runs the code that was looked at, so that a file is read and compiled once."""

    def __init__(self, name: str, file: Path) -> None:
        super().__init__(name, str(file))
        self.code = cast("CodeType", super().get_code(name))

    def get_data(self, path: str) -> bytes:
        """The file, or its bytecode unless that is older: Python compares whole seconds, and an edit may be quicker."""
        if path != self.path and os.stat(path).st_mtime_ns < os.stat(self.path).st_mtime_ns:  # noqa: PTH116 (importlib's own strings)
            raise FileNotFoundError(path)
        return super().get_data(path)

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - importlib passes it
        """The code; whatever the file holds by now."""
        return self.code


class _Finder:
    """Finds a stub's modules while they are imported, also where one imports another."""

    def __init__(self, loaders: Mapping[str, _Loader]) -> None:
        self._loaders = loaders

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """See importlib.abc.MetaPathFinder."""
        loader = self._loaders.get(fullname)
        return spec_from_file_location(fullname, loader.path, loader=loader) if loader is not None else None


def _compiled(package: str, files: Iterable[Path]) -> tuple[dict[str, _Loader], list[Fault]]:
    """The files as loaders by module name, from bytecode where there is some; and what they may not do."""
    loaders: dict[str, _Loader] = {}
    faults: list[Fault] = []
    for file in files:
        name = f"{package}.{file.stem}"
        try:
            loaders[name] = loader = _Loader(name, file)
            source = file.read_text(encoding="utf-8")
        except SyntaxError as error:
            found = f"bad Python: {error.msg}"
            faults.append(Fault(str(file), error.lineno or 1, error.offset or 1, found, "a Python module"))
        except (OSError, ValueError) as error:
            faults.append(Fault(str(file), 1, 1, f"bad Python: {error}", "a Python module in UTF-8"))
        else:
            faults.extend(impurities(source, loader.code, file))
    return loaders, faults


def _imported(
    package: str, files: Iterable[Path], loaders: Mapping[str, _Loader]
) -> Iterator[tuple[Path, ModuleType | Fault]]:
    """Each file's module, or what it raises."""
    finder = _Finder(loaders)
    sys.meta_path.insert(0, finder)
    try:
        for file in files:
            yield file, _import(package, file)
    finally:
        sys.meta_path.remove(finder)


def _import(package: str, file: Path) -> ModuleType | Fault:
    try:
        return importlib.import_module(f"{package}.{file.stem}")
    except Exception as error:  # noqa: BLE001 - whatever an author's module raises is a fault of that module
        frames = [
            frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent == file.parent
        ]
        place = frames[-1] if frames else None
        where, line = (place.filename, place.lineno or 1) if place is not None else (str(file), 1)
        return Fault(where, line, 1, f"{type(error).__name__}: {error}", "a module that can be imported")
