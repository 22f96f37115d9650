(module
(import "rtfs" "memory" (memory 1))
(import "rtfs" "table" (table $:table 0 funcref))
(import "rtfs" "rt_box_int" (func $rt_box_int (param i64) (result i64)))
(import "rtfs" "rt_buffer" (func $rt_buffer (param i32) (result i32)))
(import "rtfs" "rt_closure_call_error" (func $rt_closure_call_error (param i64 i32) (result i64)))
(import "rtfs" "rt_decode" (func $rt_decode (param i32) (result i64)))
(import "rtfs" "rt_keep" (func $rt_keep (param i64) (result i64)))
(import "rtfs" "rt_seq_nth" (func $rt_seq_nth (param i64 i64) (result i64)))
(import "rtfs" "rt_settle" (func $rt_settle))
(import "rtfs" "rt_vector" (func $rt_vector (param i32 i32) (result i64)))
(global $:made (mut i32) (i32.const 0))
(global $:c0 (mut i64) (i64.const 0))
(global $:c1 (mut i64) (i64.const 0))
(global $:c2 (mut i64) (i64.const 0))
(global $:c3 (mut i64) (i64.const 0))
(global $:c4 (mut i64) (i64.const 0))
(global $:c5 (mut i64) (i64.const 0))
(global $limit (mut i64) (i64.const 0))
(data $:data "\0b\06\00\00\00\00\00\00\03\00\00\00\00\00\00\00\00\00\00\00\00\00\00@\04\00\00\00\00\00\00\00\00\00\00\00\00\00\04@\05\04\00\00\00\00\00\00\00\00\00\00\00\00\00\00text\00\00\00\00\06\03\00\00\00\00\00\00\00\00\00\00\00\00\00\00key\00\00\00\00\00\0e\02\00\00\00\00\00\00\01\00\00\00\00\00\00\00\02\00\00\00\00\00\00\00\0d\01\00\00\00\00\00\00\06\03\00\00\00\00\00\00\00\00\00\00\00\00\00\00key\00\00\00\00\00\05\04\00\00\00\00\00\00\00\00\00\00\00\00\00\00text\00\00\00\00")
(func $$init (result i64)
  i64.const 100
  global.set $limit
  i32.const 0
  i64.const 0
  i64.store offset=2048
  i32.const 0
  i64.const 6
  i64.store offset=2056
  i32.const 0
  i64.const 3
  i64.store offset=2064
  i32.const 0
  global.get $:c0
  i64.store offset=2072
  i32.const 0
  global.get $:c1
  i64.store offset=2080
  i32.const 0
  global.get $:c2
  i64.store offset=2088
  i32.const 0
  global.get $:c3
  i64.store offset=2096
  i32.const 0
  global.get $:c4
  i64.store offset=2104
  i32.const 0
  global.get $:c5
  i64.store offset=2112
  i32.const 0
  global.get $:c2
  i64.store offset=2120
  i32.const 2048
  i32.const 10
  call $rt_vector
)
(func (export "=limit") (result i64)
  global.get $limit
  call $rt_box_int
)
(func $:init (export "$init") (param $names i64) (result i64)
  (local $p i32) (local $i i64) (local $v i64) (local $t i32)
  global.get $:made
  i32.eqz
  if
    i32.const 168
    call $rt_buffer
    local.tee $p
    i32.const 0
    i32.const 168
    memory.init $:data
    local.get $p
    call $rt_decode
    local.set $v
    local.get $v
    i64.const 0
    call $rt_seq_nth
    global.set $:c0
    local.get $v
    i64.const 1
    call $rt_seq_nth
    global.set $:c1
    local.get $v
    i64.const 2
    call $rt_seq_nth
    global.set $:c2
    local.get $v
    i64.const 3
    call $rt_seq_nth
    global.set $:c3
    local.get $v
    i64.const 4
    call $rt_seq_nth
    global.set $:c4
    local.get $v
    i64.const 5
    call $rt_seq_nth
    global.set $:c5
    data.drop $:data
    i32.const 1
    global.set $:made
  end
  call $rt_settle
  call $$init
  call $rt_keep
)
(func (export "$apply") (param i64 i64) (result i64)
  local.get 0
  i32.const 0
  return_call $rt_closure_call_error
)
)
