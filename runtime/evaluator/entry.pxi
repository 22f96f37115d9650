# What happens inside `rt_guarded`: a trap leaves from anywhere here, so nothing holds a Python object.

cdef enum:
    LOAD = 1            # build constants and closures
    CALL = 2            # call a function of the program
    APPLY = 3           # call a value
    ENCODE = 4          # ``value`` to a buffer
    PRINT = 5           # ``value`` in printed form
    LIST = 6            # arguments of a host function to a buffer
    DECODE = 7          # a buffer to ``m.result``
    RAISE = 8           # a buffer with an error of the host to the pending error
    HOLD = 9            # ``value`` to a place in the table of handles, in ``m.result``
    SETTLE = 10         # ``value`` to the same value where it stays, in ``m.result``

    READY = 0           # an argument as its slot wants it
    ENCODED = 1         # offset into the buffer
    INT = 2             # to be boxed
    FLOAT = 3
    MOST_ARGUMENTS = 64


cdef struct Item:       # a constant to build, or the name of a function
    const char *text
    size_t offset       # into the buffer; of a name: its length
    int32_t number      # of the constant; of a name: captures of the function


cdef struct Entry:
    Machine *m
    char *former        # memory of the instance that was current
    Slot *top           # of the machine before, to be restored
    int32_t depth
    Suspended *suspended
    Py_ssize_t hosts    # functions of the host at the entry
    Py_ssize_t made     # handles made until then
    int task
    int ended
    int32_t function
    bint boxed          # the result is a value, not an unboxed number
    uint64_t value      # what to apply, encode or print
    Slot *arguments
    char *kinds         # of the arguments
    int32_t count
    int32_t rest        # those from here on are a list; -1: none
    char *buffer        # to be copied into the instance's memory
    size_t size
    Item *constants
    Item *names
    int32_t constants_count
    int32_t names_count
    int64_t encoded     # ref | length << 32 of a result that has to be decoded, 0: none


cdef inline void open_entry(Entry *e, int task) noexcept:
    memset(e, 0, sizeof(Entry))
    e.task = task
    e.rest = -1
    e.ended = ENDED


cdef void guarded(void *argument) noexcept nogil:
    cdef Entry *e = <Entry *> argument
    cdef ref at = 0
    if e.size:
        at = rt_buffer(<uint32_t> e.size)
        memcpy(e.m.memory + at, e.buffer, e.size)
    if e.task == CALL or e.task == APPLY:
        call_program(e, at)
    elif e.task == LOAD:
        build(e, at)
    elif e.task == ENCODE:
        e.encoded = rt_encode(e.value)
    elif e.task == PRINT:
        e.encoded = rt_encode(rt_str_pr(e.value))
    elif e.task == LIST:
        e.encoded = rt_encode(rt_vector(&e.arguments[0].v, <uint32_t> e.count))
    elif e.task == HOLD:
        e.m.result = <uint64_t> rt_handle(e.value)
    elif e.task == SETTLE:
        e.m.result = rt_keep(e.value)
    elif e.task == DECODE:
        e.m.result = rt_decode(at)
    else:
        rt_raise_host(rt_decode(at))


cdef void call_program(Entry *e, ref at) noexcept nogil:
    cdef Machine *m = e.m
    cdef Slot *window = m.top + FRAME
    cdef int32_t i, n = e.count
    if m.end - window < n + 4:
        window = grow(m, window, n + 4)
        if window == NULL:
            rt_stack_overflow()
            e.ended = RAISED
    if e.ended == ENDED:
        for i in range(n):
            window[1 + i] = argument_of(e, i, at)
        if e.task == APPLY:
            window[2].v = rt_vector(&window[1].v, <uint32_t> n)
            window[1].v = e.value
        elif e.rest >= 0:
            window[1 + e.rest].v = rt_list_from(&window[1 + e.rest].v, <uint32_t> (n - e.rest))
        e.ended = run(m, e.function, window)
    if e.ended == RAISED:
        e.encoded = rt_encode(pending(m.memory))
    elif e.ended == ENDED and e.boxed and is_ref(m.result):
        e.encoded = rt_encode(m.result)


cdef inline Slot argument_of(Entry *e, int32_t i, ref at) noexcept nogil:
    cdef Slot slot = e.arguments[i]
    if e.kinds[i] == ENCODED:
        slot.v = rt_decode(at + <uint32_t> slot.v)
    elif e.kinds[i] == INT:
        slot.v = box_int(slot.i)
    elif e.kinds[i] == FLOAT:
        slot.v = rt_box_float(slot.f)
    return slot


cdef void build(Entry *e, ref at) noexcept nogil:
    """Constants, then what closures of one function share, and the closures without captures."""
    cdef Machine *m = e.m
    cdef int32_t i
    cdef ClosureInfo *closure
    for i in range(e.constants_count):
        m.constants[e.constants[i].number] = rt_decode(at + <uint32_t> e.constants[i].offset)
    for i in range(e.names_count):
        closure = &m.closures[i]
        closure.info = rt_fninfo(rt_str_from(e.names[i].text, <uint32_t> e.names[i].offset), e.names[i].number)
        if e.names[i].number == 0:
            closure.value = rt_closure(closure.arity, closure.function, closure.info, 0)
