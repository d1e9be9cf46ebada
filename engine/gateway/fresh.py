"""An answer that nobody may keep: JSON of this moment."""

import orjson
from starlette.responses import Response


def fresh(body: object) -> Response:
    """The body as JSON, never from a cache. NaN becomes null."""
    return Response(
        orjson.dumps(body), media_type="application/json", headers={"cache-control": "no-store"}
    )
