"""Whether the arrays of a model lead nowhere outside of themselves: compiled code does not look."""

import numpy as np

from engine.domain.errors import Refused
from engine.domain.kinds import N_FEATURES
from engine.kernels.dense import BLOCK, IDENTITY, WIDEST
from engine.kernels.inference import LINEAR, LOGISTIC, MACHINE, MOVE, PERCEPTRON, TREES, Model
from engine.kernels.trees import TOGETHER

DEEPEST = 10_000  # steps of a walk


def check_shape(model: Model, name: str) -> None:
    """Refuse a model whose indices, sizes or numbers cannot be right."""
    row = model.row[0]
    kind = int(row["type"])
    shapes = {
        LOGISTIC: _linear_is_right,
        LINEAR: _linear_is_right,
        TREES: _trees_are_right,
        PERCEPTRON: _perceptron_is_right,
        MACHINE: _machine_is_right,
    }
    numbers = [row["bias"], row["factor"], row["gamma"], *row["weights"], *row["mean"]]
    right = bool(
        kind in shapes
        and np.isfinite(numbers).all()
        and np.isfinite(model.values).all()
        and (row["scale"] > 0.0).all()
        and (row["output"] != MOVE or row["full_at"] > 0.0)
        and shapes[kind](model)
    )
    if not right:
        raise Refused(f"the arrays of model {name} do not describe a model", rule="model.shape")


def _linear_is_right(model: Model) -> bool:
    return bool(model.nodes.size == model.values.size == model.plan.size == 0)


def _trees_are_right(model: Model) -> bool:
    nodes, plan = model.nodes, model.plan
    if nodes.size == 0 or model.values.size != nodes.size or plan.size < 2 or plan.min() < 0:
        return False
    walks = int(plan[0] + plan[1])
    roots = plan[2 + walks :]
    leaf = nodes["left"] == np.arange(nodes.size)
    inside = leaf | (nodes["left"] < nodes.size - 1)
    return bool(
        walks > 0
        and roots.size == TOGETHER * plan[0] + plan[1]
        and (roots < nodes.size).all()
        and (plan[2 : 2 + walks] <= DEEPEST).all()
        and inside.all()
        and (nodes["left"] >= np.arange(nodes.size)).all()  # no walk comes back: it ends
        and (nodes["feature"] < N_FEATURES).all()
        and (nodes["threshold"][leaf] == np.inf).all()
        and not np.isnan(nodes["threshold"]).any()
    )


def _perceptron_is_right(model: Model) -> bool:
    plan = model.plan
    if model.nodes.size or plan.size < 3 or plan[0] != plan.size - 2:
        return False
    units = plan[1:]
    weights = int(((units[:-1] + 1) * units[1:]).sum())
    return bool(
        units.min() >= 1
        and units.max() <= WIDEST
        and units[0] == model.row["used"].sum()
        and units[-1] == 1
        and model.values.size == weights
        and 0 <= model.row["activation"][0] <= IDENTITY
    )


def _machine_is_right(model: Model) -> bool:
    plan = model.plan
    return bool(
        model.nodes.size == 0
        and plan.size == 2
        and plan[0] >= 1
        and plan[1] == model.row["used"].sum()
        and model.values.size == plan[0] * BLOCK * (2 + plan[1])
        and model.row["gamma"][0] > 0.0
    )
