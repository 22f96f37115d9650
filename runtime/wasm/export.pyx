# cython: language_level=3, boundscheck=False, wraparound=False
"""Exported functions as Python callables.

A call picks the first variant that fits the types of its arguments. Integers, floats and booleans
travel in registers; what a parameter takes boxed goes through the memory (machine.pyx)."""

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int64_t
from libc.string cimport memset

from runtime.values cimport layout
from runtime.values.atoms cimport List, list_of
from runtime.wasm.capi cimport VAL_F64, VAL_I32, VAL_I64
from runtime.wasm.machine cimport enter, leave

from backend_wasm.sections import entry_name
from runtime.values.shapes import shape_of
from runtime.wasm.errors import ModuleRejected, arity_error

cdef extern from *:
    """
    /* Cython has no vectorcall for extension types; `offset` is where the instance keeps the pointer. */
    static void rtfsc_use_vectorcall(PyTypeObject *type, Py_ssize_t offset) {
        type->tp_vectorcall_offset = offset;
        type->tp_call = PyVectorcall_Call;
        type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
        PyType_Modified(type);
    }
    static inline PyObject *rtfsc_pass(PyObject *result) { return result; }
    static inline Py_ssize_t rtfsc_nargs(size_t n) { return PyVectorcall_NARGS(n); }
    """
    void rtfsc_use_vectorcall(type, Py_ssize_t)
    object rtfsc_pass(PyObject *)  # NULL raises what is set
    Py_ssize_t rtfsc_nargs(size_t)

cdef extern from "Python.h":
    bint PyLong_CheckExact(PyObject *)
    bint PyLong_Check(PyObject *)
    bint PyBool_Check(PyObject *)
    bint PyFloat_Check(PyObject *)
    double PyFloat_AS_DOUBLE(PyObject *)
    int64_t PyLong_AsLongLongAndOverflow(PyObject *, int *) except? -1
    Py_ssize_t PyTuple_GET_SIZE(PyObject *)
    PyObject *Py_True
    Py_UCS4 PyUnicode_ReadChar(str, Py_ssize_t) except? 0xFFFFFFFF

_KINDS = {"i": VAL_I64, "f": VAL_F64, "b": VAL_I32, "v": VAL_I64}


cdef inline char letter_of(str letter) except -1:
    return <char>PyUnicode_ReadChar(letter, 0)


cdef inline bint fits(Variant *v, PyObject **args) noexcept:
    cdef Py_ssize_t i
    cdef char letter
    for i in range(v.count):
        letter = v.params[i]
        if letter == b'i':
            if not PyLong_CheckExact(args[i]) and (not PyLong_Check(args[i]) or PyBool_Check(args[i])):
                return False
        elif letter == b'f':
            if not PyFloat_Check(args[i]):
                return False
        elif letter == b'b':
            if not PyBool_Check(args[i]):
                return False
    return True


cdef object attempt(Export self, Variant *v, PyObject **args, wt_raw *slots):
    self.fill(v, args, slots)
    self.machine.invoke(&v.func, slots, max(v.count, 2))
    return self.take(v, slots)


# The same function, with NULL for an exception that stays set.
ctypedef PyObject *(*attempt_function)(Export, Variant *, PyObject **, wt_raw *) noexcept


cdef object call(object this, PyObject **args, size_t flagged, PyObject *names):
    cdef Export self = <Export>this
    cdef Py_ssize_t i, count = rtfsc_nargs(flagged)
    cdef Variant *v = self.variants
    cdef wt_raw slots[MAX_PARAMS + 2]
    if names != NULL and PyTuple_GET_SIZE(names):
        raise TypeError(f"{self.__name__}() takes no keyword arguments")
    if count != self.fixed or self.rest:
        return self.with_rest(args, count)
    for i in range(self.variant_count):
        if fits(v, args):
            return self.run(v, args, slots)
        v += 1
    raise AssertionError("the boxed entry takes everything")


