"""The base of all events."""

import msgspec


class Event(
    msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="event", omit_defaults=True
):
    """Base of all events; the tag is the class name and is never re-used."""
