"""From a world file to a stage that holds its world: people first, then every section's steps in order of time, then the check."""

import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any

import msgspec

from childproof.catalog import Catalog
from childproof.errors import ChildproofError, Fault, InputError
from childproof.stubkit.declared.resources import Resource
from childproof.stubkit.events.events import QUEUE
from childproof.stubkit.generic.references import Dangling, dangling
from childproof.stubkit.invented.people import store as store_person
from childproof.stubkit.refusal import Refusal
from childproof.stubkit.seeding import sections
from childproof.stubkit.seeding.playing import SeedContext
from childproof.stubkit.seeding.seeding import plant as plant_fresh
from childproof.stubkit.seeding.timeline import Later, Planned, Seeding, Timeline, Unplantable
from childproof.stubkit.service import Service
from childproof.world import FAILED, OUTBOX, Mail, perform, told
from childproof.world.randomness import generator
from childproof.world.staging import Moment, Stage

from .file import WorldFile

Progress = Callable[[int, int], None]  # steps done, steps planned so far
Path = tuple[str | int, ...]
WITHOUT = frozenset({QUEUE})  # what was told in the past has been delivered
_BATCH = 200  # people stored in one go
_STEPS = 40  # steps in one transaction, which holds in memory what they change
_KIT = sections.__file__.removesuffix("seeding/sections.py")
_SHOWN = 20  # dangling references that are told one by one


class Planted(msgspec.Struct, frozen=True):
    """How many entities of each kind a stage holds, by service and kind; `people` are counted apart."""

    people: int
    kinds: Mapping[tuple[str, str], int]

    def __str__(self) -> str:
        services: dict[str, list[str]] = {}
        for (service, kind), count in self.kinds.items():
            services.setdefault(service, []).append(f"{count:,} {kind if count == 1 else sections.plural(kind)}")
        parts = [f"{self.people:,} people"] if self.people else []
        parts += [f"{service}: {', '.join(found)}" for service, found in services.items()]
        return "; ".join(parts) or "nothing"


def plant(file: WorldFile, stage: Stage, catalog: Catalog, progress: Progress = lambda *_: None) -> Planted:
    """Fill a stage with what a world file says, and check it. Raises InputError where that can't be, with the places."""
    return _Planting(file, stage, catalog, progress).run()


