"""Decide stored observations again without compiled code: ``NUMBA_DISABLE_JIT=1 python -m`` this.

Prints the strategies whose stored actions it reproduced to the bit; ends with 1 at the first that
differ.
"""

import sys

import numpy as np

from engine.kernels.act import decide
from engine.kernels.inference import linear_model
from engine.kernels.jit import JIT
from engine.kernels.schedules import u_shape_curve


def main(path):
    assert not JIT
    curve = u_shape_curve()
    with np.load(path, allow_pickle=False) as stored:
        for name in [key[:-5] for key in stored.files if key.endswith("_seen")]:
            seen, done = stored[f"{name}_seen"], stored[f"{name}_done"]
            knobs, model = stored[f"{name}_knobs"], linear_model(stored[f"{name}_model"])
            for k in range(len(seen)):
                if decide(seen[k].copy(), knobs, curve, model).tobytes() != done[k].tobytes():
                    print(f"{name}: decision {k} differs")
                    return 1
            print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
