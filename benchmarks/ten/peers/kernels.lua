-- The kernels for LuaJIT: tables; integers are doubles, nothing is checked.
local K = {}

local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
K.fib = fib

local function tak(x, y, z)
  if y < x then return tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y)) end
  return z
end
K.tak = tak

function K.loop(n)
  local total = 0
  for i = 0, n - 1 do total = total + i end
  return total
end

local function escape_time(cx, cy, limit)
  local x, y, n = 0.0, 0.0, 0
  while true do
    local xx, yy = x * x, y * y
    if n >= limit or xx + yy > 4.0 then return n end
    y = 2.0 * (x * y) + cy
    x = xx - yy + cx
    n = n + 1
  end
end

function K.mandelbrot(size, limit)
  local step, total = 2.5 / size, 0
  for row = 0, size - 1 do
    for col = 0, size - 1 do
      total = total + escape_time(-2.0 + step * col, -1.25 + step * row, limit)
    end
  end
  return total
end

local function safe(queens, column)
  local row = #queens
  for r = 1, row do
    local q = queens[r]
    if q == column or math.abs(q - column) == row - r + 1 then return false end
  end
  return true
end

local function place(queens, n)
  local row = #queens
  if row == n then return 1 end
  local found = 0
  for column = 0, n - 1 do
    if safe(queens, column) then
      local more = {}
      for i = 1, row do more[i] = queens[i] end
      more[row + 1] = column
      found = found + place(more, n)
    end
  end
  return found
end

function K.queens(n) return place({}, n) end

function K.pipeline(n)
  local numbers, doubled, kept, sum = {}, {}, {}, 0
  for i = 0, n - 1 do numbers[#numbers + 1] = i end
  for i = 1, #numbers do doubled[i] = numbers[i] * 2 end
  for i = 1, #doubled do
    local x = doubled[i]
    if x % 3 == 0 then kept[#kept + 1] = x end
  end
  for i = 1, #kept do sum = sum + kept[i] end
  return sum
end

function K.words(text)
  local counts, order = {}, {}
  for word in text:lower():gmatch("[^ ]+") do
    local n = counts[word]
    if not n then
      n = 0
      order[#order + 1] = word
    end
    counts[word] = n + 1
  end
  local sum = #order
  for i = 1, #order do sum = sum + #order[i] * counts[order[i]] end
  return sum
end

local function key_of(i) return i * 7919 % 1000003 end

function K.assoc(n)
  local filled, sum = {}, 0
  for i = 0, n - 1 do filled[key_of(i)] = i end
  for i = 0, n - 1 do sum = sum + filled[key_of(i)] end
  return sum
end

local function mixed(i)
  local x = i * 1103515245 % 2147483647
  return x * (12345 + x % 1000) % 2147483647
end

function K.sort(n, seed)
  local numbers, sum = {}, 0
  for i = seed, seed + n - 1 do numbers[#numbers + 1] = mixed(i) end
  table.sort(numbers)
  for i = 1, n, 100 do sum = sum + numbers[i] end
  return sum
end

local function matrix(n, seed)
  local rows = {}
  for i = 0, n - 1 do
    local row = {}
    for j = 0, n - 1 do row[j + 1] = (i * 31 + j * 17 + seed) % 100 end
    rows[i + 1] = row
  end
  return rows
end

local function dot(row, b, j, n)
  local sum = 0
  for k = 1, n do sum = sum + row[k] * b[k][j] end
  return sum
end

function K.matmul(n, seed)
  local a, b, total = matrix(n, seed), matrix(n, seed + 1), 0
  local product = {}
  for i = 1, n do
    local row = {}
    for j = 1, n do row[j] = dot(a[i], b, j, n) end
    product[i] = row
  end
  for i = 1, n do
    for j = 1, n do total = total + product[i][j] end
  end
  return total
end

return K
