"""One line of the benchmarks' table, and the two ways to measure that they share."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A figure with its unit, and the figure to reach where there is one."""

    what: str
    measured: str
    target: str = ""


def median_us(work: Callable[[], object], *, repeat: int = 7, number: int = 200) -> float:
    """The median over `repeat` rounds of the mean time of one call, in microseconds of wall time."""
    rounds = []
    for _ in range(repeat):
        started = time.perf_counter()
        for _ in range(number):
            work()
        rounds.append((time.perf_counter() - started) / number * 1e6)
    return statistics.median(rounds)
