"""A model as one string of bytes: how it goes to the processes of a pool. Disk is ``models``."""

import functools
import struct
from typing import Any, Final

import numpy as np

from engine.domain.errors import Refused
from engine.kernels.inference import MODEL, Model
from engine.kernels.trees import NODE
from engine.runtime.model_shape import check_shape

HEAD: Final = struct.Struct("<8s3q")  # mark, then how many nodes, values and numbers of the plan
MARK: Final = b"QDMODEL1"
PARTS: Final = (NODE, np.dtype("<f8"), np.dtype("<i8"))


def pack(model: Model) -> bytes:
    """The arrays of a model behind each other."""
    sizes = (model.nodes.size, model.values.size, model.plan.size)
    return HEAD.pack(MARK, *sizes) + b"".join(array.tobytes() for array in model)


@functools.lru_cache(maxsize=8)  # the same few models on thousands of paths; nobody writes them
def unpack(content: bytes) -> Model:
    """The model of ``pack``; refused when the bytes are not one."""
    if len(content) < HEAD.size + MODEL.itemsize or content[: len(MARK)] != MARK:
        raise Refused(f"a packed model must begin with {MARK.decode()}", field="model")
    _, *sizes = HEAD.unpack_from(content)
    at = HEAD.size + MODEL.itemsize
    wanted = at + sum(n * part.itemsize for n, part in zip(sizes, PARTS, strict=True))
    if min(sizes) < 0 or len(content) != wanted:
        raise Refused(f"a packed model must have {wanted} bytes, had {len(content)}", field="model")
    arrays: list[Any] = [np.frombuffer(content[HEAD.size : at], MODEL).copy()]
    for n, part in zip(sizes, PARTS, strict=True):
        end = at + n * part.itemsize
        arrays.append(np.frombuffer(content[at:end], part).copy())
        at = end
    model = Model(*arrays)
    check_shape(model, "packed")
    return model
