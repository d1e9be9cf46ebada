"""A decision is recomputed in a fresh process from its stored features and its model file."""

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from db.journal import SqliteJournal, read_decision, segments, verify
from engine.compose import ModelFolder
from engine.core.plan import DECISION
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.kinds import F_IMBALANCE_1, MODEL_LIVE
from engine.domain.units import child_text
from engine.learn import registry
from engine.learn.train import train_default
from engine.runtime.models import arrays_digest, read_card
from tests.support.desk_rig import Rig
from tests.support.learning import recordings
from tests.support.parents import a_model

ROOT = Path(__file__).resolve().parents[2]


def a_stored_model(models: Path) -> str:
    """A model that looks at the touch imbalance alone, stored as a real version."""
    model = a_model(weights={F_IMBALANCE_1: 4.0})
    card = read_card(models, train_default(models, recordings(), now_ns=5, expires_at=77))
    card = msgspec.structs.replace(card, arrays_sha256=arrays_digest(model), expires_at=2**62)
    return registry.save(models, model, card)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> tuple[Path, e.ChildIntended, int]:
    """A state folder with ten minutes of ADAPTIVE, and a child the model had a say in."""
    state = tmp_path_factory.mktemp("state")
    model_id = a_stored_model(state / "models")
    rig = Rig(models=ModelFolder(state / "models"))
    rig.run(3)
    rig.do(c.InstallModel(strategy="ADAPTIVE", model_id=model_id, card="test"), "system")
    rig.buy(30_000, strategy="ADAPTIVE")
    rig.run(600)
    journal = SqliteJournal(state / "journal")
    journal.append(rig.journal.entries, rig.journal.records.items())
    journal.close()
    asked = [
        (entry.event, entry.seq)
        for entry in rig.journal.entries
        if isinstance(entry.event, e.ChildIntended) and entry.event.model_state == MODEL_LIVE
    ]
    assert asked, "the model must have been live for some child"
    return state, asked[-1][0], asked[-1][1]


def explain(state: Path, child: str) -> tuple[int, dict]:
    done = subprocess.run(
        [sys.executable, "-m", "engine", "explain", child, "--json", "--state", str(state)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_fresh_process_decides_the_same_to_the_bit(recorded):
    state, child, _ = recorded
    code, body = explain(state, child_text(child.child_id))
    assert (code, body["same"]) == (0, True)
    assert (body["size"], body["price_ticks"]) == (child.quantity, child.price)
    assert body["model"] == "live"
    assert body["contributions"][0][0] == "touch imbalance"


def test_a_tampered_feature_changes_the_action_and_breaks_the_chain(recorded, tmp_path):
    state, child, seq = recorded
    copy = Path(shutil.copytree(state, tmp_path / "state"))
    record = np.frombuffer(read_decision(copy / "journal", seq), dtype=DECISION).copy()
    record["observation"]["features"][0][F_IMBALANCE_1] *= -1
    (segment,) = segments(copy / "journal")
    connection = sqlite3.connect(segment)
    connection.execute("DROP TRIGGER decision_no_update")
    connection.execute("UPDATE decision SET record = ? WHERE seq = ?", (record.tobytes(), seq))
    connection.commit()
    connection.close()
    code, body = explain(copy, child_text(child.child_id))
    assert (code, body["same"]) == (3, False)
    assert verify(copy / "journal").first_bad == seq


def test_a_changed_model_file_is_refused(recorded, tmp_path):
    state, child, _ = recorded
    copy = Path(shutil.copytree(state, tmp_path / "state"))
    card = copy / "models" / child.model_id / "card.json"
    card.write_bytes(card.read_bytes().replace(b'"words"', b'"wordz"'))
    name = child_text(child.child_id)
    done = subprocess.run(
        [sys.executable, "-m", "engine", "explain", name, "--state", str(copy)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert child.model_id in done.stderr
