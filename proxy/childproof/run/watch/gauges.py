"""How a running server stands, for Prometheus: rules, stubs and worlds, what waits, reloads, and the process itself.

Names and units follow Prometheus' own; those of the process are what its client libraries call them.
"""

import os
import platform
import resource
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from childproof import __version__
from childproof.errors import StoreError
from childproof.ledger.metrics import METRICS, Labels, heading, sample
from childproof.model import Action
from childproof.run.compose import Parts

from .watching import TROUBLES, UPSTREAM, UPSTREAM_MEANING

# By name: the type, what it is, its labels.
GAUGES: dict[str, tuple[str, str, Labels]] = {
    "childproof_build_info": ("gauge", "1, with the version that runs.", ("version", "python")),
    "childproof_rules_loaded": ("gauge", "Rules in force, by what they do.", ("action",)),
    "childproof_stubs_loaded": ("gauge", "Stubs that have been loaded.", ()),
    "childproof_worlds": ("gauge", "Worlds in the store.", ()),
    "childproof_connections_open": ("gauge", "Connections from sandboxes, by the world of their listener.", ("world",)),
    "childproof_webhooks_waiting": ("gauge", "Webhooks that are to be sent, now or later.", ("world",)),
    "childproof_jobs_waiting": ("gauge", "Work that stubs put off, and mail that is to be delivered.", ("world",)),
    "childproof_telemetry_waiting": ("gauge", "Calls that wait to be sent to the collector.", ()),
    "childproof_reloads_total": ("counter", "Times that rules and stubs were read again.", ("result",)),
    "childproof_reload_last_success_timestamp_seconds": ("gauge", "When what is in force was read, in unix time.", ()),
    "childproof_reload_last_duration_seconds": ("gauge", "How long the last reload took.", ()),
    "childproof_reload_failed": ("gauge", "1 where the last reload failed, and older rules are in force.", ()),
    "childproof_reload_pending": ("gauge", "1 while a reload is under way.", ()),
    "childproof_restart_needed": ("gauge", "Settings that have changed and wait for a restart.", ()),
    "childproof_ca_expiry_timestamp_seconds": ("gauge", "When the certificate authority expires, in unix time.", ()),
    "process_cpu_seconds_total": ("counter", "CPU time of the process, user and system.", ()),
    "process_resident_memory_bytes": ("gauge", "Resident memory of the process.", ()),
    "process_virtual_memory_bytes": ("gauge", "Virtual memory of the process.", ()),
    "process_start_time_seconds": ("gauge", "When the process began, in unix time.", ()),
    "process_open_fds": ("gauge", "Open file descriptors.", ()),
    "process_max_fds": ("gauge", "How many file descriptors may be open.", ()),
}
# All that /metrics has: what is counted of calls, what only a running process knows of them, and how it stands.
ALL = {
    **METRICS,
    UPSTREAM: ("histogram", UPSTREAM_MEANING, ()),
    **{name: ("counter", meaning, ()) for name, meaning in TROUBLES.items()},
    **GAUGES,
}
Values = Mapping[Labels, float]
Label = Callable[[str, str], str]  # the value that a label gets, given its name: thousands share one


def gauge_lines(parts: Parts, label: Label) -> Iterator[str]:
    """The exposition of all of them as they are now. What can't be looked at is left out."""
    found = {**_state(parts, label), **_process()}
    for name, (kind, meaning, labels) in GAUGES.items():
        if name in found:
            yield from heading(name, kind, meaning)
            for values, number in sorted(found[name].items()):
                yield sample(name, labels, values, _number(number))


def _state(parts: Parts, label: Label) -> dict[str, Values]:
    reloads, engine, watching = parts.reloads, parts.engine, parts.watching
    actions = engine.rules.actions
    found: dict[str, Values] = {
        "childproof_build_info": {(__version__, platform.python_version()): 1},
        "childproof_rules_loaded": {(action.value,): actions[action] for action in Action},
        "childproof_stubs_loaded": {(): len(engine.catalog.loaded())},
        "childproof_reloads_total": {("failure",): reloads.failed, ("success",): reloads.succeeded},
        "childproof_reload_last_success_timestamp_seconds": {(): reloads.at / 1000},
        "childproof_reload_last_duration_seconds": {(): round(reloads.seconds, 6)},
        "childproof_reload_failed": {(): bool(reloads.fault)},
        "childproof_reload_pending": {(): reloads.pending},
        "childproof_restart_needed": {(): len(reloads.restart)},
    }
    if watching is not None:
        found["childproof_telemetry_waiting"] = {(): watching.waiting}
        if watching.authority_ends is not None:
            found["childproof_ca_expiry_timestamp_seconds"] = {(): watching.authority_ends()}
        open_now = watching.connections().items()
        found["childproof_connections_open"] = _by_world(((world, count) for world, count in open_now), label)
    with suppress(StoreError):
        found["childproof_worlds"] = {(): len(parts.store.names())}
        waiting = [(world.name, *world.waiting()) for world in parts.store.in_use()]
        found["childproof_jobs_waiting"] = _by_world(((world, jobs) for world, jobs, _ in waiting), label)
        found["childproof_webhooks_waiting"] = _by_world(((world, count) for world, _, count in waiting), label)
    return found


def _by_world(counts: Iterable[tuple[str, int]], label: Label) -> Values:
    found: Counter[Labels] = Counter()
    for world, count in counts:
        found[label("world", world),] += count
    return found


def _process() -> dict[str, Values]:
    """What Linux tells of this process; elsewhere the CPU time alone."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    found: dict[str, Values] = {
        "process_cpu_seconds_total": {(): round(used.ru_utime + used.ru_stime, 6)},
        "process_max_fds": {(): resource.getrlimit(resource.RLIMIT_NOFILE)[0]},
    }
    with suppress(OSError, ValueError, IndexError):
        fields = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        page, ticks = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
        booted = next(
            int(line.split()[1])
            for line in Path("/proc/stat").read_text(encoding="ascii").splitlines()
            if line.startswith("btime ")
        )
        found |= {
            "process_start_time_seconds": {(): booted + int(fields[19]) / ticks},
            "process_virtual_memory_bytes": {(): int(fields[20])},
            "process_resident_memory_bytes": {(): int(fields[21]) * page},
            "process_open_fds": {(): len(os.listdir("/proc/self/fd")) - 1},  # noqa: PTH208 (less the one that lists)
        }
    return found


def _number(value: float) -> str:
    return repr(float(value)) if value != int(value) else str(int(value))
