"""What a stub author imports: the marks, the context, entities, responses and refusals. Nothing else of ours is needed."""

from .context import Context, merged_metadata
from .entity import Entity, Response
from .marks import expands, job, operation, receives, rpc, seeds, websocket
from .people import Address, Person, people
from .playing import SeedContext
from .recipes import Count, Share, Span
from .refusal import Refusal
from .sockets import Accept, Close, Message, Ping
from .streaming import Comment, Event, Pause
from .timeline import Seeding
from .uploads import Upload

__all__ = [
    "Accept",
    "Address",
    "Close",
    "Comment",
    "Context",
    "Count",
    "Entity",
    "Event",
    "Message",
    "Pause",
    "Person",
    "Ping",
    "Refusal",
    "Response",
    "SeedContext",
    "Seeding",
    "Share",
    "Span",
    "Upload",
    "expands",
    "job",
    "merged_metadata",
    "operation",
    "people",
    "receives",
    "rpc",
    "seeds",
    "websocket",
]
