"""One call's view of its world, and what it changes: all of it is stored at the end, or nothing."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from childproof.model import Change, Written

from . import randomness, versions, where
from .clock import Clock, ClockSettings
from .pending import Pending, Planted, rows, with_values, written
from .query import Query
from .schedule import KIND, OUTBOX, SERVICE, Job
from .snapshot import Snapshot

if TYPE_CHECKING:
    from .database import Database
    from .roll import Roll
    from .world import World

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Transaction(Snapshot):
    """What one call sees and changes. A context manager: leaving it commits, an exception undoes everything.

    `seq` is the call's number in its world; (world, seq) is the call's place in history. Nothing is written before
    the end, so reading one's own changes costs no I/O. Raises StoreError where the file can't be locked or written.

    `call_id` and `trace` are what the record calls this call and the chain of causes that it belongs to: set by
    whoever records it, and handed on to what the call puts off. `outbox` are the ids of the mail among that. `passing` is how
    much time of the world (ms) is to pass once the call is stored: whoever answers calls lets it pass.
    """

    def __init__(self, database: "Database", world: "World") -> None:
        super().__init__(database, world.name)
        self.seed = 0
        self.call_id = ""
        self.trace = ""
        self.outbox: tuple[str, ...] = ()
        self.passing = 0
        self._afterwards: list[Callable[[], None]] | None = None
        self._world = world
        self._open = False
        self._pending: dict[int, dict[str, Pending]] = {}
        self._rows: dict[int, dict[str, versions.Row]] = {}
        self._created = 0
        self._touched = 0
        self._tokens: dict[str, int] = {}
        self._jobs = 0
        self._beforehand = 0  # within it, how often randomness was asked for
        self._clock: Clock | None = None
        self._wanted_indexes: set[tuple[int, str]] = set()

    def __enter__(self) -> Self:
        database = self._database
        database.begin()
        try:
            head = self._world.head()
            self.seed = head.seed
            self.seq = head.seq + 1
            self._lineage = head.lineage
            self._now = head.clock.now(self.seq, database.wall())
            self._open = True
            if head.clock.wall is None:  # a seeded world's time begins to pass with its first call
                self._set_clock(head.clock.begun(database.wall()))
        except BaseException as error:
            self._open = False
            database.rollback(error)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open = False
        if error is not None:
            self._database.rollback(error)
            return
        try:
            self._flush()
        except BaseException as failure:
            self._database.rollback(failure)
            raise
        with self._database.lock:  # held until the world knows of the call: the next one may be another thread's
            self._database.commit()
            self._world.advance(self.seq, self._clock, self._scheduled)
            self._world.follow(self._rows)
        if self._afterwards is not None:
            for told in self._afterwards:
                told()

    def afterwards(self, told: Callable[[], None]) -> None:
        """Have `told` called once all of this is stored; never, where it is undone. It must not raise."""
        self._afterwards = [*(self._afterwards or ()), told]

    def stir(self) -> None:
        """Have it told, once all of this is stored, that something is to be sent."""
        if self._database.stirred is not None:
            self.afterwards(partial(self._database.stirred, self.world))

    # --- reading what stays

    def keeps(self, service: str, kind: str, id: str) -> bool:  # noqa: A002 - the design's word
        """Whether there is this entity, which nobody ever deletes: the world remembers that it has seen it.

        For what every call asks after, which then costs nothing.
        """
        collection = self._database.collection(service, kind)
        if collection is None:
            return False
        known = self._world.kept
        if (collection, id) in known:
            return True
        row = self._current(collection, id)
        if row is None or row[1] is None:
            return False
        if id not in self._overlay(collection):  # else it isn't stored yet, and may never be
            known.add((collection, id))
        return True

    # --- writing

    def put(self, service: str, kind: str, id: str, value: dict[str, Any]) -> None:  # noqa: A002 - the design's word
        """Create an entity, or give it a new version. `value` is copied: changing it later changes nothing."""
        self._check_open()
        collection = self._database.intern(service, kind)
        self._set(collection, id, _encode(value).decode())

    def delete(self, service: str, kind: str, id: str) -> None:  # noqa: A002 - the design's word
        """Remove an entity; its history stays. Nothing happens where there is none."""
        self._check_open()
        collection = self._database.collection(service, kind)
        if collection is None:
            return
        row = self._current(collection, id)
        if row is not None and row[1] is not None:
            self._set(collection, id, None)

    def counter(self, service: str, name: str) -> int:
        """The next number of a stored sequence, which begins with 1."""
        value = (self.get("_counter", service, name) or {"value": 0})["value"] + 1
        self.put("_counter", service, name, {"value": value})
        return int(value)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what the block changed in the world if it raises; the exception goes on. Blocks may nest."""
        self._check_open()
        pending = {collection: dict(entities) for collection, entities in self._pending.items()}
        rows = {collection: dict(entities) for collection, entities in self._rows.items()}
        jobs, created, clock = self._jobs, self._created, self._clock
        outbox, passing = self.outbox, self.passing
        try:
            yield
        except BaseException:
            self._pending, self._rows = pending, rows
            self._jobs, self._created, self._clock = jobs, created, clock
            self.outbox, self.passing = outbox, passing
            raise

    @contextmanager
    def beforehand(self) -> Iterator[list[Planted]]:
        """Count what the block writes as there before the call: it is stored with it, and is no change of it.

        The list says afterwards what that was, internal services left out.
        """
        touched, planted = self._touched, list[Planted]()
        self._beforehand = 1
        try:
            yield planted
        finally:
            self._beforehand = 0
        for collection, entities in self._pending.items():
            service, kind = self._database.collection_name(collection)
            for entity, pending in entities.items():
                if pending.touched > touched:
                    entities[entity] = pending._replace(before=pending.raw)
                    if pending.raw is not None and not service.startswith("_"):
                        planted.append(Planted(service, kind, entity, pending.raw))

    def set_clock(self, settings: ClockSettings) -> None:
        """Let time pass otherwise from the next call on. A `start` of None goes on from this call's time.

        A clock that runs with the wall and has no start is the wall's own time.
        """
        start = settings.start
        if start is None and settings.run != "real":
            settings = ClockSettings(self._now, settings.run, settings.step)
        self._set_clock(Clock(settings, self._database.wall(), self.seq))

    def travel(self, to: int) -> None:
        """Go on to a later time of the world: this call has it from here on, and the next one begins with it."""
        if to < self._now:
            raise ValueError("a world's time doesn't go back")
        if to > self._now:
            self._now = to
            settings = (self._clock or self._world.head().clock).settings
            self.set_clock(ClockSettings(to, settings.run, settings.step))

    # --- randomness

    def random(self, purpose: str) -> Random:
        """A generator that depends on the world's seed, the call's number and the purpose alone.

        Within `beforehand` it is another one at each use: many entities are made there at once.
        """
        if self._beforehand:
            self._beforehand += 1
            purpose = f"{purpose}\x1f{self._beforehand}"
        return randomness.generator(self.seed, self.seq, purpose)

    def token(self, purpose: str, n: int, alphabet: str = randomness.ALNUM) -> str:
        """`n` random characters, repeatable like `random`; asked again for the same purpose, different ones."""
        count = self._tokens.get(purpose, 0)
        self._tokens[purpose] = count + 1
        return randomness.token(self.seed, self.seq, purpose, count, n=n, alphabet=alphabet)

    # --- scheduled work

    def schedule(self, at: int, service: str, job: str, payload: dict[str, Any]) -> str:
        """Ask for work at a time of this world (unix ms). Returns the job's id."""
        self._jobs += 1
        job_id = f"job_{self.seq}_{self._jobs}"
        if service == OUTBOX:
            self.outbox = (*self.outbox, job_id)
        self.put(SERVICE, KIND, job_id, Job(job_id, at, service, job, payload, self.trace, self.call_id).to_json())
        return job_id

    def due(self, now: int) -> list[Job]:
        """The jobs whose time has come, earliest first; of the same time, in the order they were scheduled."""
        collection = self._database.collection(SERVICE, KIND)
        if collection is None:
            return []
        overlay = self._overlay(collection)
        ids = [*(job for job in self._world.agenda().due(now) if job not in overlay), *overlay]
        jobs = []
        for job_id in ids:
            row = self._current(collection, job_id)
            if row is not None and row[1] is not None:
                job = Job.from_json(job_id, _decode(row[1]))
                if job.at <= now:
                    jobs.append((job.at, row[0], job))
        return [job for _, _, job in sorted(jobs, key=lambda item: item[:2])]

    def job(self, job_id: str) -> Job | None:
        """A job that is still to do; None for one that was done."""
        value = self.get(SERVICE, KIND, job_id)
        return None if value is None else Job.from_json(job_id, value)

    def earliest(self, until: int) -> Job | None:
        """The first job up to a time, as `due` orders them; quick where this call has scheduled and done nothing."""
        collection = self._database.collection(SERVICE, KIND)
        if collection is None:
            return None
        if self._overlay(collection):
            return next(iter(self.due(until)), None)
        found = []
        for job_id in self._world.agenda().first(until):
            row = self._current(collection, job_id)
            if row is not None and row[1] is not None:
                found.append((row[0], Job.from_json(job_id, _decode(row[1]))))
        return min(found, key=lambda item: item[0])[1] if found else None

    def done(self, job_id: str) -> None:
        """Take a job off the schedule."""
        self.delete(SERVICE, KIND, job_id)

    # --- what changed

    @property
    def written(self) -> tuple[Written, ...]:
        """What this call has changed so far, net, in the order of first touch; without internal services."""
        return written(self._pending, self._database.collection_name)

    @property
    def changes(self) -> tuple[Change, ...]:
        """The same as values."""
        return tuple(map(with_values, self.written))

    # --- within

    def _set_clock(self, clock: Clock) -> None:
        self._clock = clock
        self.put("_clock", "clock", "clock", clock.to_json())

    def _check_open(self) -> None:
        if not self._open:
            raise RuntimeError("this transaction is over; changes belong inside its `with`")

    def _overlay(self, collection: int) -> Mapping[str, versions.Row]:
        return self._rows.get(collection, {})

    def _scanned(self, collection: int, wanted: Mapping[str, Any]) -> None:
        self._wanted_indexes.update(
            (collection, path) for path, value in wanted.items() if where.indexable(path, value)
        )

    def _roll(self, collection: int, query: Query) -> "Roll | None":
        if self._overlay(collection) or any(isinstance(term.value, list | dict) for term in query.terms):
            return None
        return self._world.roll(collection, query.paths)

    def _looked_at_many(self, collection: int) -> None:
        self._world.want_roll(collection)

    def _set(self, collection: int, entity: str, raw: str | None) -> None:
        entities = self._pending.setdefault(collection, {})
        known = entities.get(entity)
        if known is None:
            stored = self._stored(collection, entity)
            self._touched += 1
            ordinal, current = stored if stored is not None else (0, None)
            known = Pending(ordinal, current, current, created=False, touched=self._touched)
        ordinal, created = known.ordinal, known.created
        if known.raw is None and raw is not None:
            ordinal, created = versions.ordinal_of(self.seq, self._created), True
            self._created += 1
        entities[entity] = Pending(ordinal, raw, known.before, created, known.touched)
        self._rows.setdefault(collection, {})[entity] = (ordinal, raw)

    def _flush(self) -> None:
        world, seq = self._world.id, self.seq
        changed = list(rows(self._pending, world, seq))
        connection = self._connection
        if changed:
            connection.executemany(versions.INSERT, changed)
        for collection, path in sorted(self._wanted_indexes):
            self._database.index(collection, path)
        connection.execute("INSERT INTO step(world, seq, at) VALUES (?, ?, ?)", (world, seq, self._now))

    def _scheduled(self, service: str, kind: str) -> Mapping[str, versions.Row]:
        collection = self._database.collection(service, kind)
        return {} if collection is None else self._overlay(collection)
