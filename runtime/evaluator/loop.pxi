# The loop of the register machine.  Instructions that succeed `continue`; what falls out of the chain
# has raised: the pending error is set, and the handler is looked up frame by frame.

cdef int run(Machine *m, int32_t function, Slot *fp) noexcept nogil:
    """Runs a function whose arguments are in slots 1… of ``fp``; its window starts at ``fp - FRAME``.
    Answers how it ended; the result is in ``m.result``."""
    cdef int32_t *pc = m.functions[function].code
    cdef int32_t depth = m.depth
    cdef int32_t ticks = m.ticks
    cdef int32_t op, n, base, callee, handler
    cdef int64_t x, y, z
    cdef uint64_t v, w
    cdef Slot *window
    cdef Code *code
    cdef int ended
    cdef bint outcome, tail
    cdef Suspended here

    if m.end - fp < m.functions[function].slots:
        fp = grow(m, fp, m.functions[function].slots)
    if fp == NULL:
        rt_stack_overflow()
        return RAISED
    (fp - 2).code = NULL

    while True:
        op = pc[0]
        if op == OP_MOVE:
            fp[pc[1]] = fp[pc[2]]
            pc += 3
            continue
        elif op == OP_LOAD_INT:
            fp[pc[1]].i = pc[2]
            pc += 3
            continue
        elif op == OP_LOAD_CONST:
            fp[pc[1]].v = m.constants[pc[2]]
            pc += 3
            continue
        elif op == OP_GLOBAL:
            fp[pc[1]] = m.globals[pc[2]]
            pc += 3
            continue
        elif op == OP_GLOBAL_CHECKED:
            if m.known[pc[2]]:
                fp[pc[1]] = m.globals[pc[2]]
                pc += 4
                continue
            rt_raise_undefined(m.constants[pc[3]])
        elif op == OP_SET_GLOBAL:
            m.globals[pc[1]] = fp[pc[2]]
            m.known[pc[1]] = 1
            pc += 3
            continue

        # boxing
        elif op == OP_BOX_INT:
            fp[pc[1]].v = box_int(fp[pc[2]].i)
            pc += 3
            continue
        elif op == OP_BOX_FLOAT:
            fp[pc[1]].v = rt_box_float(fp[pc[2]].f)
            pc += 3
            continue
        elif op == OP_BOX_BOOL:
            fp[pc[1]].v = box_bool(fp[pc[2]].i != 0)
            pc += 3
            continue
        elif op == OP_UNBOX_INT:
            fp[pc[1]].i = unbox_int(fp[pc[2]].v)
            pc += 3
            continue
        elif op == OP_UNBOX_FLOAT:
            fp[pc[1]].f = rt_unbox_float(fp[pc[2]].v)
            pc += 3
            continue
        elif op == OP_UNBOX_BOOL:
            fp[pc[1]].i = (fp[pc[2]].v >> 2) & 1
            pc += 3
            continue

        # jumps
        elif op == OP_JUMP:
            pc += pc[1]
            continue
        elif op == OP_LOOP:
            ticks -= 1
            if ticks < 0:
                m.depth = depth
                ended = poll(m)
                if ended:
                    return ended
                ticks = m.ticks
            pc += pc[1]
            continue
        elif op == OP_JUMP_TRUE:
            pc += pc[2] if fp[pc[1]].i else 3
            continue
        elif op == OP_JUMP_FALSE:
            pc += 3 if fp[pc[1]].i else pc[2]
            continue
        elif op == OP_JUMP_TRUTHY:
            pc += 3 if falsy(fp[pc[1]].v) else pc[2]
            continue
        elif op == OP_JUMP_FALSY:
            pc += pc[2] if falsy(fp[pc[1]].v) else 3
            continue
        elif op == OP_ROUTED:
            fp[pc[1]].i = m.memory[layout.STATE_ROUTES + pc[2]] != 0
            pc += 3
            continue
        elif op == OP_JUMP_ROUTED:
            pc += pc[2] if m.memory[layout.STATE_ROUTES + pc[1]] else 3
            continue
        elif op == OP_JUMP_UNROUTED:
            pc += 3 if m.memory[layout.STATE_ROUTES + pc[1]] else pc[2]
            continue
        elif op == OP_JUMP_INT_EQ:
            pc += pc[3] if fp[pc[1]].i == fp[pc[2]].i else 4
            continue
        elif op == OP_JUMP_INT_NE:
            pc += pc[3] if fp[pc[1]].i != fp[pc[2]].i else 4
            continue
        elif op == OP_JUMP_INT_LT:
            pc += pc[3] if fp[pc[1]].i < fp[pc[2]].i else 4
            continue
        elif op == OP_JUMP_INT_LE:
            pc += pc[3] if fp[pc[1]].i <= fp[pc[2]].i else 4
            continue
        elif op == OP_JUMP_INT_GT:
            pc += pc[3] if fp[pc[1]].i > fp[pc[2]].i else 4
            continue
        elif op == OP_JUMP_INT_GE:
            pc += pc[3] if fp[pc[1]].i >= fp[pc[2]].i else 4
            continue
        elif op == OP_JUMP_INT_EQ_IMM:
            pc += pc[3] if fp[pc[1]].i == pc[2] else 4
            continue
        elif op == OP_JUMP_INT_NE_IMM:
            pc += pc[3] if fp[pc[1]].i != pc[2] else 4
            continue
        elif op == OP_JUMP_INT_LT_IMM:
            pc += pc[3] if fp[pc[1]].i < pc[2] else 4
            continue
        elif op == OP_JUMP_INT_LE_IMM:
            pc += pc[3] if fp[pc[1]].i <= pc[2] else 4
            continue
        elif op == OP_JUMP_INT_GT_IMM:
            pc += pc[3] if fp[pc[1]].i > pc[2] else 4
            continue
        elif op == OP_JUMP_INT_GE_IMM:
            pc += pc[3] if fp[pc[1]].i >= pc[2] else 4
            continue
        elif op == OP_JUMP_FLOAT_EQ:
            pc += pc[4] if (fp[pc[1]].f == fp[pc[2]].f) == pc[3] else 5
            continue
        elif op == OP_JUMP_FLOAT_LT:
            pc += pc[4] if (fp[pc[1]].f < fp[pc[2]].f) == pc[3] else 5
            continue
        elif op == OP_JUMP_FLOAT_LE:
            pc += pc[4] if (fp[pc[1]].f <= fp[pc[2]].f) == pc[3] else 5
            continue
        elif op == OP_JUMP_EQ:
            v, w = fp[pc[1]].v, fp[pc[2]].v
            outcome = v == w if v & w & 1 else rt_eq(v, w) != 0
            pc += pc[4] if outcome == pc[3] else 5
            continue
        elif op == OP_JUMP_LT:
            v, w = fp[pc[1]].v, fp[pc[2]].v
            v = box_bool(<int64_t> v < <int64_t> w) if v & w & 1 else rt_lt(v, w)
            if v != layout.SPECIAL_ERR:
                pc += pc[4] if (v >> 2) == <uint64_t> pc[3] else 5
                continue
        elif op == OP_JUMP_LE:
            v, w = fp[pc[1]].v, fp[pc[2]].v
            v = box_bool(<int64_t> v <= <int64_t> w) if v & w & 1 else rt_le(v, w)
            if v != layout.SPECIAL_ERR:
                pc += pc[4] if (v >> 2) == <uint64_t> pc[3] else 5
                continue
        elif op == OP_JUMP_GT:
            v, w = fp[pc[1]].v, fp[pc[2]].v
            v = box_bool(<int64_t> v > <int64_t> w) if v & w & 1 else rt_gt(v, w)
            if v != layout.SPECIAL_ERR:
                pc += pc[4] if (v >> 2) == <uint64_t> pc[3] else 5
                continue
        elif op == OP_JUMP_GE:
            v, w = fp[pc[1]].v, fp[pc[2]].v
            v = box_bool(<int64_t> v >= <int64_t> w) if v & w & 1 else rt_ge(v, w)
            if v != layout.SPECIAL_ERR:
                pc += pc[4] if (v >> 2) == <uint64_t> pc[3] else 5
                continue

        # checked 64-bit integers
        elif op == OP_INT_ADD:
            x, y = fp[pc[2]].i, fp[pc[3]].i
            if not rtfsc_add(x, y, &z):
                fp[pc[1]].i = z
                pc += 4
                continue
            rt_overflow2(layout.OPERATION_ADD, x, y)
        elif op == OP_INT_ADD_IMM:
            x = fp[pc[2]].i
            if not rtfsc_add(x, pc[3], &z):
                fp[pc[1]].i = z
                pc += 4
                continue
            rt_overflow2(layout.OPERATION_ADD, x, pc[3])
        elif op == OP_INT_SUB:
            x, y = fp[pc[2]].i, fp[pc[3]].i
            if not rtfsc_sub(x, y, &z):
                fp[pc[1]].i = z
                pc += 4
                continue
            rt_overflow2(layout.OPERATION_SUB, x, y)
        elif op == OP_INT_SUB_IMM:
            x = fp[pc[2]].i
            if not rtfsc_sub(x, pc[3], &z):
                fp[pc[1]].i = z
                pc += 4
                continue
            rt_overflow2(layout.OPERATION_SUB, x, pc[3])
        elif op == OP_INT_MUL:
            x, y = fp[pc[2]].i, fp[pc[3]].i
            if not rtfsc_mul(x, y, &z):
                fp[pc[1]].i = z
                pc += 4
                continue
            rt_overflow2(layout.OPERATION_MUL, x, y)
        elif op == OP_INT_MOD:
            x, y = fp[pc[2]].i, fp[pc[3]].i
            if y != 0:
                fp[pc[1]].i = 0 if y == -1 else x % y
                pc += 4
                continue
            rt_div_zero()
        elif op == OP_INT_QUOT:
            x, y = fp[pc[2]].i, fp[pc[3]].i
            if y != 0 and not (y == -1 and x == INT64_MIN):
                fp[pc[1]].i = x / y
                pc += 4
                continue
            rt_div_zero()
        elif op == OP_INT_AND:
            fp[pc[1]].i = fp[pc[2]].i & fp[pc[3]].i
            pc += 4
            continue
        elif op == OP_INT_NEG:
            x = fp[pc[2]].i
            if not rtfsc_sub(0, x, &z):
                fp[pc[1]].i = z
                pc += 3
                continue
            rt_overflow1(layout.OPERATION_SUB, x)
        elif op == OP_INT_ABS:
            x = z = fp[pc[2]].i
            if x >= 0 or not rtfsc_sub(0, x, &z):
                fp[pc[1]].i = z
                pc += 3
                continue
            rt_overflow1(layout.OPERATION_ABS, x)
        elif op == OP_INT_EQ:
            fp[pc[1]].i = fp[pc[2]].i == fp[pc[3]].i
            pc += 4
            continue
        elif op == OP_INT_NE:
            fp[pc[1]].i = fp[pc[2]].i != fp[pc[3]].i
            pc += 4
            continue
        elif op == OP_INT_LT:
            fp[pc[1]].i = fp[pc[2]].i < fp[pc[3]].i
            pc += 4
            continue
        elif op == OP_INT_LE:
            fp[pc[1]].i = fp[pc[2]].i <= fp[pc[3]].i
            pc += 4
            continue
        elif op == OP_INT_GT:
            fp[pc[1]].i = fp[pc[2]].i > fp[pc[3]].i
            pc += 4
            continue
        elif op == OP_INT_GE:
            fp[pc[1]].i = fp[pc[2]].i >= fp[pc[3]].i
            pc += 4
            continue
        elif op == OP_INT_MIN:
            x, y = fp[pc[2]].i, fp[pc[3]].i
            fp[pc[1]].i = y if y < x else x
            pc += 4
            continue
        elif op == OP_INT_MAX:
            x, y = fp[pc[2]].i, fp[pc[3]].i
            fp[pc[1]].i = y if y > x else x
            pc += 4
            continue
        elif op == OP_INT_ODD:
            fp[pc[1]].i = fp[pc[2]].i & 1
            pc += 3
            continue
        elif op == OP_INT_TO_FLOAT:
            fp[pc[1]].f = <double> fp[pc[2]].i
            pc += 3
            continue

        # floats
        elif op == OP_FLOAT_ADD:
            fp[pc[1]].f = fp[pc[2]].f + fp[pc[3]].f
            pc += 4
            continue
        elif op == OP_FLOAT_SUB:
            fp[pc[1]].f = fp[pc[2]].f - fp[pc[3]].f
            pc += 4
            continue
        elif op == OP_FLOAT_MUL:
            fp[pc[1]].f = fp[pc[2]].f * fp[pc[3]].f
            pc += 4
            continue
        elif op == OP_FLOAT_NEG:
            fp[pc[1]].f = -fp[pc[2]].f
            pc += 3
            continue
        elif op == OP_FLOAT_ABS:
            fp[pc[1]].f = fabs(fp[pc[2]].f)
            pc += 3
            continue
        elif op == OP_FLOAT_EQ:
            fp[pc[1]].i = fp[pc[2]].f == fp[pc[3]].f
            pc += 4
            continue
        elif op == OP_FLOAT_NE:
            fp[pc[1]].i = fp[pc[2]].f != fp[pc[3]].f
            pc += 4
            continue
        elif op == OP_FLOAT_LT:
            fp[pc[1]].i = fp[pc[2]].f < fp[pc[3]].f
            pc += 4
            continue
        elif op == OP_FLOAT_LE:
            fp[pc[1]].i = fp[pc[2]].f <= fp[pc[3]].f
            pc += 4
            continue
        elif op == OP_FLOAT_GT:
            fp[pc[1]].i = fp[pc[2]].f > fp[pc[3]].f
            pc += 4
            continue
        elif op == OP_FLOAT_GE:
            fp[pc[1]].i = fp[pc[2]].f >= fp[pc[3]].f
            pc += 4
            continue
        elif op == OP_FLOAT_TO_INT:
            fp[pc[1]].i = rtfsc_to_int(fp[pc[2]].f)
            pc += 3
            continue

        # numbers of any kind: small integers here, all else in rt
        elif op == OP_NUM_ADD:
            v, w = fp[pc[2]].v, fp[pc[3]].v
            if v & w & 1 and not rtfsc_add(<int64_t> (v - 1), <int64_t> w, &z):
                v = <uint64_t> z
            else:
                v = rt_num_add(v, w)
            if v != layout.SPECIAL_ERR:
                fp[pc[1]].v = v
                pc += 4
                continue
        elif op == OP_NUM_SUB:
            v, w = fp[pc[2]].v, fp[pc[3]].v
            if v & w & 1 and not rtfsc_sub(<int64_t> v, <int64_t> (w - 1), &z):
                v = <uint64_t> z
            else:
                v = rt_num_sub(v, w)
            if v != layout.SPECIAL_ERR:
                fp[pc[1]].v = v
                pc += 4
                continue
        elif op == OP_NUM_MUL:
            v, w = fp[pc[2]].v, fp[pc[3]].v
            if v & w & 1 and not rtfsc_mul((<int64_t> v) >> 1, <int64_t> (w - 1), &z):
                v = <uint64_t> z | 1
            else:
                v = rt_num_mul(v, w)
            if v != layout.SPECIAL_ERR:
                fp[pc[1]].v = v
                pc += 4
                continue
        elif op == OP_NUM_INC:
            v = fp[pc[2]].v
            if v & 1 and not rtfsc_add(<int64_t> v, 2, &z):
                v = <uint64_t> z
            else:
                v = rt_num_inc(v)
            if v != layout.SPECIAL_ERR:
                fp[pc[1]].v = v
                pc += 3
                continue
        elif op == OP_NUM_DEC:
            v = fp[pc[2]].v
            if v & 1 and not rtfsc_sub(<int64_t> v, 2, &z):
                v = <uint64_t> z
            else:
                v = rt_num_dec(v)
            if v != layout.SPECIAL_ERR:
                fp[pc[1]].v = v
                pc += 3
                continue

        # truth and kinds
        elif op == OP_TRUTHY:
            fp[pc[1]].i = not falsy(fp[pc[2]].v)
            pc += 3
            continue
        elif op == OP_NOT:
            fp[pc[1]].i = falsy(fp[pc[2]].v)
            pc += 3
            continue
        elif op == OP_BOOL_NOT:
            fp[pc[1]].i = not fp[pc[2]].i
            pc += 3
            continue
        elif op == OP_BOOL_EQ:
            fp[pc[1]].i = fp[pc[2]].i == fp[pc[3]].i
            pc += 4
            continue
        elif op == OP_IS:
            fp[pc[1]].i = (kind_mask(m, fp[pc[2]].v) & pc[3]) != 0
            pc += 4
            continue
        elif op == OP_AS:
            fp[pc[1]] = fp[pc[2]]
            if not kind_mask(m, fp[pc[1]].v) & pc[3]:
                rt_as_fail()
            pc += 4
            continue
        elif op == OP_CHECK:
            v = fp[pc[2]].v
            if kind_mask(m, v) & pc[3]:
                fp[pc[1]].v = v
                pc += 4
                continue
            rt_check_fail(v, pc[3])
        elif op == OP_SEQ_LENGTH:
            fp[pc[1]].i = u32_at(m, fp[pc[2]].v, layout.SEQ_COUNT)
            pc += 3
            continue
        elif op == OP_MAP_LENGTH:
            fp[pc[1]].i = u32_at(m, fp[pc[2]].v, layout.MAP_COUNT)
            pc += 3
            continue

        # functions of rt
        elif op == OP_PRIM_VV:
            v = (<rtfsc_vv> rtfsc_primitives[pc[2]])(fp[pc[3]].v, fp[pc[4]].v)
            if v != layout.SPECIAL_ERR:
                fp[pc[1]].v = v
                pc += 5
                continue
        elif op == OP_PRIM_V:
            v = (<rtfsc_v> rtfsc_primitives[pc[2]])(fp[pc[3]].v)
            if v != layout.SPECIAL_ERR:
                fp[pc[1]].v = v
                pc += 4
                continue
        elif op == OP_PRIM_VVV:
            v = (<rtfsc_vvv> rtfsc_primitives[pc[2]])(fp[pc[3]].v, fp[pc[4]].v, fp[pc[5]].v)
            if v != layout.SPECIAL_ERR:
                fp[pc[1]].v = v
                pc += 6
                continue
        elif op == OP_PRIM_VI:
            v = (<rtfsc_vi> rtfsc_primitives[pc[2]])(fp[pc[3]].v, fp[pc[4]].i)
            if v != layout.SPECIAL_ERR:
                fp[pc[1]].v = v
                pc += 5
                continue
        elif op == OP_PRIM_N:
            v = (<rtfsc_n> rtfsc_primitives[pc[2]])(&fp[pc[3]].v, <uint32_t> pc[4])
            if v != layout.SPECIAL_ERR:
                fp[pc[1]].v = v
                pc += 5
                continue
        elif op == OP_PRIM_0:
            v = (<rtfsc_0> rtfsc_primitives[pc[2]])()
            if v != layout.SPECIAL_ERR:
                fp[pc[1]].v = v
                pc += 3
                continue
        elif op == OP_PRIM_F:
            v = (<rtfsc_f> rtfsc_primitives[pc[2]])(fp[pc[3]].f)
            if v != layout.SPECIAL_ERR:
                fp[pc[1]].v = v
                pc += 4
                continue
        elif op == OP_PRIM_FF:
            v = (<rtfsc_ff> rtfsc_primitives[pc[2]])(fp[pc[3]].f, fp[pc[4]].f)
            if v != layout.SPECIAL_ERR:
                fp[pc[1]].v = v
                pc += 5
                continue
        elif op == OP_PRIM_II:
            v = (<rtfsc_ii> rtfsc_primitives[pc[2]])(fp[pc[3]].i, fp[pc[4]].i)
            if v != layout.SPECIAL_ERR:
                fp[pc[1]].v = v
                pc += 5
                continue
        elif op == OP_PRIM_VIB:
            v = (<rtfsc_vib> rtfsc_primitives[pc[2]])(fp[pc[3]].v, fp[pc[4]].i, <int32_t> fp[pc[5]].i)
            if v != layout.SPECIAL_ERR:
                fp[pc[1]].v = v
                pc += 6
                continue
        elif op == OP_PRIM_VII:
            v = (<rtfsc_vii> rtfsc_primitives[pc[2]])(fp[pc[3]].v, fp[pc[4]].i, fp[pc[5]].i)
            if v != layout.SPECIAL_ERR:
                fp[pc[1]].v = v
                pc += 6
                continue
        elif op == OP_PRIM_VVI:
            v = (<rtfsc_vvi> rtfsc_primitives[pc[2]])(fp[pc[3]].v, fp[pc[4]].v, fp[pc[5]].i)
            if v != layout.SPECIAL_ERR:
                fp[pc[1]].v = v
                pc += 6
                continue
        elif op == OP_PRIM_V_FLOAT:
            fp[pc[1]].f = (<rtfsc_v_float> rtfsc_primitives[pc[2]])(fp[pc[3]].v)
            pc += 4
            continue
        elif op == OP_PRIM_V_BOOL:
            fp[pc[1]].i = (<rtfsc_v_bool> rtfsc_primitives[pc[2]])(fp[pc[3]].v)
            pc += 4
            continue
        elif op == OP_PRIM_V_INT:
            fp[pc[1]].i = (<rtfsc_v_int> rtfsc_primitives[pc[2]])(fp[pc[3]].v)
            pc += 4
            continue
        elif op == OP_PRIM_VV_BOOL:
            fp[pc[1]].i = (<rtfsc_vv_bool> rtfsc_primitives[pc[2]])(fp[pc[3]].v, fp[pc[4]].v)
            pc += 5
            continue
        elif op == OP_PRIM_VV_INT:
            fp[pc[1]].i = (<rtfsc_vv_int> rtfsc_primitives[pc[2]])(fp[pc[3]].v, fp[pc[4]].v)
            pc += 5
            continue

        # calls
        elif op == OP_ENTER:
            if depth >= pc[1]:
                depth -= pc[1]
                pc += 2
                continue
            rt_stack_overflow()
        elif op == OP_CALL:
            ticks -= 1
            if ticks < 0:
                m.depth = depth
                ended = poll(m)
                if ended:
                    return ended
                ticks = m.ticks
            code = &m.functions[pc[2]]
            base = pc[3]
            window = fp + base + FRAME
            if m.end - window >= code.slots:
                (window - 2).code = pc + 4
                (window - 1).i = <int64_t> base << 32 | pc[1]
                fp = window
                pc = code.code
                continue
            window = grow(m, fp, base + FRAME + code.slots)
            if window != NULL:
                fp = window
                continue
            rt_stack_overflow()
        elif op == OP_RETURN:
            depth += pc[2]
            v = fp[pc[1]].v
            pc = (fp - 2).code
            if pc == NULL:
                m.ticks = ticks
                m.result = v
                return ENDED
            x = (fp - 1).i
            fp -= (x >> 32) + FRAME
            fp[<int32_t> x].v = v
            continue
        elif op == OP_TAIL_CALL:
            ticks -= 1
            if ticks < 0:
                m.depth = depth
                ended = poll(m)
                if ended:
                    return ended
                ticks = m.ticks
            code = &m.functions[pc[1]]
            if m.end - fp >= code.slots:
                depth += pc[4]
                memmove(fp, fp + pc[2] + FRAME, (pc[3] + 1) * sizeof(Slot))
                pc = code.code
                continue
            window = grow(m, fp, code.slots)
            if window != NULL:
                fp = window
                continue
            rt_stack_overflow()
        elif op == OP_CALL_VALUE or op == OP_TAIL_CALL_VALUE or op == OP_APPLY or op == OP_TAIL_APPLY:
            ticks -= 1
            if ticks < 0:
                m.depth = depth
                ended = poll(m)
                if ended:
                    return ended
                ticks = m.ticks
            if op == OP_CALL_VALUE:
                base, n = pc[2], pc[3]
            elif op == OP_TAIL_CALL_VALUE:
                base, n = pc[1], pc[2]
            else:
                base = pc[2] if op == OP_APPLY else pc[1]
                v = fp[base + 3].v
                n = rt_call_args(v, &fp[base + 3].v, <int32_t> (m.end - fp - base - 3))
                if n > m.end - fp - base - 3:
                    window = grow(m, fp, <Py_ssize_t> base + 4 + n)
                    if window == NULL:
                        n = -2
                    else:
                        fp = window
                        n = rt_call_args(v, &fp[base + 3].v, n)
            window = fp + base + FRAME
            callee = closure_target(m, window, &n)
            if callee >= 0:
                code = &m.functions[callee]
                tail = op == OP_TAIL_CALL_VALUE or op == OP_TAIL_APPLY
                if tail and not u32_at(m, window[0].v, layout.FN_ARITY) & layout.ARITY_LIBRARY:
                    x = pc[3] if op == OP_TAIL_CALL_VALUE else pc[2]
                    window = fp if m.end - fp >= code.slots else grow(m, fp, code.slots)
                    if window != NULL:
                        fp = window
                        depth += <int32_t> x
                        memmove(fp, fp + base + FRAME, (n + 1) * sizeof(Slot))
                        pc = code.code
                        continue
                    rt_stack_overflow()
                else:
                    if m.end - window < code.slots:
                        window = grow(m, fp, base + FRAME + code.slots)
                        if window != NULL:
                            fp = window
                            window += base + FRAME
                    if window != NULL:
                        (window - 2).code = pc + (4 if op == OP_CALL_VALUE or op == OP_TAIL_CALL_VALUE else 3)
                        (window - 1).i = <int64_t> base << 32 | (base if tail else pc[1])
                        fp = window
                        pc = code.code
                        continue
                    rt_stack_overflow()
            elif callee != NO_CALL:
                # a keyword or a function of the host: the result is there at once
                m.ticks, m.depth = ticks, depth
                x = fp - m.stack
                m.top = window + 1 + n
                here.frame, here.at, here.outer = x, pc - m.code, m.suspended
                m.suspended = &here
                ended = call_other(m, window, n)
                m.suspended = here.outer
                fp = m.stack + x
                if ended > RAISED:
                    return ended
                ticks = m.ticks
                if ended == ENDED:
                    if op == OP_CALL_VALUE or op == OP_APPLY:
                        fp[pc[1]].v = m.result
                        pc += 4 if op == OP_CALL_VALUE else 3
                        continue
                    depth += pc[3] if op == OP_TAIL_CALL_VALUE else pc[2]
                    pc = (fp - 2).code
                    if pc == NULL:
                        return ENDED
                    x = (fp - 1).i
                    fp -= (x >> 32) + FRAME
                    fp[<int32_t> x].v = m.result
                    continue

        elif op == OP_HOST:
            m.ticks, m.depth = ticks, depth
            x = fp - m.stack
            m.top = fp + pc[2] + pc[3]
            here.frame, here.at, here.outer = x, pc - m.code, m.suspended
            m.suspended = &here
            ended = call_host(m, THE_HOST, fp + pc[2], pc[3])
            m.suspended = here.outer
            fp = m.stack + x
            if ended > RAISED:
                return ended
            ticks = m.ticks
            if ended == ENDED:
                fp[pc[1]].v = m.result
                pc += 4
                continue

        # closures and errors
        elif op == OP_CLOSURE:
            fp[pc[1]].v = rt_closure(m.closures[pc[2]].arity, m.closures[pc[2]].function,
                                     m.closures[pc[2]].info, pc[3])
            pc += 4
            continue
        elif op == OP_STATIC_CLOSURE:
            fp[pc[1]].v = m.closures[pc[2]].value
            pc += 3
            continue
        elif op == OP_SET_CAPTURE:
            (<uint64_t *> (m.memory + <uint32_t> fp[pc[1]].v + layout.FN_CAPTURES))[pc[2]] = fp[pc[3]].v
            pc += 4
            continue
        elif op == OP_CAPTURE:
            fp[pc[1]].v = (<uint64_t *> (m.memory + <uint32_t> fp[0].v + layout.FN_CAPTURES))[pc[2]]
            pc += 3
            continue
        elif op == OP_COLLECT:
            if wants_to_collect(m):
                collect(m, fp, pc)
            pc += 2
            continue
        elif op == OP_KEEP:
            keep(m, fp, pc)
            pc += 2
            continue
        elif op == OP_TRY:
            fp[pc[1]].i = depth
            pc += 2
            continue
        elif op == OP_CATCH:
            fp[pc[1]].v = pending(m.memory)
            depth = <int32_t> fp[pc[2]].i
            pc += 3
            continue

        # an error is pending
        x = pc - m.code
        while True:
            if m.sites[x]:
                rt_error_site(<uint32_t> m.sites[x])
            handler = m.handlers[x]
            if handler and not u32_at(m, pending(m.memory), layout.ERROR_FLAGS) & 1:
                pc = m.code + handler
                break
            pc = (fp - 2).code
            if pc == NULL:
                m.ticks = ticks
                return RAISED
            fp -= ((fp - 1).i >> 32) + FRAME
            x = pc - m.code - 1


