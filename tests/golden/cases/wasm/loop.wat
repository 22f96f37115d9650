(module
(import "rtfs" "memory" (memory 1))
(import "rtfs" "table" (table $:table 0 funcref))
(import "rtfs" "rt_box_int" (func $rt_box_int (param i64) (result i64)))
(import "rtfs" "rt_closure_call_error" (func $rt_closure_call_error (param i64 i32) (result i64)))
(import "rtfs" "rt_error_site" (func $rt_error_site (param i32)))
(import "rtfs" "rt_keep" (func $rt_keep (param i64) (result i64)))
(import "rtfs" "rt_overflow2" (func $rt_overflow2 (param i32 i64 i64) (result i64)))
(import "rtfs" "rt_settle" (func $rt_settle))
(func $sum (param $m i64) (result i64 i32)
  (local $i i64) (local $t i64) (local $t.i64 i64)
  block $fail1
    i64.const 0
    local.set $i
    i64.const 0
    local.set $t
    loop $loop2 (result i64)
      block $other3
        local.get $i
        local.get $m
        i64.ge_s
        br_if $other3
        local.get $i
        i64.const 1
        i64.add
        local.tee $t.i64
        local.get $i
        i64.lt_s
        if
          local.get $i
          i64.const 1
          i32.const 0
          i32.const 1
          call $:overflow
          br $fail1
        end
        local.get $t.i64
        local.get $t
        local.get $i
        i64.add
        local.tee $t.i64
        local.get $t
        i64.xor
        local.get $t.i64
        local.get $i
        i64.xor
        i64.and
        i64.const 0
        i64.lt_s
        if
          local.get $t
          local.get $i
          i32.const 0
          i32.const 1
          call $:overflow
          br $fail1
        end
        local.get $t.i64
        local.set $t
        local.set $i
        br $loop2
      end
      local.get $t
    end
    i32.const 0
    return
  end
  i64.const 0
  i32.const 1
)
(func $$init (result i64)
  block $fail1
  block $error1 (result i32)
    i64.const 10
    call $sum
    if
      i32.const 1
      br $error1
    end
    call $rt_box_int
    return
  end
  call $rt_error_site
  end
  i64.const 10
)
(func $:init (export "$init") (param $names i64) (result i64)
  (local $p i32) (local $i i64) (local $v i64) (local $t i32)
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
