# Functions of a program as Python callables.

cdef struct Variant:
    int32_t function
    char result             # i, f, b or v
    char params[MOST_ARGUMENTS]


cdef bint fits(const Variant *variant, tuple args):
    """Whether unboxed parameters get exactly what they take."""
    cdef Py_ssize_t i
    cdef char letter
    for i in range(len(args)):
        letter = variant.params[i]
        value = args[i]
        if letter == b'i' and not PyLong_CheckExact(value):
            return False
        if letter == b'f' and not PyFloat_CheckExact(value):
            return False
        if letter == b'b' and value is not True and value is not False:
            return False
    return True


cdef int put_boxed(Instance instance, Writer *writer, Slot *slot, char *kind, object value,
                   Py_ssize_t position, object shape) except -1:
    cdef int overflow = 0
    kind[0] = READY
    if PyLong_CheckExact(value):
        slot.i = PyLong_AsLongLongAndOverflow(value, &overflow)
        if overflow:
            raise OverflowError(f"argument {position}: an integer beyond 64 bits")
        kind[0] = INT
    elif value is None:
        slot.v = layout.SPECIAL_NIL
    elif value is True:
        slot.v = layout.SPECIAL_TRUE
    elif value is False:
        slot.v = layout.SPECIAL_FALSE
    elif PyFloat_CheckExact(value):
        slot.f = PyFloat_AS_DOUBLE(value)
        kind[0] = FLOAT
    elif isinstance(value, Handle) and (<Handle> value).instance is instance:
        slot.v = (<Handle> value).checked()
    else:
        slot.v = writer.used
        kind[0] = ENCODED
        transit.encode(writer, value, position, shape, instance._grant)
    return 0


cdef object call_boxed(Instance instance, Entry *e, tuple args, tuple shapes, Handle callee=None):
    """Fills in boxed arguments and performs the call, of ``callee`` if it is given. What refers to the memory
    is looked up inside: until then another thread may be there, whose collections move it."""
    cdef Py_ssize_t i, n = len(args)
    cdef Slot slots[MOST_ARGUMENTS]
    cdef char kinds[MOST_ARGUMENTS]
    cdef char memory[512]
    cdef Writer writer
    cdef char *block = NULL
    e.arguments, e.kinds = slots, kinds
    if n > MOST_ARGUMENTS:
        block = <char *> PyMem_Malloc(n * (sizeof(Slot) + 1))
        if block == NULL:
            raise MemoryError()
        e.arguments, e.kinds = <Slot *> block, block + n * sizeof(Slot)
    transit.open_writer(&writer, memory, sizeof(memory), instance.memory_limit)
    try:
        instance.enter(e)
        try:
            if callee is not None:
                e.value = callee.checked()
            for i in range(n):
                put_boxed(instance, &writer, &e.arguments[i], &e.kinds[i], args[i], i,
                          shapes[i] if i < len(shapes) else None)
            e.buffer, e.size, e.count = writer.data, writer.used, n
            instance.execute(e)
            return instance.result_of(e)
        finally:
            instance.leave(e)
    finally:
        transit.release(&writer)
        PyMem_Free(block)


