"""Errors as RFC 9457 ``application/problem+json``: one shape for every door."""

from typing import Final

import orjson
from starlette.responses import Response

TITLES: Final = {
    400: "Not understood",
    401: "Log in first",
    403: "Not allowed",
    404: "Not found",
    405: "Not this way",
    408: "Too slow",
    409: "Changed meanwhile",
    413: "Too large",
    415: "JSON only",
    422: "Refused",
    429: "Too many tries",
    500: "Our fault",
    503: "Not ready",
    504: "No answer",
}


def problem(
    status: int, detail: str, *, kind: str = "about:blank", **more: str | int | float | bool
) -> Response:
    """A refusal with its sentence; ``more`` are extra members such as ``field`` or ``id``."""
    document = {
        "type": kind,
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        **more,
    }
    return Response(
        orjson.dumps(document), status_code=status, media_type="application/problem+json"
    )
