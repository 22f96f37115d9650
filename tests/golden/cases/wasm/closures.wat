(module
(import "rtfs" "memory" (memory 1))
(import "rtfs" "table" (table $:table 0 funcref))
(import "rtfs" "rt_alloc" (func $rt_alloc (param i32) (result i32)))
(import "rtfs" "rt_box_int" (func $rt_box_int (param i64) (result i64)))
(import "rtfs" "rt_buffer" (func $rt_buffer (param i32) (result i32)))
(import "rtfs" "rt_call_args" (func $rt_call_args (param i64 i32 i32) (result i32)))
(import "rtfs" "rt_closure_call_error" (func $rt_closure_call_error (param i64 i32) (result i64)))
(import "rtfs" "rt_collect" (func $rt_collect))
(import "rtfs" "rt_decode" (func $rt_decode (param i32) (result i64)))
(import "rtfs" "rt_error_site" (func $rt_error_site (param i32)))
(import "rtfs" "rt_keep" (func $rt_keep (param i64) (result i64)))
(import "rtfs" "rt_kw_get" (func $rt_kw_get (param i64 i64) (result i64)))
(import "rtfs" "rt_kw_get_or" (func $rt_kw_get_or (param i64 i64 i64) (result i64)))
(import "rtfs" "rt_list" (func $rt_list (param i32 i32) (result i64)))
(import "rtfs" "rt_overflow2" (func $rt_overflow2 (param i32 i64 i64) (result i64)))
(import "rtfs" "rt_seq_nth" (func $rt_seq_nth (param i64 i64) (result i64)))
(import "rtfs" "rt_seq_to_list" (func $rt_seq_to_list (param i64) (result i64)))
(import "rtfs" "rt_settle" (func $rt_settle))
(import "rtfs" "rt_stack_overflow" (func $rt_stack_overflow (result i64)))
(import "rtfs" "rt_trap" (func $rt_trap (param i32)))
(import "rtfs" "rt_unbox_int" (func $rt_unbox_int (param i64) (result i64)))
(import "rtfs" "rt_vector" (func $rt_vector (param i32 i32) (result i64)))
(import "rtfs_host" "call_host" (func $:call_host (param i32 i64) (result i64)))
(type $:t1 (func (param i64 i64) (result i64)))
(type $:t2 (func (param i64 i64 i64) (result i64)))
(global $:F (mut i64) (i64.const 0))
(global $:made (mut i32) (i32.const 0))
(global $:c0 (mut i64) (i64.const 0))
(elem $:code func $inner $:code.twice)
(data $:data "\12\00\00\00\02\00\00\00\00\00\00\00\00\00\00\00\0a\00\00\00\01\00\00\00\00\00\00\00\00\00\00\00\12\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\0a\00\00\00\02\00\00\00\01\00\00\00\00\00\00\00\0b\01\00\00\00\00\00\00\05\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00x\00\00\00\00\00\00\00")
(func $make (param $x i64) (param $k i64) (result i64)
  (local $t.i32 i32)
  i32.const 32
  call $rt_alloc
  local.set $t.i32
  local.get $t.i32
  global.get $:F
  i32.wrap_i64
  i64.load offset=16
  i64.store offset=0
  local.get $t.i32
  global.get $:F
  i32.wrap_i64
  i64.load offset=24
  i64.store offset=8
  local.get $t.i32
  i64.extend_i32_u
  local.get $t.i32
  local.get $x
  i64.store offset=16
  local.get $t.i32
  local.get $k
  call $rt_box_int
  i64.store offset=24
)
(func $inner (param $closure i64) (param $y i64) (result i64)
  (local $x i64) (local $k i64)
  local.get $closure
  i32.wrap_i64
  i64.load offset=16
  local.set $x
  local.get $closure
  i32.wrap_i64
  i64.load offset=24
  call $rt_unbox_int
  local.set $k
  local.get $x
  local.get $k
  call $rt_box_int
  local.get $y
  call $:rt_vector.3
)
(func $twice (param $f i64) (param $x i64) (result i64)
  (local $t.i32 i32) (local $t.i64 i64) (local $held i64)
  i32.const 0
  i32.load offset=1024
  i32.const 0
  i32.load offset=1136
  i32.gt_u
  if
    local.get $f
    local.get $x
    call $:hold2
    call $rt_collect
    call $:held2
    local.set $x
    local.set $f
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
    i32.load offset=1140
    local.tee $t.i32
    i32.const 1638392
    i32.gt_u
    if
      i32.const 25
      call $rt_trap
      unreachable
    end
    local.get $t.i32
    local.get $f
    i64.store offset=0
    i32.const 0
    local.get $t.i32
    i32.const 8
    i32.add
    i32.store offset=1140
    local.get $f
    i64.const 7
    i64.and
    i64.eqz
    if (result i32)
      local.get $f
      i32.wrap_i64
      i64.load
      i64.const 4294967306
      i64.eq
    else
      i32.const 0
    end
    if (result i64)
      local.get $f
      local.get $x
      local.get $f
      i32.wrap_i64
      i32.load offset=8
      call_indirect $:table (type $:t1)
    else
      local.get $f
      local.get $x
      i32.const 1
      call $:call1
    end
    i32.const 0
    i32.const 0
    i32.load offset=1140
    i32.const 8
    i32.sub
    local.tee $t.i32
    i32.store offset=1140
    local.get $t.i32
    i64.load offset=0
    local.set $f
    local.tee $held
    i64.const 10
    i64.eq
    if
      i32.const 1
      br $error1
    end
    local.get $f
    i64.const 7
    i64.and
    i64.eqz
    if (result i32)
      local.get $f
      i32.wrap_i64
      i64.load
      i64.const 4294967306
      i64.eq
    else
      i32.const 0
    end
    i32.const 0
    i32.const 0
    i32.load offset=1032
    i32.const 64
    i32.add
    i32.store offset=1032
    if
      local.get $f
      local.get $held
      local.get $f
      i32.wrap_i64
      i32.load offset=8
      return_call_indirect $:table (type $:t1)
    end
    local.get $f
    local.get $held
    i32.const 2
    return_call $:call1
  end
  call $rt_error_site
  end
  i64.const 10
)
(func $each (param $f i64) (param $xs i64) (param $n i64) (result i64)
  (local $i i64) (local $t.i64 i64) (local $t.i32 i32) (local $t.i32.1 i32)
  block $fail1
  block $error1 (result i32)
    i64.const 0
    local.set $i
    loop $loop2 (result i64)
      i32.const 0
      i32.load offset=1024
      i32.const 0
      i32.load offset=1136
      i32.gt_u
      if
        local.get $f
        local.get $xs
        call $:hold2
        call $rt_collect
        call $:held2
        local.set $xs
        local.set $f
      end
      block $other3
        local.get $i
        local.get $n
        i64.ge_s
        br_if $other3
        local.get $xs
        local.set $t.i64
        local.get $t.i64
        i32.wrap_i64
        local.set $t.i32
        local.get $i
        local.get $t.i32
        i64.load32_u offset=4
        i64.lt_u
        i32.eqz
        if
          unreachable
        end
        local.get $i
        i32.wrap_i64
        local.get $t.i32
        i32.load offset=8
        i32.add
        local.tee $t.i32.1
        local.get $t.i32
        i32.load offset=8
        local.get $t.i32
        i32.load offset=4
        i32.add
        i32.const 1
        i32.sub
        i32.xor
        i32.const 32
        i32.lt_u
        if (result i32)
          local.get $t.i32
          i32.load offset=16
        else
          local.get $t.i32
          i32.load8_u offset=1
          i32.const 5
          i32.eq
          if (result i32)
            local.get $t.i32
            i32.load offset=12
            local.get $t.i32.1
            i32.const 3
            i32.shr_u
            i32.const -4
            i32.and
            i32.add
            i32.load offset=8
          else
            local.get $t.i32
            local.get $t.i32.1
            call $:leaf
          end
        end
        local.get $t.i32.1
        i32.const 31
        i32.and
        i32.const 3
        i32.shl
        i32.add
        i64.load offset=8
        local.set $t.i64
        i32.const 0
        i32.load offset=1140
        local.tee $t.i32
        i32.const 1638384
        i32.gt_u
        if
          i32.const 25
          call $rt_trap
          unreachable
        end
        local.get $t.i32
        local.get $f
        i64.store offset=0
        local.get $t.i32
        local.get $xs
        i64.store offset=8
        i32.const 0
        local.get $t.i32
        i32.const 16
        i32.add
        i32.store offset=1140
        local.get $f
        i64.const 7
        i64.and
        i64.eqz
        if (result i32)
          local.get $f
          i32.wrap_i64
          i64.load
          i64.const 4294967306
          i64.eq
        else
          i32.const 0
        end
        if (result i64)
          local.get $f
          local.get $t.i64
          local.get $f
          i32.wrap_i64
          i32.load offset=8
          call_indirect $:table (type $:t1)
        else
          local.get $f
          local.get $t.i64
          i32.const 2
          call $:call1
        end
        i32.const 0
        i32.const 0
        i32.load offset=1140
        i32.const 16
        i32.sub
        local.tee $t.i32
        i32.store offset=1140
        local.get $t.i32
        i64.load offset=0
        local.set $f
        local.get $t.i32
        i64.load offset=8
        local.set $xs
        local.tee $t.i64
        i64.const 10
        i64.eq
        if
          i32.const 2
          br $error1
        end
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
          i32.const 2
          call $:overflow
          br $fail1
        end
        local.get $t.i64
        local.set $i
        br $loop2
      end
      i64.const 0
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
    global.get $:F
    i64.const 48
    i64.add
    global.get $:c0
    i64.const 1
    call $make
    call $twice
    local.tee $t.i64
    i64.const 10
    i64.eq
    br_if $fail1
    local.get $t.i64
    return
  end
  i64.const 10
)
(func $:code.twice (param i64 i64 i64) (result i64)
  local.get 1
  local.get 2
  return_call $twice
)
(func $:init (export "$init") (param $names i64) (result i64)
  (local $p i32) (local $i i64) (local $v i64) (local $t i32)
  global.get $:made
  i32.eqz
  if
    i32.const 64
    call $rt_alloc
    local.tee $p
    i64.extend_i32_u
    global.set $:F
    local.get $p
    i32.const 0
    i32.const 64
    memory.init $:data
    ref.null func
    i32.const 2
    table.grow $:table
    local.tee $t
    i32.const 0
    i32.const 2
    table.init $:table $:code
    loop $next
      local.get $p
      local.get $names
      local.get $i
      call $rt_seq_nth
      i64.store offset=8
      local.get $p
      local.get $p
      i32.load offset=24
      local.get $t
      i32.add
      i32.store offset=24
      local.get $p
      local.get $p
      i32.store offset=28
      local.get $p
      i32.const 32
      i32.add
      local.set $p
      local.get $i
      i64.const 1
      i64.add
      local.tee $i
      i64.const 2
      i64.lt_u
      br_if $next
    end
    i32.const 32
    call $rt_buffer
    local.tee $p
    i32.const 64
    i32.const 32
    memory.init $:data
    local.get $p
    call $rt_decode
    local.set $v
    local.get $v
    i64.const 0
    call $rt_seq_nth
    global.set $:c0
    elem.drop $:code
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
  local.get 1
  i32.const 0
  return_call $:apply
)
(func $:rt_vector.3 (param i64 i64 i64) (result i64)
  i32.const 0
  local.get 0
  i64.store offset=2048
  i32.const 0
  local.get 1
  i64.store offset=2056
  i32.const 0
  local.get 2
  i64.store offset=2064
  i32.const 2048
  i32.const 3
  call $rt_vector
)
(func $:hold2 (param i64 i64) (local $top i32)
  i32.const 0
  i32.load offset=1140
  local.tee $top
  i32.const 1638384
  i32.gt_u
  if
    i32.const 25
    call $rt_trap
    unreachable
  end
  local.get $top
  local.get 0
  i64.store offset=0
  local.get $top
  local.get 1
  i64.store offset=8
  i32.const 0
  local.get $top
  i32.const 16
  i32.add
  i32.store offset=1140
)
(func $:held2 (result i64 i64) (local $top i32)
  i32.const 0
  i32.const 0
  i32.load offset=1140
  i32.const 16
  i32.sub
  local.tee $top
  i32.store offset=1140
  local.get $top
  i64.load offset=0
  local.get $top
  i64.load offset=8
)
(func $:call1 (param $f i64) (param i64) (param $site i32) (result i64)
  (local $r i64)
  local.get $f
  i64.const 7
  i64.and
  i64.eqz
  if
    local.get $f
    i32.wrap_i64
    i64.load
    i64.const -562949953421313
    i64.and
    i64.const 4294967306
    i64.eq
    if
local.get $f
local.get 1
local.get $f
i32.wrap_i64
i32.load offset=8
return_call_indirect $:table (type $:t1)
    end
  end
  i32.const 0
  local.get 1
  i64.store offset=2048
  local.get $f
  i32.const 1
  local.get $site
  return_call $:slow
)
(func $:slow (param $f i64) (param $n i32) (param $site i32) (result i64)
  (local $kind i32) (local $r i64)
  local.get $f
  i64.const 7
  i64.and
  i64.eqz
  if
    local.get $f
    i32.wrap_i64
    i32.load8_u
    local.set $kind
  end
  local.get $kind
  i32.const 10
  i32.eq
  if
    local.get $f
    i32.wrap_i64
    i32.load offset=4
    i32.const 65536
    i32.and
    i32.const 0
    i32.ne
    local.get $f
    i32.wrap_i64
    i32.load offset=4
    i32.const 65535
    i32.and
    local.get $n
    i32.le_u
    i32.and
    if
    local.get $f
    i32.const 2048
    local.get $n
    call $rt_list
    local.get $f
    i32.wrap_i64
    i32.load offset=8
    return_call_indirect $:table (type $:t1)
    end
  end
  block $done
  local.get $kind
  i32.const 5
  i32.eq
  if
    local.get $n
    i32.const 1
    i32.eq
    if
      local.get $f
      i32.const 0
      i64.load offset=2048
      call $rt_kw_get
      local.set $r
      br $done
    end
    local.get $n
    i32.const 2
    i32.eq
    if
      local.get $f
      i32.const 0
      i64.load offset=2048
      i32.const 0
      i64.load offset=2056
      call $rt_kw_get_or
      local.set $r
      br $done
    end
  end
  local.get $kind
  i32.const 17
  i32.eq
  if
    local.get $f
    i32.wrap_i64
    i32.load offset=4
    i32.const 2048
    local.get $n
    call $rt_list
    call $:call_host
    local.set $r
    br $done
  end
    local.get $f
    local.get $n
    call $rt_closure_call_error
    local.set $r
  end
  local.get $r
  i64.const 10
  i64.eq
  if
    local.get $site
    call $rt_error_site
  end
  local.get $r
)
(func $:leaf (param $s i32) (param $at i32) (result i32) (local $shift i32) (local $node i32)
local.get $s
i32.load offset=12
local.set $node
local.get $s
i32.load8_u offset=1
local.tee $shift
i32.const 15
i32.gt_u
if
loop $down
local.get $node
local.get $at
local.get $shift
i32.shr_u
i32.const 31
i32.and
i32.const 2
i32.shl
i32.add
i32.load offset=8
local.set $node
local.get $shift
i32.const 5
i32.sub
local.tee $shift
i32.const 15
i32.gt_u
br_if $down
end
end
local.get $shift
i32.const 15
i32.ge_u
if
local.get $node
local.get $at
i32.const 13
i32.shr_u
i32.const 124
i32.and
i32.add
i32.load offset=8
local.set $node
end
local.get $shift
i32.const 10
i32.ge_u
if
local.get $node
local.get $at
i32.const 8
i32.shr_u
i32.const 124
i32.and
i32.add
i32.load offset=8
local.set $node
end
local.get $node
local.get $at
i32.const 3
i32.shr_u
i32.const 124
i32.and
i32.add
i32.load offset=8
local.set $node
local.get $node
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
(func $:apply (param $f i64) (param $args i64) (param $site i32) (result i64)
  (local $kind i32) (local $n i32) (local $r i64)
  local.get $args
  i32.wrap_i64
  i32.load offset=4
  local.set $n
  local.get $f
  i64.const 7
  i64.and
  i64.eqz
  if
    local.get $f
    i32.wrap_i64
    i32.load8_u
    local.set $kind
  end
  local.get $kind
  i32.const 10
  i32.eq
  if
    local.get $f
    i32.wrap_i64
    i32.load offset=4
    i32.const 65536
    i32.and
    i32.const 0
    i32.ne
    local.get $f
    i32.wrap_i64
    i32.load offset=4
    i32.const 65535
    i32.and
    local.get $n
    i32.le_u
    i32.and
    if
    local.get $f
    local.get $args
    call $rt_seq_to_list
    local.get $f
    i32.wrap_i64
    i32.load offset=8
    return_call_indirect $:table (type $:t1)
    end
  end
  local.get $kind
  i32.const 17
  i32.eq
  if
    local.get $f
    i32.wrap_i64
    i32.load offset=4
    local.get $args
    call $rt_seq_to_list
    call $:call_host
    local.set $r
      local.get $r
      i64.const 10
      i64.eq
      if
        local.get $site
        call $rt_error_site
      end
      local.get $r
    return
  end
  local.get $args
  i32.const 2048
  i32.const 256
  call $rt_call_args
  drop
  local.get $kind
  i32.const 10
  i32.eq
  if
    local.get $f
    i32.wrap_i64
    i32.load offset=4
    i32.const -131073
    i32.and
    local.get $n
    i32.eq
    if
      block $out
        block $n2
          block $n1
            local.get $n
            br_table $out $n1 $n2 $out
          end
          local.get $f
          i32.const 0
          i64.load offset=2048
          local.get $f
          i32.wrap_i64
          i32.load offset=8
          return_call_indirect $:table (type $:t1)
        end
        local.get $f
        i32.const 0
        i64.load offset=2048
        i32.const 0
        i64.load offset=2056
        local.get $f
        i32.wrap_i64
        i32.load offset=8
        return_call_indirect $:table (type $:t2)
      end
    end
  end
  local.get $f
  local.get $n
  local.get $site
  return_call $:slow
)
)
