"""Arithmetic that several files may need."""


def adds_up(parts: list[int], total: int) -> bool:
    """Whether the parts make the whole."""
    return sum(parts) == total