class _Planting:
    def __init__(self, file: WorldFile, stage: Stage, catalog: Catalog, progress: Progress) -> None:
        self.file = file
        self.stage = stage
        self.catalog = catalog
        self.progress = progress
        self.timeline = Timeline(file.start)
        self.made: dict[str, dict[str, list[str]]] = {name: {} for name in file.services}
        self.written: dict[tuple[str, str, str], Path] = {}

    def run(self) -> Planted:
        self._store_people()
        for name, service in self.file.services.items():
            self._plan(service, self.file.sections[name])
        self._fresh()
        steps = iter(self.timeline)
        done = 0
        while batch := self._batch(steps):
            done += batch
            self.progress(done, self.timeline.planned)
        with self.stage.moment(self.file.start) as tx:
            self._work_until(tx, self.file.start)
        self._check()
        return self._count()

    def _store_people(self) -> None:
        people = self.file.people
        for start in range(0, len(people), _BATCH):
            with self.stage.moment(self.file.start) as tx:
                for person in people[start : start + _BATCH]:
                    store_person(tx, person)

    def _plan(self, service: Service, section: Mapping[str, Any]) -> None:
        recipes = service.behaviours.recipes
        options = {key: recipes[key].read(value) for key, value in section.items() if key in recipes}
        notes: dict[str, Any] = {}
        for key in sections.ordered(service, {key: sections.find(service, key) for key in section}):
            seeding = Seeding(
                service,
                self.timeline,
                self.file.people,
                generator(self.file.seed, 0, f"seeds {service.name} {key}"),
                notes=notes,
                section=options,
                path=(service.name, key),
            )
            try:
                if key in recipes:
                    recipes[key].function(seeding, options[key])
                else:
                    resource = sections.find(service, key)
                    assert resource is not None
                    sections.plan(seeding, resource, section[key])
            except Unplantable as error:
                found = f"{service.name}.{key}: {error.found}"
                fault = self.file.document.fault((service.name, key), found, error.expected, error.write)
                raise InputError([fault]) from None
            except ChildproofError:
                raise
            except Exception as error:
                raise _broken((service.name, key), error) from error

    def _fresh(self) -> None:
        """What every world of these services begins with: their own seed.yaml."""
        with self.stage.moment(self.timeline.start) as tx:
            for service in self.file.services.values():
                plant_fresh(service, tx)

    def _batch(self, steps: Iterator[Planned]) -> int:
        """Do the next few steps in one transaction; how many there were."""
        count = 0
        with self.stage.moment(self.file.start) as tx:
            for planned in islice(steps, _STEPS):
                self._work_until(tx, planned.at)
                tx.go(planned.at)
                self._do(planned, tx)
                count += 1
        return count

    def _do(self, planned: Planned, tx: Moment) -> None:
        service, path = planned.service, planned.path
        made = self.made[service.name]
        before = {kind: len(ids) for kind, ids in made.items()} if len(path) > 2 else {}
        later: Later = lambda at, step: self.timeline.add(max(at, planned.at), service, step, path)  # noqa: E731
        try:
            planned.step(SeedContext(service, tx, later, made))
        except Refusal as refusal:
            _, values = service.errors.words(refusal, {})
            found = f"{'.'.join(map(str, path))}: {service.name} refuses it: {values.get('message')}"
            raise InputError([self.file.document.fault(path, found, "what the service takes")]) from None
        except ChildproofError:
            raise
        except Exception as error:
            raise _broken(path, error) from error
        if len(path) > 2:
            for kind, ids in made.items():
                for entity in ids[before.get(kind, 0) :]:
                    self.written[service.name, kind, entity] = path

    def _work_until(self, tx: Moment, time: int) -> None:
        """Do what stubs have put off until a time, each at its own."""
        while (job := tx.earliest(time)) is not None:
            tx.go(max(job.at, self.timeline.start))
            if job.service == OUTBOX:
                tx.done(job.id)
                self._deliver(tx, Mail.from_json(job.payload))
                continue
            for effect in perform(tx, job, self.catalog.get):
                if effect.type == FAILED:
                    raise ChildproofError(f"{job.service}: its job {job.job} failed: {effect.data['error']}")

    def _deliver(self, tx: Moment, mail: Mail) -> None:
        """Mail that a stub sent comes to the file's stub that takes mail; without one it came to nobody of this world."""
        for service in self.file.services.values():
            if "smtp" in service.behaviours.receivers:
                ctx = SeedContext(service, tx, _never, self.made[service.name])
                ctx.receive(mail.sender, mail.recipients, mail.message, service=mail.service)
                status, words = 250, "2.0.0 OK"
                break
        else:
            status, words = 550, "5.7.1 nobody takes mail in this world"
        if mail.then is not None:
            payload = {**mail.then.payload, "mail": told(mail, status, words)}
            self.catalog.get(mail.then.service).perform(mail.then.job, payload, tx)

    # --- the check

    def _check(self) -> None:
        found = [
            (service, one)
            for service in self.file.services.values()
            for resource in self._resources(service)
            for one in dangling(
                service, resource, self.stage.entities(service.name, resource.name), self._ids(service.name)
            )
        ]
        faults = [self._fault(service, one) for service, one in found[:_SHOWN]]
        if len(found) > _SHOWN:
            faults.append(Fault(self.file.document.file, 0, 0, f"{len(found) - _SHOWN} more of these", "none"))
        if faults:
            raise InputError(faults)

    def _resources(self, service: Service) -> Iterator[Resource]:
        for name, kind in self.stage.kinds():
            if name == service.name and service.registry.knows(kind):
                yield service.registry.named(kind)

    def _ids(self, service: str) -> Callable[[str], set[str]]:
        return cache(lambda kind: self.stage.ids(service, kind))

    def _fault(self, service: Service, one: Dangling) -> Fault:
        path = self.written.get((service.name, one.resource, one.id), (service.name,))
        found = f"{service.name}: {one.resource} {one.id} has {one.field}: {one.value}, which isn't there"
        expected = f"the id of a {' or '.join(one.targets)} of this world"
        return self.file.document.fault((*path, *one.field.split(".")), found, expected)

    def _count(self) -> Planted:
        counts: Counter[tuple[str, str]] = Counter()
        for service, kind in self.stage.kinds():
            if not service.startswith("_") and (count := len(self.stage.ids(service, kind))):
                counts[service, kind] = count
        return Planted(len(self.file.people), counts)


def _broken(path: Path, error: Exception) -> ChildproofError:
    """An author's mistake in a recipe, with its place in the code."""
    frames = traceback.extract_tb(error.__traceback__)  # the first one is ours
    theirs = [frame for frame in frames[1:] if not frame.filename.startswith(_KIT)]
    frame = (theirs or frames)[-1]
    where = f"{frame.filename}:{frame.lineno}"
    reason = f"{type(error).__name__}: {error}"
    return ChildproofError(f"{'.'.join(map(str, path[:2]))}: the recipe failed at {where}: {reason}")


def _never(at: int, step: Any) -> None:
    raise LookupError(f"nothing can be put off from here (to {at}, {step})")
