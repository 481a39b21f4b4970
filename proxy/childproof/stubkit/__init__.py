"""What a stub author imports: the marks, the context, entities, responses and refusals. Nothing else of ours is needed."""

from childproof.world import Delivery

from .context.context import Context, merged_metadata
from .entity import Entity, Response
from .events.elliptic import ecdsa_key, ecdsa_public_key
from .folder.marks import expands, finds, hears, job, operation, plants, receives, rpc, seeds, websocket
from .invented.people import Address, Person, people
from .jsontext import from_json
from .mail.composing import Attachment
from .mail.templates import TemplateError
from .mail.templates import compiled as template
from .refusal import Refusal
from .reply.markup import plain_text
from .request.uploads import Upload
from .seeding.playing import SeedContext
from .seeding.recipes import Count, Share, Span
from .seeding.timeline import Seeding
from .streams.sockets import Accept, Close, Message, News, Ping
from .streams.streaming import Comment, Event, Pause
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