cdef enum:
    NO_CALL = -1        # an error is pending
    OTHER_CALL = -2


cdef inline int32_t closure_target(Machine *m, Slot *window, int32_t *n) noexcept nogil:
    """The function to enter for the callee in slot 0 of the window and ``n`` arguments behind it, whose
    rest is made a list (then ``n`` changes); `OTHER_CALL` if it is no closure of the program."""
    cdef uint64_t callee = window[0].v
    cdef uint32_t arity, fixed, count
    if n[0] < 0:
        if n[0] == -2:
            rt_stack_overflow()
        else:
            rt_raise_type(m.constants[0], m.constants[1], window[1].v)
        return NO_CALL
    if not is_ref(callee) or (<uint8_t *> (m.memory + <uint32_t> callee))[0] != layout.KIND_FN:
        return OTHER_CALL
    arity = u32_at(m, callee, layout.FN_ARITY)
    fixed, count = arity & 0xFFFF, <uint32_t> n[0]
    if arity & layout.ARITY_REST and count >= fixed:
        window[1 + fixed].v = rt_list_from(&window[1 + fixed].v, count - fixed)
        n[0] = <int32_t> fixed + 1
    elif arity & layout.ARITY_REST or fixed != count:
        rt_closure_call_error(callee, n[0])
        return NO_CALL
    return <int32_t> u32_at(m, callee, layout.FN_CODE)


cdef int call_other(Machine *m, Slot *window, int32_t n) noexcept nogil:
    """Calls a keyword or a function of the host; the result is in ``m.result``."""
    cdef uint64_t callee = window[0].v
    cdef int kind = (<uint8_t *> (m.memory + <uint32_t> callee))[0] if is_ref(callee) else -1
    if kind == layout.KIND_HOSTFN:
        return call_host(m, u32_at(m, callee, 4), window + 1, n)
    if kind == layout.KIND_KW and n == 1:
        m.result = rt_kw_get(callee, window[1].v)
    elif kind == layout.KIND_KW and n == 2:
        m.result = rt_kw_get_or(callee, window[1].v, window[2].v)
    else:
        m.result = rt_closure_call_error(callee, n)
    return RAISED if m.result == layout.SPECIAL_ERR else ENDED
