(module
(import "rtfs" "memory" (memory 1))
(import "rtfs" "table" (table $:table 0 funcref))
(import "rtfs" "rt_box_int" (func $rt_box_int (param i64) (result i64)))
(import "rtfs" "rt_check_fail" (func $rt_check_fail (param i64 i32) (result i64)))
(import "rtfs" "rt_closure_call_error" (func $rt_closure_call_error (param i64 i32) (result i64)))
(import "rtfs" "rt_error_site" (func $rt_error_site (param i32)))
(import "rtfs" "rt_is" (func $rt_is (param i64 i32) (result i32)))
(import "rtfs" "rt_keep" (func $rt_keep (param i64) (result i64)))
(import "rtfs" "rt_overflow2" (func $rt_overflow2 (param i32 i64 i64) (result i64)))
(import "rtfs" "rt_settle" (func $rt_settle))
(import "rtfs" "rt_stack_overflow" (func $rt_stack_overflow (result i64)))
(import "rtfs" "rt_unbox_int" (func $rt_unbox_int (param i64) (result i64)))
(export "fib" (func $:export.fib))
(export "fib#i" (func $fib.i))
(func $fib (param $n i64) (result i64 i32)
  block $fail1
  block $error1 (result i32)
    local.get $n
    i32.const 4
    call $rt_is
    i32.eqz
    if
      local.get $n
      i32.const 4
      call $rt_check_fail
      drop
      i32.const 1
      br $error1
    end
    local.get $n
    call $rt_unbox_int
    call $fib.i
    if
      i32.const 1
      br $error1
    end
    i32.const 0
    return
  end
  call $rt_error_site
  end
  i64.const 0
  i32.const 1
)
(func $fib.i (param $n i64) (result i64 i32)
  (local $t.i32 i32) (local $t.i64 i64) (local $t.i64.1 i64) (local $t.i64.2 i64)
  block $fail1
  block $error1 (result i32)
    local.get $n
    i64.const 2
    i64.lt_s
    if (result i64)
      local.get $n
    else
      i32.const 0
      i32.load offset=1032
      local.tee $t.i32
      i32.const 56
      i32.lt_s
      if
        call $rt_stack_overflow
        drop
        br $fail1
      end
      i32.const 0
      local.get $t.i32
      i32.const 56
      i32.sub
      i32.store offset=1032
      local.get $n
      i64.const 1
      i64.sub
      local.tee $t.i64
      local.get $n
      i64.gt_s
      if
        local.get $n
        i64.const 1
        i32.const 1
        i32.const 0
        call $:overflow
        br $fail1
      end
      local.get $t.i64
      call $fib.i
      if
        i32.const 1
        br $error1
      end
      local.set $t.i64
      local.get $n
      i64.const 2
      i64.sub
      local.tee $t.i64.1
      local.get $n
      i64.gt_s
      if
        local.get $n
        i64.const 2
        i32.const 1
        i32.const 0
        call $:overflow
        br $fail1
      end
      local.get $t.i64.1
      call $fib.i
      if
        i32.const 2
        br $error1
      end
      local.set $t.i64.1
      local.get $t.i64
      local.get $t.i64.1
      i64.add
      local.tee $t.i64.2
      local.get $t.i64
      i64.xor
      local.get $t.i64.2
      local.get $t.i64.1
      i64.xor
      i64.and
      i64.const 0
      i64.lt_s
      if
        local.get $t.i64
        local.get $t.i64.1
        i32.const 0
        i32.const 3
        call $:overflow
        br $fail1
      end
      local.get $t.i64.2
      i32.const 0
      i32.const 0
      i32.load offset=1032
      i32.const 56
      i32.add
      i32.store offset=1032
    end
    i32.const 0
    return
  end
  call $rt_error_site
  end
  i64.const 0
  i32.const 1
)
(func $$init (result i64)
  i64.const 0
)
(func $:export.fib (param i64) (result i64)
  local.get 0
  call $fib
  if
    i64.const 10
    return
  end
  call $rt_box_int
)
(func $:init (export "$init") (param $names i64) (result i64)
  (local $p i32) (local $i i64) (local $v i64) (local $t i32)
  call $rt_settle
  call $$init
  call $rt_keep
)
(func (export "$apply") (param i64 i64) (result i64)
  local.get 0
  i32.const 0
  return_call $rt_closure_call_error
)
(func $:overflow (param i64 i64 i32 i32)
  local.get 2
  local.get 0
  local.get 1
  call $rt_overflow2
  drop
  local.get 3
  call $rt_error_site
)
)
