"""Scheduled work: a job is an entity like any other, so it forks, rolls back and survives a restart with its world."""

import heapq
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

SERVICE = "_schedule"
OUTBOX = "_outbox"  # the service of jobs that are mail to be delivered; `payload` is a `Mail`
KIND = "job"
QUEUE = "_webhooks"  # the service of what is to be sent to listeners; see `deliveries`
DUE = "due"


class Job(msgspec.Struct, frozen=True):
    """Work that a stub asked for at a time of its world (unix milliseconds).

    `trace` and `cause` are those of the call that asked for it, its id being the cause; empty where nobody said.
    """

    id: str
    at: int
    service: str
    job: str
    payload: dict[str, Any] = msgspec.field(default_factory=dict)
    trace: str = ""
    cause: str = ""

    def to_json(self) -> dict[str, Any]:
        """As stored in the world."""
        value = {"at": self.at, "service": self.service, "job": self.job, "payload": self.payload}
        return {**value, "trace": self.trace, "cause": self.cause} if self.cause else value

    @classmethod
    def from_json(cls, job_id: str, value: dict[str, Any]) -> "Job":
        """As read back."""
        origin = value.get("trace", ""), value.get("cause", "")  # files before format 3 have none
        return cls(job_id, value["at"], value["service"], value["job"], value["payload"], *origin)


class Agenda:
    """What is still to do, jobs or deliveries, in memory: asking whether one is due costs nothing on the usual call."""

    def __init__(self, times: Iterable[tuple[str, int]]) -> None:
        self._open = dict(times)
        self._heap = [(at, job) for job, at in self._open.items()]
        heapq.heapify(self._heap)

    def __len__(self) -> int:
        return len(self._open)

    def due(self, now: int) -> list[str]:
        """The ids of the jobs up to a time, in no particular order."""
        while self._heap and self._open.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if not self._heap or self._heap[0][0] > now:
            return []
        return [job for job, at in self._open.items() if at <= now]

    def first(self, until: int) -> list[str]:
        """The ids of the earliest jobs up to a time: those of one and the same moment, in no particular order."""
        found: set[str] = set()
        moment = until
        while self._heap and self._heap[0][0] <= moment:
            at, job = heapq.heappop(self._heap)
            if self._open.get(job) == at:
                found.add(job)
                moment = at
        for job in found:
            heapq.heappush(self._heap, (moment, job))
        return list(found)

    def apply(self, rows: Mapping[str, tuple[int, str | None]]) -> None:
        """Take over what a committed call scheduled and did."""
        for job, (_, raw) in rows.items():
            if raw is None:
                self._open.pop(job, None)
            else:
                at = int(msgspec.json.decode(raw)["at"])
                if self._open.get(job) != at:
                    self._open[job] = at
                    heapq.heappush(self._heap, (at, job))
