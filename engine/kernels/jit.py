"""The one decorator of all kernels, and a compile cache that no edit can leave stale.

numba's own cache looks at the file a kernel is in, not at the kernels and constants it uses, and
it ignores ``NUMBA_BOUNDSCHECK``. So the cache lives in a directory named after a hash of all
of them: each edit shows, the second start still hits the cache, two checkouts of one text share it.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

os.environ["NUMBA_DISABLE_INTEL_SVML"] = "1"  # before numba: the same bits on every CPU

import numba
from numba.core.caching import UserProvidedCacheLocator

P = ParamSpec("P")
R = TypeVar("R")

ENGINE: Final = Path(__file__).resolve().parents[1]
KEPT_CACHES: Final = 12  # branches side by side; the rest is disk nobody reads again
CONFIG: Final[Any] = numba.config
NJIT: Final[Any] = numba.njit  # its types leave _nrt out
TYPES: Final[Any] = numba.types  # and these are half typed
JIT: Final = not CONFIG.DISABLE_JIT  # plain Python when NUMBA_DISABLE_JIT=1


def sources() -> list[Path]:
    """Every file whose text the machine code depends on, in a fixed order."""
    domain = [ENGINE / "domain" / "kinds.py", ENGINE / "domain" / "market.py"]
    return [*sorted((ENGINE / "kernels").rglob("*.py")), *domain]


def fingerprint() -> str:
    """Hash of what the machine code depends on: sources and bounds checking."""
    digest = hashlib.sha256(os.environ.get("NUMBA_BOUNDSCHECK", "0").encode())
    for path in sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _usable(path: Path) -> bool:
    """True when the directory is there, or can be made, and takes files."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(path, os.W_OK | os.X_OK)


def _ours_alone(path: Path) -> bool:
    """True when nobody else can put files there: a cache is code that we load."""
    if not hasattr(os, "getuid"):
        return True
    state = path.lstat()
    return path.is_dir() and state.st_uid == os.getuid() and state.st_mode & 0o022 == 0


def cache_root() -> Path:
    """NUMBA_CACHE_DIR, else ~/.cache/quarterdeck, else a directory of this user in the temp dir."""
    wanted = os.environ.get("NUMBA_CACHE_DIR", "")
    home = Path("~").expanduser()
    candidates = [Path(wanted)] if wanted else []
    if home.is_absolute():
        candidates.append(home / ".cache" / "quarterdeck")
    for path in candidates:
        if _usable(path):
            return path
    user = os.getuid() if hasattr(os, "getuid") else 0
    shared = Path(tempfile.gettempdir()) / f"quarterdeck-cache-{user}"
    if _usable(shared) and _ours_alone(shared):
        return shared
    return Path(tempfile.mkdtemp(prefix="quarterdeck-cache-"))  # compiles anew at each start


def drop_old_caches(root: Path, keep: int = KEPT_CACHES) -> list[str]:
    """Remove all but the newest caches under ``root``; names of the removed, newest first.

    Touches only directories named like a fingerprint. Another process may be removing or
    writing the same one: what it took away is not an error, numba compiles again what is missing.
    """
    found: list[tuple[int, Path]] = []
    for path in root.iterdir():
        if re.fullmatch("[0-9a-f]{16}", path.name) and path.is_dir():
            try:
                found.append((path.stat().st_mtime_ns, path))
            except FileNotFoundError:
                continue
    old = [path for _, path in sorted(found, reverse=True)[keep:]]
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
    return [path.name for path in old]


def open_cache() -> Path:
    """Point numba at the cache of these sources and drop those of long-gone ones."""
    root = cache_root() / "kernels"
    place = root / fingerprint()
    place.mkdir(parents=True, exist_ok=True)
    os.utime(place)  # newest by use, not by birth
    drop_old_caches(root)
    CONFIG.CACHE_DIR = str(place)
    return place


class SharedPlace(UserProvidedCacheLocator):
    """A kernel's place in the cache: by the name of its folder, not the path of the checkout.

    The fingerprint above it, and numba's own hash of the file, say which text it was made from.
    """

    @classmethod
    def get_suitable_cache_subpath(cls, py_file: str) -> str:
        return Path(py_file).resolve().parent.name