cdef class Function:
    """An exported function. ``params``: declared types; ``variants``: (function, letters, result) of its
    clones for unboxed arguments."""

    cdef Instance instance
    cdef Variant *variants
    cdef int variant_count
    cdef int32_t function
    cdef Py_ssize_t fixed
    cdef bint rest
    cdef tuple shapes
    cdef readonly str __name__
    cdef readonly object __doc__

    def __cinit__(self, Instance instance not None, str name, int32_t function, list types, bint rest,
                  list variants, doc):
        self.instance, self.__name__, self.function, self.rest, self.__doc__ = instance, name, function, rest, doc
        self.fixed = len(types) - rest
        self.shapes = tuple([shape_of(text) for text in types])
        self.variants = <Variant *> PyMem_Malloc((len(variants) + 1) * sizeof(Variant))
        if self.variants == NULL:
            raise MemoryError()
        for number, letters, result in variants:
            if self.fixed <= MOST_ARGUMENTS and not rest:
                self.add(number, letters, ord(result))

    cdef void add(self, int32_t function, str letters, char result):
        cdef Variant *v = &self.variants[self.variant_count]
        v.function, v.result = function, result
        for i, letter in enumerate(letters):
            v.params[<Py_ssize_t> i] = <char> <int> ord(letter)
        self.variant_count += 1

    def __dealloc__(self):
        PyMem_Free(self.variants)

    @property
    def owner(self):
        """What runs one call at a time."""
        return self.instance

    def call_async(self, *args, deadline_ms=None):
        """Awaitable: see `runtime.asynchronous.call_async`."""
        from runtime.asynchronous import call_async

        return call_async(self, args, deadline_ms)

    def __call__(self, *args):
        cdef Entry e
        cdef int i
        cdef Py_ssize_t n = len(args)
        if n != self.fixed and (n < self.fixed or not self.rest):
            raise arity_error(self.__name__, self.fixed, self.rest, n)
        for i in range(self.variant_count):
            if fits(&self.variants[i], args):
                return self.call_variant(&self.variants[i], args)
        open_entry(&e, CALL)
        e.function, e.boxed = self.function, True
        if self.rest:
            e.rest = <int32_t> self.fixed
        return call_boxed(self.instance, &e, args, self.shapes)

    cdef object call_variant(self, const Variant *v, tuple args):
        cdef Entry e
        cdef Slot slots[MOST_ARGUMENTS]
        cdef char kinds[MOST_ARGUMENTS]
        cdef char memory[256]
        cdef Writer writer
        cdef Py_ssize_t i
        open_entry(&e, CALL)
        e.function, e.boxed, e.arguments, e.kinds = v.function, v.result == b'v', slots, kinds
        transit.open_writer(&writer, memory, sizeof(memory), self.instance.memory_limit)
        try:
            self.instance.enter(&e)
            try:
                for i in range(len(args)):
                    put_typed(
                        self.instance, v.params[i], &writer, &slots[i], &kinds[i], args[i], i, self.shapes[i])
                e.buffer, e.size, e.count = writer.data, writer.used, len(args)
                self.instance.execute(&e)
                return self.taken(&e, v.result)
            finally:
                self.instance.leave(&e)
        finally:
            transit.release(&writer)

    cdef object taken(self, Entry *e, char result):
        cdef Slot slot
        slot.v = self.instance.machine.result
        if result == b'i':
            return slot.i
        if result == b'f':
            return slot.f
        if result == b'b':
            return slot.i != 0
        return self.instance.result_of(e)

    def __repr__(self):
        return f"<RTFS function {self.__name__}>"


cdef int put_typed(Instance instance, char letter, Writer *writer, Slot *slot, char *kind, object value,
                   Py_ssize_t position, object shape) except -1:
    kind[0] = READY
    if letter == b'v':
        return put_boxed(instance, writer, slot, kind, value, position, shape)
    if letter == b'i':
        put_boxed(instance, writer, slot, kind, value, position, shape)
        kind[0] = READY
    elif letter == b'f':
        slot.f = PyFloat_AS_DOUBLE(value)
    else:
        slot.i = value is True
    return 0


@cython.no_gc_clear
cdef class Handle:
    """A function value. It keeps the memory of the call that made it until it is closed."""

    cdef Instance instance
    cdef int32_t handle     # its place in the instance's table
    cdef bint open

    def __call__(self, *args):
        cdef Entry e
        open_entry(&e, APPLY)
        e.function, e.boxed = self.instance.program.apply, True
        return call_boxed(self.instance, &e, args, (), self)

    cdef uint64_t checked(self) except? 10:
        if not self.open:
            raise InstanceClosed("the function handle is closed")
        if self.instance.machine.memory == NULL:
            raise InstanceClosed("the instance is closed")
        cdef char *former = rt_enter(self.instance.machine.memory)
        cdef uint64_t value = rt_handle_value(self.handle)
        rt_enter(former)
        return value

    def close(self):
        """Lets go of the function's memory; later calls raise `InstanceClosed`."""
        if self.open:
            self.open = False
            drop_handle(self.instance, self.handle)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def __dealloc__(self):
        if self.open and self.instance is not None:
            drop_handle(self.instance, self.handle)


cdef int drop_handle(Instance instance, int32_t handle) except -1:
    """Only noted: Python may drop it at any time, also while the instance runs in another thread."""
    instance.live -= 1
    instance.stale = True
    if instance.dropped is not None:  # Python takes unreachable objects apart in any order
        instance.dropped.append(handle)
    return 0


cdef bint take_handle(Instance instance, object value) except -1:
    """Whether the value is a function of this very instance; then it is the result."""
    if not isinstance(value, Handle) or (<Handle> value).instance is not instance:
        return False
    instance.machine.result = (<Handle> value).checked()
    return True


cdef Handle new_handle(Instance instance, uint64_t value):
    cdef Handle handle = Handle.__new__(Handle)
    cdef Entry e
    open_entry(&e, HOLD)
    e.value = value
    instance.enter(&e)
    try:
        instance.execute(&e)
        handle.handle = <int32_t> instance.machine.result
    finally:
        instance.leave(&e)
    handle.instance, handle.open = instance, True
    instance.live += 1
    instance.made += 1
    return handle


cdef object arity_error(str name, Py_ssize_t fixed, bint rest, Py_ssize_t actual):
    expected = f"at least {fixed}" if rest else str(fixed)
    message = f"Arity mismatch in {name}: expected {expected}, got {actual}"
    data = {Keyword("function"): name, Keyword("expected"): expected, Keyword("actual"): actual}
    return error_class("ArityMismatch")("ArityMismatch", message, data, Keyword("arity-mismatch"))
