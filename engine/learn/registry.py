"""Where trained models go: arrays and card under a name that is the hash of their content."""

import os
import shutil
from pathlib import Path

import numpy as np

from engine.domain.errors import Refused
from engine.kernels.inference import Model
from engine.runtime.models import (
    ARRAYS,
    CARD,
    Card,
    PolicyCard,
    arrays_digest,
    arrays_of,
    encode_card,
    load_model,
    model_id_of,
)


def save(directory: Path, model: Model, card: Card | PolicyCard) -> str:
    """Write a model version and return its id. The same content has the same id: saved once.

    Written beside its place and moved there whole, so that no reader meets half a model.
    """
    if card.arrays_sha256 != arrays_digest(model):
        raise Refused("a card must name the hash of its own arrays", rule="model.hash")
    content = encode_card(card)
    model_id = model_id_of(content, card.short)
    place = directory / model_id
    if place.exists():
        load_model(directory, model_id)
        return model_id
    draft = directory / f".{model_id}.{os.getpid()}"
    draft.mkdir(parents=True)
    try:
        with (draft / ARRAYS).open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays_of(model))
        (draft / CARD).write_bytes(content)
        draft.rename(place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    load_model(directory, model_id)
    return model_id
