// -- transit: how values cross, in one buffer of 8-byte words (docs/abi.md of rtfsc)

const LONE_SURROGATE = /\p{Surrogate}/u;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const TEXTS = new Map([[Keyword, T.KW], [RtfsSymbol, T.SYM], [Timestamp, T.TIMESTAMP], [Uuid, T.UUID], [Resource, T.RESOURCE]]);

const isInt = (value) => Number.isSafeInteger(value) && !Object.is(value, -0);
const isRecord = (value) => {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

function int64(value, argument = -1) {
  const where = argument < 0 ? "" : `argument ${argument}: `;
  if (BigInt.asIntN(64, value) !== value) throw new RangeError(`${where}an integer beyond 64 bits`);
  return value;
}

/** Writes one value without recursion; `most`: bytes that the instance can take. */
class Writer {
  constructor(most, grant) {
    this.most = most;
    this.grant = grant;
    this.bytes = new Uint8Array(1024);
    this.view = new DataView(this.bytes.buffer);
    this.used = 0;
    this.open = [];
    this.inside = new Set(); // what is open, so that no value contains itself
  }

  write(value, argument) {
    try {
      this.value(value);
      while (this.open.length > 0) this.part(this.open[this.open.length - 1]);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
      const path = this.open.map((level) => `[${typeof level.at === "string" ? JSON.stringify(level.at) : level.at}]`);
      error.message = `${argument < 0 ? "value" : `argument ${argument}`}${path.join("")}: ${error.message}`;
      throw error;
    }
    return this.bytes.subarray(0, this.used);
  }

  /** The next element or entry of what was opened last. */
  part(level) {
    const { done, value } = level.items.next();
    if (done) {
      this.inside.delete(this.open.pop().of);
      return;
    }
    level.at = level.map ? value[0] : level.at + 1;
    if (!level.map) return void this.value(value);
    this.key(value[0]);
    this.value(value[1]);
  }

  value(value) {
    switch (typeof value) {
      case "undefined": return this.word(T.NIL);
      case "boolean": return this.word(value ? T.TRUE : T.FALSE);
      case "number": return this.number(value);
      case "bigint": return this.int(value);
      case "string": return this.text(T.STR, value);
      case "object": return value === null ? this.word(T.NIL) : this.object(value);
      case "function": return this.call(value);
      default: throw new TypeError(`no RTFS value for a ${typeof value}`);
    }
  }

  object(value) {
    if (Array.isArray(value)) return this.sequence(value instanceof List ? T.LIST : T.VEC, value);
    if (value instanceof Map) return this.map(value, value.size, value);
    const tag = TEXTS.get(value.constructor);
    if (tag !== undefined) return this.text(tag, value.name ?? value.text);
    if (value instanceof Float) return this.float(value.value);
    if (value instanceof HostFunction) return this.word(T.HOSTFN, this.grant(value));
    if (value instanceof ErrorValue) return this.error(value);
    if (!isRecord(value)) throw new TypeError(`no RTFS value for ${value.constructor?.name ?? "this object"}`);
    const entries = Object.entries(value);
    return this.map(value, entries.length, entries.map(([name, part]) => [keyword(name), part]));
  }

  error(value) {
    const { kind, type, message, data } = value;
    if (!KINDS.includes(kind) || !(type instanceof Keyword) || typeof message !== "string") {
      throw new TypeError("an error value needs a kind that there is, a keyword as type and a text as message");
    }
    this.word(T.ERROR);
    this.view.setUint32(this.room(8), KINDS.indexOf(kind), true);
    this.enter({ of: value, items: [type, message, data][Symbol.iterator](), at: -1, map: false });
  }

  call(value) {
    const granted = value[GRANTED];
    if (granted === undefined) throw new TypeError("a function has to be granted: new HostFunction(f)");
    return this.word(T.HOSTFN, this.grant(new HostFunction(granted)));
  }

  key(key) {
    if (typeof key === "string") return this.text(T.STR, key);
    if (key instanceof Keyword) return this.text(T.KW, key.name);
    if (typeof key === "bigint" || isInt(key)) return this.int(BigInt(key));
    throw new TypeError(`a map key is a keyword, text or integer, not ${typeof key}`);
  }

  sequence(tag, items) {
    this.word(tag, items.length);
    this.enter({ of: items, items: items[Symbol.iterator](), at: -1, map: false });
  }

  map(of, size, entries) {
    this.word(T.MAP, size);
    this.enter({ of, items: entries[Symbol.iterator](), at: null, map: true });
  }

  enter(level) {
    if (this.inside.has(level.of)) throw new TypeError("a value that contains itself");
    this.inside.add(level.of);
    this.open.push(level);
  }

  number(value) { return isInt(value) ? this.int(BigInt(value)) : this.float(value); }

  int(value) {
    int64(value);
    this.word(T.INT);
    this.view.setBigInt64(this.room(8), value, true);
  }

  float(value) {
    this.word(T.FLOAT);
    this.view.setFloat64(this.room(8), value, true);
  }

  text(tag, text) {
    if (LONE_SURROGATE.test(text)) throw new TypeError("a text with a lone surrogate");
    const data = encoder.encode(text);
    this.word(tag, data.length);
    const at = this.room(8 + Math.ceil(data.length / 8) * 8);
    this.bytes.set(data, at + 8);
  }

  word(tag, length = 0) {
    const at = this.room(8);
    this.view.setUint32(at, (tag | length << 8) >>> 0, true);
    this.view.setUint32(at + 4, Math.floor(length / 0x1000000), true);
  }

  /** The offset of fresh zero bytes. */
  room(size) {
    const at = this.used;
    this.used += size;
    if (this.used > this.most) throw limitError("MemoryLimit", this.most);
    if (this.used > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.used, 2 * this.bytes.length));
      larger.set(this.bytes);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    return at;
  }
}

