"""A bundle of arrays that one kernel hands to the next as one word.

numba hands a tuple of arrays on field by field: seven words an array, more than a hundred for an
environment, at every call that is not copied into its caller. A class under ``one_word`` stays the
tuple it is in Python; kernels see its address and load what they use. The loads are marked as
invariant, because a bundle never changes while a kernel runs: LLVM keeps what it has loaded
whatever is stored meanwhile.
"""

import hashlib
from typing import Any, Final, TypeVar

import numba.extending
from numba.core import cgutils, imputils
from numba.core.datamodel import models
from numba.core.typing import templates

from engine.kernels.jit import JIT, TYPES

T = TypeVar("T", bound=type)
# numba is half typed
TOOLS: Final[Any] = cgutils
IR: Final[Any] = TOOLS.ir
EXTEND: Final[Any] = numba.extending
BORROWED: Final[Any] = imputils.impl_ret_borrowed
TYPE: Final[Any] = TYPES.Type
MODEL: Final[Any] = models.PrimitiveModel
TEMPLATE: Final[Any] = templates.AttributeTemplate


class Handed(TYPE):  # type: ignore[misc]
    """The numba type of a bundle; ``bundle`` is that of the named tuple it stands for."""

    def __init__(self, bundle: Any) -> None:
        self.bundle = bundle
        super().__init__(name=f"one_word({bundle})")

    @property
    def mangling_args(self) -> tuple[str, tuple[()]]:
        """A short name in symbols; that of an environment has ten thousand letters."""
        layout = hashlib.sha256(self.name.encode()).hexdigest()[:12]
        return f"{self.bundle.instance_class.__name__}_{layout}", ()


class HandedModel(MODEL):  # type: ignore[misc]
    """An address."""

    def __init__(self, manager: Any, kind: Any) -> None:
        values = manager.lookup(kind.bundle).get_value_type()
        super().__init__(manager, kind, values.as_pointer())


class HandedAttribute(TEMPLATE):  # type: ignore[misc]
    """``bundle.field`` has the type that it has in the tuple."""

    key = Handed

    def generic_resolve(self, kind: Any, name: str) -> Any:
        """None, as numba wants it, for a name that is no field."""
        bundle = kind.bundle
        return bundle.types[bundle.fields.index(name)] if name in bundle.fields else None


def load_words(builder: Any, place: Any, kind: Any) -> Any:
    """What stands at an address, word by word: only single words can be marked as invariant."""
    if isinstance(kind, IR.BaseStructType | IR.ArrayType):
        value = IR.Constant(kind, IR.Undefined)
        for i in range(len(kind)):
            part = kind.elements[i] if isinstance(kind, IR.BaseStructType) else kind.element
            found = load_words(builder, TOOLS.gep_inbounds(builder, place, 0, i), part)
            value = builder.insert_value(value, found, i)
        return value
    word = builder.load(place)
    word.set_metadata("invariant.load", builder.module.add_metadata([]))
    return word


def field_of(context: Any, builder: Any, kind: Any, value: Any, name: str) -> Any:
    """The code of ``bundle.field``."""
    at = kind.bundle.fields.index(name)
    field = kind.bundle.types[at]
    place = TOOLS.gep_inbounds(builder, value, 0, at)
    found = load_words(builder, place, context.get_value_type(field))
    return BORROWED(context, builder, field, found)


def unpacked(kind: Any, bundle: Any, c: Any) -> Any:
    """The code of the way in from Python: the arrays of the tuple go on the stack.

    The address then goes through an empty piece of assembly, so that LLVM cannot see the stores:
    they come before every load, and moving a load up before them would be the end of us.
    """
    native = c.unbox(kind.bundle, bundle)
    place = TOOLS.alloca_once_value(c.builder, native.value)
    same = IR.FunctionType(place.type, [place.type])
    hidden = c.builder.asm(same, "", "=r,0,~{memory}", [place], side_effect=True)
    return EXTEND.NativeValue(hidden, is_error=native.is_error, cleanup=native.cleanup)


if JIT:
    EXTEND.register_model(Handed)(HandedModel)
    EXTEND.infer_getattr(HandedAttribute)
    EXTEND.lower_getattr_generic(Handed)(field_of)
    EXTEND.unbox(Handed)(unpacked)


def one_word(cls: T) -> T:
    """Have kernels hand on this class of named tuples as one word."""
    if JIT:

        def kind_of(value: Any, context: Any) -> Any:
            fields = [EXTEND.typeof_impl(field, context) for field in value]
            return Handed(TYPES.NamedTuple(fields, cls))

        EXTEND.typeof_impl.register(cls)(kind_of)
    return cls