CACHE: Final = open_cache()  # before the first njit
CONFIG.CACHE_LOCATOR_CLASSES = f"{__name__}.{SharedPlace.__name__}"
KERNELS: Final[list[Callable[..., Any]]] = []  # that have been imported


def _widened(kind: Any) -> Any:
    """The type of an argument without its value, and a short int as a long one."""
    plain = TYPES.unliteral(kind)
    short = isinstance(plain, TYPES.Integer) and plain.signed and plain.bitwidth < 64
    return TYPES.int64 if short else plain


def _once(compiled: Any) -> Any:
    """Have a kernel compiled once for kernels that call it with 0, with 1 and with a variable.

    Left alone, numba makes a version for each constant: reports had 15, all warm-up took twice the
    time. LLVM still folds the constants wherever it copies a kernel into its caller.
    """
    if not JIT:
        return compiled
    resolve = compiled.get_call_template

    def resolve_widened(args: Any, named: Any) -> Any:
        return resolve(
            tuple(_widened(kind) for kind in args),
            {name: _widened(kind) for name, kind in named.items()},
        )

    compiled.get_call_template = resolve_widened
    return compiled


def _inside(compiled: Any) -> Any:
    """Have a kernel without a way in say so when Python calls it: numba would jump to address 0."""
    if not JIT:
        return compiled
    name = compiled.py_func.__name__

    def refuse(*_arguments: Any, **_named: Any) -> None:
        raise TypeError(f"only kernels can call {name}; what Python calls must be hot or a door")

    compiled._compile_for_args = refuse
    compiled._insert = lambda *_signature, **_named: None  # so that it asks the above each time
    return compiled


def _made(function: Callable[P, R], *, widened: bool = True, **options: Any) -> Callable[P, R]:
    """Compile ``function`` on its first call: cached, without the GIL, fastmath off."""
    made: Any = NJIT(cache=True, nogil=True, error_model="python", **options)(function)
    made = _once(made) if widened else made
    if options.get("no_cpython_wrapper"):
        made = _inside(made)
    KERNELS.append(made)
    kernel_of: Callable[P, R] = made
    return kernel_of


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function``: cached, without the GIL, fastmath and parallel off."""
    return _made(function)


def hot(function: Callable[P, R]) -> Callable[P, R]:
    """A kernel that makes no array and returns none: numba then counts no references.

    Counting costs two atomic operations each time a tuple of arrays is handed on, which made the
    book 3 to 6 times slower. A loop over the book is ``hot`` and gets its scratch arrays from the
    caller; numba refuses to compile an allocation in it. (``_nrt`` has no public spelling yet.)
    """
    return _made(function, _nrt=False)


def inner(function: Callable[P, R]) -> Callable[P, R]:
    """A ``hot`` kernel that only kernels call: Python has no way in, compiling is cheaper by half.

    The way in unpacks every array of an environment; nobody would use most of them.
    """
    return _made(function, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def apart(function: Callable[P, R]) -> Callable[P, R]:
    """An ``inner`` kernel with a version for each constant it is called with: the hottest only."""
    no_way_in = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return _made(function, widened=False, _nrt=False, **no_way_in)


def leaf(function: Callable[P, R]) -> Callable[P, R]:
    """An ``inner`` kernel that LLVM always copies into its caller.

    For small steps of a loop: 21 ns a book message became 11. Call a larger one from one place
    only, or wrap it in a ``hot`` function: each call site is a copy that has to be compiled.
    """
    no_way_in = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return _made(function, _nrt=False, forceinline=True, **no_way_in)


def door(function: Callable[P, R]) -> Callable[P, R]:
    """A ``leaf`` that Python calls too."""
    return _made(function, _nrt=False, forceinline=True)


def compiled_in_all() -> int:
    """How many signatures of all kernels this process had to compile."""
    return sum(compiled_here(one) for one in KERNELS)


def compiled_here(function: Callable[..., object]) -> int:
    """How many signatures of a kernel this process had to compile (0 = all came from the cache)."""
    stats = getattr(function, "stats", None)
    return 0 if stats is None else sum(stats.cache_misses.values())