cdef class Export:
    """An exported function. ``interface`` is its entry in ``rtfs.interface``; every exported function of
    the module is checked against it here, because calls are not."""

    def __cinit__(self, Machine machine not None, dict interface not None):
        cdef str name = interface["name"]
        cdef list variants = interface["variants"]
        self.vectorcall = call
        self.machine, self.interface, self.__name__ = machine, interface, name
        self.rest = interface["rest"]
        count = len(interface["params"])
        if count > MAX_PARAMS or (self.rest and not count):
            raise ModuleRejected(f"{name}: wrong number of parameters")
        self.fixed = count - 1 if self.rest else count
        types = interface["param_types"]
        self.shapes = tuple([shape_of(text) for text in types]) if len(types) == count else (None,) * count
        self.variants = <Variant *>PyMem_Malloc((len(variants) + 1) * sizeof(Variant))
        if self.variants == NULL:
            raise MemoryError()
        if not self.rest:
            for v in sorted(variants, key=_boxed_parameters):
                self.add(v["export"], v["params"], v["result"], v["raises"])
        self.add(entry_name(name), "v" * count, "v", True)

    def __dealloc__(self):
        PyMem_Free(self.variants)

    cdef int add(self, str export, str params, str result, bint raises) except -1:
        cdef Variant *v = &self.variants[self.variant_count]
        if len(params) != self.fixed + self.rest:
            raise ModuleRejected(f"{export}: variant of another arity")
        results = (_KINDS[result], VAL_I32) if raises and result != "v" else (_KINDS[result],)
        self.machine.bind(export, tuple([_KINDS[letter] for letter in list(params)]), results, &v.func)
        memset(v.params, 0, sizeof(v.params))
        for i, letter in enumerate(params):
            v.params[i] = letter_of(letter)
        v.count, v.result, v.raises = len(params), letter_of(result), raises
        self.variant_count += 1
        return 0

    cdef object run(self, Variant *v, PyObject **args, wt_raw *slots):
        cdef Machine m = self.machine
        cdef Entry entry
        enter(m, &entry)
        cdef PyObject *result = (<attempt_function>attempt)(self, v, args, slots)
        if result != NULL:
            leave(m, &entry)
            return rtfsc_pass(result)
        try:  # only here: a try block in the way of every call costs 10 ns
            rtfsc_pass(NULL)
        except:
            m.restore(&entry)
            leave(m, &entry)
            raise

    cdef int fill(self, Variant *v, PyObject **args, wt_raw *slots) except -1:
        cdef Py_ssize_t i
        cdef int overflow = 0
        cdef char letter
        for i in range(v.count):
            letter = v.params[i]
            if letter == b'i':
                slots[i].i64 = PyLong_AsLongLongAndOverflow(args[i], &overflow)
                if overflow:
                    raise OverflowError(f"argument {i}: an integer beyond 64 bits")
            elif letter == b'v':
                slots[i].i64 = <int64_t>self.machine.box(<object>args[i], i, self.shapes[i])
            elif letter == b'f':
                slots[i].f64 = PyFloat_AS_DOUBLE(args[i])
            else:
                slots[i].i64 = args[i] == Py_True
        return 0

    cdef object take(self, Variant *v, wt_raw *slots):
        if v.result == b'v':
            if <uint64_t>slots[0].i64 == layout.SPECIAL_ERR:
                raise self.machine.take_error()
            return self.machine.unbox(<uint64_t>slots[0].i64)
        if v.raises and slots[1].i32:
            raise self.machine.take_error()
        if v.result == b'i':
            return slots[0].i64
        if v.result == b'f':
            return slots[0].f64
        return slots[0].i32 != 0

    cdef object with_rest(self, PyObject **args, Py_ssize_t count):
        """A call with a rest parameter, or with a wrong number of arguments."""
        cdef PyObject *given[MAX_PARAMS + 1]
        cdef wt_raw slots[MAX_PARAMS + 2]
        cdef Py_ssize_t i
        if count < self.fixed or not self.rest:
            raise arity_error(self.__name__, self.fixed, self.rest, count)
        cdef List rest = list_of(tuple([<object>args[i] for i in range(self.fixed, count)]))
        for i in range(self.fixed):
            given[i] = args[i]
        given[self.fixed] = <PyObject *>rest
        return self.run(&self.variants[0], given, slots)

    @property
    def owner(self):
        """What runs one call at a time."""
        return self.machine

    def call_async(self, *args, deadline_ms=None):
        """Awaitable: see `runtime.asynchronous.call_async`."""
        from runtime.asynchronous import call_async

        return call_async(self, args, deadline_ms)

    @property
    def __doc__(self):
        return self.interface["doc"] or None

    def __repr__(self):
        return f"<RTFS function {self.__name__} in Wasm>"


def _boxed_parameters(variant):
    return variant["params"].count("v")


cdef extern from *:
    """
    #define RTFSC_EXPORT_VECTORCALL offsetof(struct __pyx_obj_7runtime_4wasm_6export_Export, vectorcall)
    """
    Py_ssize_t RTFSC_EXPORT_VECTORCALL

rtfsc_use_vectorcall(Export, RTFSC_EXPORT_VECTORCALL)
