"""A value with other fields, whichever of the two kinds it is: a Struct, as nearly all are, or a dataclass."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import replace  # mypy knows it: it checks names and types of the fields, those of Structs too
else:
    import dataclasses

    import msgspec

    def replace(value: Any, /, **changes: Any) -> Any:
        """A copy with these fields changed. `dataclasses.replace` takes no Struct, `msgspec.structs.replace` no dataclass."""
        kind = msgspec.structs if isinstance(value, msgspec.Struct) else dataclasses
        return kind.replace(value, **changes)


__all__ = ["replace"]
