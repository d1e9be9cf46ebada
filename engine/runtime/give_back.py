"""Memory of a day that is over goes back to the machine, so that it cannot add up over days."""

import ctypes
import gc


def give_back() -> None:
    """Free what only cycles hold, then what the allocator keeps of it; glibc alone can be asked."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
