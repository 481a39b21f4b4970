"""What a stub author imports: the marks, the context, entities, responses and refusals. Nothing else of ours is needed."""

from childproof.world import Delivery

from .composing import Attachment
from .context import Context, merged_metadata
from .elliptic import ecdsa_key, ecdsa_public_key
from .entity import Entity, Response
from .jsontext import from_json
from .marks import expands, finds, hears, job, operation, plants, receives, rpc, seeds, websocket
from .markup import plain_text
from .people import Address, Person, people
from .playing import SeedContext
from .recipes import Count, Share, Span
from .refusal import Refusal
from .sockets import Accept, Close, Message, News, Ping
from .streaming import Comment, Event, Pause
from .templates import TemplateError
from .templates import compiled as template
from .timeline import Seeding
from .uploads import Upload
from .yamltext import from_yaml

__all__ = [
    "Accept",
    "Address",
    "Attachment",
    "Close",
    "Comment",
    "Context",
    "Count",
    "Delivery",
    "Entity",
    "Event",
    "Message",
    "News",
    "Pause",
    "Person",
    "Ping",
    "Refusal",
    "Response",
    "SeedContext",
    "Seeding",
    "Share",
    "Span",
    "TemplateError",
    "Upload",
    "ecdsa_key",
    "ecdsa_public_key",
    "expands",
    "finds",
    "from_json",
    "from_yaml",
    "hears",
    "job",
    "merged_metadata",
    "operation",
    "people",
    "plain_text",
    "plants",
    "receives",
    "rpc",
    "seeds",
    "template",
    "websocket",
]
