(module
(import "rtfs" "memory" (memory 1))
(import "rtfs" "table" (table $:table 0 funcref))
(import "rtfs" "rt_buffer" (func $rt_buffer (param i32) (result i32)))
(import "rtfs" "rt_closure_call_error" (func $rt_closure_call_error (param i64 i32) (result i64)))
(import "rtfs" "rt_collect" (func $rt_collect))
(import "rtfs" "rt_decode" (func $rt_decode (param i32) (result i64)))
(import "rtfs" "rt_err_is" (func $rt_err_is (param i64 i64) (result i32)))
(import "rtfs" "rt_error_site" (func $rt_error_site (param i32)))
(import "rtfs" "rt_keep" (func $rt_keep (param i64) (result i64)))
(import "rtfs" "rt_num_add" (func $rt_num_add (param i64 i64) (result i64)))
(import "rtfs" "rt_num_dec" (func $rt_num_dec (param i64) (result i64)))
(import "rtfs" "rt_seq_nth" (func $rt_seq_nth (param i64 i64) (result i64)))
(import "rtfs" "rt_settle" (func $rt_settle))
(import "rtfs" "rt_stack_overflow" (func $rt_stack_overflow (result i64)))
(import "rtfs" "rt_throw" (func $rt_throw (param i64) (result i64)))
(import "rtfs" "rt_trap" (func $rt_trap (param i32)))
(global $:made (mut i32) (i32.const 0))
(global $:c0 (mut i64) (i64.const 0))
(data $:data "\0b\01\00\00\00\00\00\00\05\0e\00\00\00\00\00\00\00\00\00\00\00\00\00\00DivisionByZero\00\00")
(func $f (param $x i64) (result i64)
  (local $t.i32 i32) (local $t.i64 i64) (local $t.i64.1 i64) (local $t.i64.2 i64) (local $e i64)
  i32.const 0
  i32.load offset=1024
  i32.const 0
  i32.load offset=1136
  i32.gt_u
  if
    local.get $x
    call $:hold1
    call $rt_collect
    call $:held1
    local.set $x
  end
  block $fail1
  block $error1 (result i32)
    i32.const 0
    i32.load offset=1032
    local.tee $t.i32
    i32.const 64
    i32.lt_s
    if
      call $rt_stack_overflow
      drop
      br $fail1
    end
    i32.const 0
    local.get $t.i32
    i32.const 64
    i32.sub
    i32.store offset=1032
    i32.const 0
    i32.load offset=1032
    local.set $t.i32
    block $done2 (result i64)
      block $fail3
      block $error3 (result i32)
        block $fast4 (result i64)
          block $slow5
            local.get $x
            i32.wrap_i64
            i32.const 1
            i32.and
            i32.eqz
            br_if $slow5
            local.get $x
            i64.const -2
            i64.add
            local.tee $t.i64
            local.get $x
            i64.gt_s
            br_if $slow5
            local.get $t.i64
            br $fast4
          end
          local.get $x
          call $rt_num_dec
          local.tee $t.i64.1
          i64.const 10
          i64.eq
          if
            i32.const 1
            br $error3
          end
          local.get $t.i64.1
        end
        call $f
        local.tee $t.i64
        i64.const 10
        i64.eq
        if
          i32.const 2
          br $error3
        end
        block $fast6 (result i64)
          block $slow7
            local.get $t.i64
            i32.wrap_i64
            i32.const 1
            i32.and
            i32.eqz
            br_if $slow7
            local.get $t.i64
            i64.const 3
            i64.const 1
            i64.sub
            i64.add
            local.set $t.i64.1
            local.get $t.i64.1
            local.get $t.i64
            i64.xor
            local.get $t.i64.1
            i64.const 3
            i64.xor
            i64.and
            i64.const 0
            i64.lt_s
            br_if $slow7
            local.get $t.i64.1
            br $fast6
          end
          local.get $t.i64
          i64.const 3
          call $rt_num_add
          local.tee $t.i64.2
          i64.const 10
          i64.eq
          br_if $fail3
          local.get $t.i64.2
        end
        i32.const 0
        i32.const 0
        i32.load offset=1032
        i32.const 64
        i32.add
        i32.store offset=1032
        br $done2
      end
      call $rt_error_site
      end
      i32.const 0
      i64.load offset=1040
      local.set $e
      i32.const 0
      local.get $t.i32
      i32.store offset=1032
      block $other8
        local.get $e
        global.get $:c0
        call $rt_err_is
        br_if $other8
        local.get $e
        call $rt_throw
        drop
        i32.const 2
        br $error1
      end
      i64.const 1
      i32.const 0
      i32.const 0
      i32.load offset=1032
      i32.const 64
      i32.add
      i32.store offset=1032
    end
    return
  end
  call $rt_error_site
  end
  i64.const 10
)
(func $$init (result i64)
  (local $t.i64 i64)
  block $fail1
  block $error1 (result i32)
    i64.const 3
    call $f
    local.tee $t.i64
    i64.const 10
    i64.eq
    if
      i32.const 1
      br $error1
    end
    local.get $t.i64
    return
  end
  call $rt_error_site
  end
  i64.const 10
)
(func $:init (export "$init") (param $names i64) (result i64)
  (local $p i32) (local $i i64) (local $v i64) (local $t i32)
  global.get $:made
  i32.eqz
  if
    i32.const 40
    call $rt_buffer
    local.tee $p
    i32.const 0
    i32.const 40
    memory.init $:data
    local.get $p
    call $rt_decode
    local.set $v
    local.get $v
    i64.const 0
    call $rt_seq_nth
    global.set $:c0
    data.drop $:data
    i32.const 1
    global.set $:made
  end
  call $rt_settle
  call $$init
  local.tee $v
  i64.const 10
  i64.eq
  if
  i64.const 10
  return
  end
  local.get $v
  call $rt_keep
)
(func (export "$apply") (param i64 i64) (result i64)
  local.get 0
  i32.const 0
  return_call $rt_closure_call_error
)
(func $:hold1 (param i64) (local $top i32)
  i32.const 0
  i32.load offset=1140
  local.tee $top
  i32.const 1638392
  i32.gt_u
  if
    i32.const 25
    call $rt_trap
    unreachable
  end
  local.get $top
  local.get 0
  i64.store offset=0
  i32.const 0
  local.get $top
  i32.const 8
  i32.add
  i32.store offset=1140
)
(func $:held1 (result i64) (local $top i32)
  i32.const 0
  i32.const 0
  i32.load offset=1140
  i32.const 8
  i32.sub
  local.tee $top
  i32.store offset=1140
  local.get $top
  i64.load offset=0
)
)
