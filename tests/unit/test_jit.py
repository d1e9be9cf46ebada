"""The compile cache follows every source, and cleans up after itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.kernels import jit

ROOT = Path(__file__).resolve().parents[2]


def test_the_fingerprint_covers_every_kernel_and_the_shared_constants():
    names = {path.name for path in jit.sources()}
    assert {"jit.py", "book.py", "rng.py", "kinds.py", "market.py"} <= names


def test_the_fingerprint_changes_with_a_source_and_with_bounds_checking(tmp_path, monkeypatch):
    copy = tmp_path / "engine"
    for folder in ("kernels", "domain"):
        shutil.copytree(jit.ENGINE / folder, copy / folder)
    monkeypatch.setattr(jit, "ENGINE", copy)
    monkeypatch.delenv("NUMBA_BOUNDSCHECK", raising=False)
    plain = jit.fingerprint()
    assert jit.fingerprint() == plain
    monkeypatch.setenv("NUMBA_BOUNDSCHECK", "1")
    assert jit.fingerprint() != plain
    monkeypatch.delenv("NUMBA_BOUNDSCHECK")
    constants = copy / "domain" / "kinds.py"
    constants.write_text(constants.read_text() + "\nNEW_KIND = 99\n")
    assert jit.fingerprint() != plain


def test_old_caches_go_and_the_newest_and_strangers_stay(tmp_path):
    for age, name in enumerate(["a" * 16, "b" * 16, "c" * 16]):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1_000 - age, 1_000 - age))
    (tmp_path / "somebody-elses").mkdir()
    (tmp_path / ("d" * 16)).write_text("a file")
    assert jit.drop_old_caches(tmp_path, keep=2) == ["c" * 16]
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "a" * 16,
        "b" * 16,
        "d" * 16,
        "somebody-elses",
    ]


def test_the_cache_falls_back_to_the_temp_dir_when_nothing_else_takes_files(tmp_path, monkeypatch):
    monkeypatch.setattr(jit.tempfile, "tempdir", str(tmp_path))
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(blocked / "cache"))
    monkeypatch.setenv("HOME", str(blocked))
    spare = jit.cache_root()
    assert spare == tmp_path / f"quarterdeck-cache-{os.getuid()}"
    spare.chmod(0o777)  # somebody else could plant code there
    assert jit.cache_root().parent == tmp_path
    assert jit.cache_root() != spare
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "wanted"))
    assert jit.cache_root() == tmp_path / "wanted"
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert jit.cache_root() == tmp_path / ".cache" / "quarterdeck"


@pytest.mark.skipif(not jit.JIT, reason="nothing is compiled with NUMBA_DISABLE_JIT=1")
def test_a_second_start_compiles_nothing_not_even_in_another_checkout(tmp_path):
    program = (
        "from engine.kernels import bits, jit, rng\n"
        "rng.uniform(1, 2, 3)\n"
        "print(jit.compiled_here(rng.uniform), jit.CACHE)"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    # copies of the sources: nobody edits them between the two starts
    checkouts = [tmp_path / "one", tmp_path / "two"]
    for checkout in checkouts:
        for folder in ("kernels", "domain"):
            shutil.copytree(ROOT / "engine" / folder, checkout / "engine" / folder)
        (checkout / "engine" / "__init__.py").write_text("")
    starts = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=checkout,
            env={**environment, "PYTHONPATH": str(checkout)},
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        ).stdout.split()
        for checkout in checkouts
    ]
    assert [compiled for compiled, _ in starts] == ["1", "0"]
    assert starts[0][1] == starts[1][1]
    assert Path(starts[0][1]).parent == tmp_path / "cache" / "kernels"


@pytest.mark.skipif(not jit.JIT, reason="nothing is compiled with NUMBA_DISABLE_JIT=1")
def test_a_hot_kernel_refuses_to_make_an_array():
    import numba
    import numpy as np

    def makes_an_array(n):
        return np.zeros(n).sum()

    with pytest.raises(numba.TypingError):
        numba.njit(_nrt=False)(makes_an_array)(3)


@pytest.mark.skipif(not jit.JIT, reason="nothing is compiled with NUMBA_DISABLE_JIT=1")
def test_a_kernel_is_compiled_once_for_constants_and_variables():
    @jit.leaf
    def twice(x: int) -> int:
        return 2 * x

    @jit.hot
    def sums(n: int) -> int:
        return twice(1) + twice(2) + twice(n)

    assert sums(5) == 16
    assert len(twice.overloads) == 1


@pytest.mark.skipif(not jit.JIT, reason="nothing is compiled with NUMBA_DISABLE_JIT=1")
def test_python_cannot_call_what_has_no_way_in():
    @jit.inner
    def one(x: int) -> int:
        return x + 1

    @jit.hot
    def two(x: int) -> int:
        return one(x) + 1

    with pytest.raises(TypeError, match="only kernels can call one"):
        one(1)
    assert two(1) == 3
    with pytest.raises(TypeError, match="only kernels can call one"):
        one(1)  # compiled by now


@pytest.mark.skipif(not jit.JIT, reason="nothing is compiled with NUMBA_DISABLE_JIT=1")
def test_a_desk_that_is_warm_compiles_nothing():
    program = (
        "from engine.kernels import jit; from engine.warm import ready\n"
        "ready(); print(jit.compiled_in_all())\n"
    )
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=600,
        )
    assert done.stdout.split() == ["0"]
