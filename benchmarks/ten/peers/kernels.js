// The kernels in JavaScript: arrays and Map; integers are doubles, nothing is checked.
"use strict";
const fs = require("fs");

const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2));

const tak = (x, y, z) => (y < x ? tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y)) : z);

function loop(n) {
  let total = 0;
  for (let i = 0; i < n; i++) total += i;
  return total;
}

function escapeTime(cx, cy, limit) {
  let x = 0.0, y = 0.0, n = 0;
  for (;;) {
    const xx = x * x, yy = y * y;
    if (n >= limit || xx + yy > 4.0) return n;
    y = 2.0 * (x * y) + cy;
    x = xx - yy + cx;
    n++;
  }
}

function mandelbrot(size, limit) {
  const step = 2.5 / size;
  let total = 0;
  for (let row = 0; row < size; row++)
    for (let col = 0; col < size; col++) total += escapeTime(-2.0 + step * col, -1.25 + step * row, limit);
  return total;
}

function safe(queens, column) {
  const row = queens.length;
  for (let r = 0; r < row; r++) {
    const q = queens[r];
    if (q === column || Math.abs(q - column) === row - r) return false;
  }
  return true;
}

function place(queens, n) {
  if (queens.length === n) return 1;
  let found = 0;
  for (let column = 0; column < n; column++)
    if (safe(queens, column)) found += place([...queens, column], n);
  return found;
}

function range(from, to) {
  const numbers = [];
  for (let i = from; i < to; i++) numbers.push(i);
  return numbers;
}

const pipeline = (n) =>
  range(0, n).map((x) => x * 2).filter((x) => x % 3 === 0).reduce((sum, x) => sum + x, 0);

function words(text) {
  const counts = new Map();
  for (const word of text.toLowerCase().split(" ")) counts.set(word, (counts.get(word) ?? 0) + 1);
  let sum = counts.size;
  for (const [word, n] of counts) sum += word.length * n;
  return sum;
}

const keyOf = (i) => (i * 7919) % 1000003;

function assoc(n) {
  const filled = new Map();
  for (let i = 0; i < n; i++) filled.set(keyOf(i), i);
  let sum = 0;
  for (let i = 0; i < n; i++) sum += filled.get(keyOf(i));
  return sum;
}

function mixed(i) {
  const x = (i * 1103515245) % 2147483647;
  return (x * (12345 + (x % 1000))) % 2147483647;
}

function sort(n, seed) {
  const sorted = range(seed, seed + n).map(mixed).sort((a, b) => a - b);
  let sum = 0;
  for (let i = 0; i < n; i += 100) sum += sorted[i];
  return sum;
}

const matrix = (n, seed) => range(0, n).map((i) => range(0, n).map((j) => (i * 31 + j * 17 + seed) % 100));

function dot(row, b, j, n) {
  let sum = 0;
  for (let k = 0; k < n; k++) sum += row[k] * b[k][j];
  return sum;
}

function matmul(n, seed) {
  const a = matrix(n, seed), b = matrix(n, seed + 1);
  const product = a.map((row) => range(0, n).map((j) => dot(row, b, j, n)));
  return product.reduce((sum, row) => row.reduce((s, x) => s + x, sum), 0);
}

const kernels = {
  fib, tak, loop, mandelbrot, queens: (n) => place([], n), pipeline, words, assoc, sort, matmul,
};

// A line "KERNEL ARGUMENT…" is answered by "SECONDS RESULT"; the argument of `words` is a file.
const texts = new Map();
function read(path) {
  if (!texts.has(path)) texts.set(path, fs.readFileSync(path, "utf8"));
  return texts.get(path);
}

console.log(process.version);
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const [name, ...rest] = line.split(" ");
  const args = name === "words" ? rest.map(read) : rest.map(Number);
  const start = process.hrtime.bigint(), before = process.cpuUsage();
  const result = kernels[name](...args);
  const used = process.cpuUsage(before); // of all threads, so the wall clock may be less
  const elapsed = Math.min(Number(process.hrtime.bigint() - start) / 1e9, (used.user + used.system) / 1e6);
  console.log(`${elapsed} ${result}`);
});
