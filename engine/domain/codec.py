"""Commands and events to bytes and back: JSON in the journal, MessagePack on the links."""

from typing import Final

import msgspec

from engine.domain.commands import AnyCommand, Envelope
from engine.domain.errors import Refused
from engine.domain.events import Entry

_JSON: Final = msgspec.json.Encoder(order="deterministic")
_ENTRY: Final = msgspec.json.Decoder(Entry)
_COMMAND: Final = msgspec.json.Decoder(AnyCommand)
_ENVELOPE: Final = msgspec.msgpack.Decoder(Envelope)
_PACK: Final = msgspec.msgpack.Encoder()


def entry_to_json(entry: Entry) -> bytes:
    """The bytes that are stored and hashed; nothing ever re-encodes them."""
    return _JSON.encode(entry)


def entry_from_json(data: bytes) -> Entry:
    """An entry; an unknown tag raises (the reader must stop, not guess)."""
    return _ENTRY.decode(data)


def envelope_to_bytes(envelope: Envelope) -> bytes:
    """MessagePack for the link."""
    return _PACK.encode(envelope)


def envelope_from_bytes(data: bytes) -> Envelope:
    """Refused when malformed or when a number is not finite."""
    try:
        envelope: Envelope = _ENVELOPE.decode(data)
        _COMMAND.decode(_JSON.encode(envelope.command))  # NaN has no JSON: it would not come back
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise Refused(f"the command is not understood: {error}") from error
    return envelope