const malformed = () => new RtfsError("InternalError", "Internal error: the module gave a malformed result");
const outInt = (value) => (-MAX_SAFE <= value && value <= MAX_SAFE ? Number(value) : value);
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** Reads one value without recursion and without trust: all lengths are checked. */
class Reader {
  constructor(bytes, functionOf) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
    this.functionOf = functionOf;
    this.open = [];
  }

  read() {
    for (;;) {
      let value = this.value();
      while (value !== OPENED) {
        const level = this.open[this.open.length - 1];
        if (level === undefined) {
          if (this.at !== this.bytes.length) throw malformed();
          return value;
        }
        if (level.parts.push(value) < level.count) break;
        this.open.pop();
        value = level.close(level.parts);
      }
    }
  }

  value() {
    const head = this.word();
    const tag = Number(head & 255n), length = Number(head >> 8n);
    switch (tag) {
      case T.NIL: return null;
      case T.FALSE: return false;
      case T.TRUE: return true;
      case T.INT: return outInt(BigInt.asIntN(64, this.word()));
      case T.FLOAT: return this.view.getFloat64(this.skip(8), true);
      case T.STR: return this.text(length);
      case T.KW: return keyword(this.text(length));
      case T.SYM: return symbol(this.text(length));
      case T.TIMESTAMP: return new Timestamp(this.text(length));
      case T.UUID: return new Uuid(this.text(length));
      case T.RESOURCE: return new Resource(this.text(length));
      case T.INTS: return this.numbers(length, (at) => outInt(this.view.getBigInt64(at, true)));
      case T.FLOATS: return this.numbers(length, (at) => this.view.getFloat64(at, true));
      case T.VEC: return this.opened(length, (parts) => parts);
      case T.LIST: return this.opened(length, (parts) => Object.setPrototypeOf(parts, List.prototype));
      case T.MAP: return this.opened(2 * length, pairs);
      case T.FN: return this.functionOf(this.word());
      case T.HOSTFN: return this.functionOf(null, length);
      case T.ERROR: return this.error();
      default: throw malformed();
    }
  }

  opened(count, close) {
    if (count > (this.bytes.length - this.at) / 8) throw malformed();
    if (count === 0) return close([]);
    this.open.push({ count, close, parts: [] });
    return OPENED;
  }

  error() {
    const number = this.word();
    const kind = KINDS[Number(number & 0xffffffffn)], site = Number(number >> 32n);
    if (kind === undefined) throw malformed();
    return this.opened(3, ([type, message, data]) => new ErrorValue(kind, message, data, type, site));
  }

  numbers(length, read) {
    const start = this.skip(8 * length);
    return Array.from({ length }, (_, i) => read(start + 8 * i));
  }

  text(length) {
    const start = this.skip(8 + Math.ceil(length / 8) * 8) + 8;
    try {
      return decoder.decode(this.bytes.subarray(start, start + length));
    } catch {
      throw malformed();
    }
  }

  word() { return this.view.getBigUint64(this.skip(8), true); }

  skip(size) {
    const start = this.at;
    if (size > this.bytes.length - start) throw malformed();
    this.at += size;
    return start;
  }
}

const OPENED = Object.freeze({});

function pairs(parts) {
  const found = new Map();
  for (let i = 0; i < parts.length; i += 2) {
    const key = parts[i];
    if (!(key instanceof Keyword) && !["string", "number", "bigint"].includes(typeof key)) throw malformed();
    found.set(key, parts[i + 1]);
  }
  return found;
}
