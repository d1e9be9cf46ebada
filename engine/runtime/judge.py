"""What the card of a version says against it, read before somebody decides about the version."""

from collections.abc import Callable, Iterable

from engine.core.turn import Desk
from engine.domain import events as e
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.runtime.ports import Models


def judge(
    desk: Desk,
    models: Models,
    facts: Callable[[tuple[AnyEvent, ...]], None],
    model_ids: Iterable[str],
) -> None:
    """Write it down, once a version; a version that is not there is a rule's to refuse."""
    for model_id in model_ids:
        if not model_id or model_id in desk.state.judged:
            continue
        try:
            model = desk.models.get(model_id) or models.load(model_id)
        except Refused:
            continue
        against = (f"its own validation: {model.red_flag}",) if model.red_flag else ()
        facts((e.ModelJudged(model_id=model_id, against=against),))
