"""What a stub author imports: the marks, the context, entities, responses and refusals. Nothing else of ours is needed."""

from .context import Context, merged_metadata
from .entity import Entity, Response
from .marks import expands, job, operation, receives
from .refusal import Refusal

__all__ = ["Context", "Entity", "Refusal", "Response", "expands", "job", "merged_metadata", "operation", "receives"]
