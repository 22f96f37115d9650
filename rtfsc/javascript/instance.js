// -- one instance

const GRANTED = Symbol("granted");
const NEST = 200;
const VALUE = { i: outInt, f: (value) => value, b: (value) => value !== 0 };
const FITS = {
  i: (value) => typeof value === "bigint" || isInt(value),
  f: (value) => value instanceof Float || (typeof value === "number" && !isInt(value)),
  b: (value) => typeof value === "boolean",
  v: () => true,
};

function limitError(kind, limit) {
  const message = LIMITS[kind].replace("{limit}", limit);
  return new LimitExceeded(kind, message, new Map([[keyword("limit"), limit]]));
}

const stackOverflow = () => new RtfsError("StackOverflow", "Stack overflow", null, keyword("stack-overflow"));

const closed = new FinalizationRegistry(({ instance, handle }) => instance.drop(handle));

class Instance {
  constructor(module, options) {
    this.memoryBytes = Math.min(options.memoryBytes ?? DEFAULT_MEMORY, 0xffff0000);
    this.outputBytes = options.outputBytes ?? DEFAULT_OUTPUT;
    this.stackBudget = options.stackBudget ?? STACK_BUDGET;
    if (!(this.memoryBytes > 0 && this.outputBytes > 0)) throw new RangeError("limits are numbers above zero");
    this.session = new Session(options);
    this.hosts = [];
    this.depth = this.live = this.made = this.keptHosts = 0;
    this.stale = false;
    this.interface = section(module, "rtfs.interface");
    this.sites = section(module, "rtfs.sites");
    if (this.interface.abi?.[0] !== ABI || this.interface.standalone !== true) {
      throw new ModuleRejected(`not a standalone module of ABI ${ABI}: build it with rtfsc build --standalone`);
    }
    const host = { call_host: this.guarded(this.callHost), host: this.guarded(this.hostOperation) };
    this.wasm = new WebAssembly.Instance(module, { rtfs_host: host }).exports;
    this.memory = this.wasm["rtfs:memory"];
    this.stack = this.wasm["rtfs:__stack_pointer"];
    this.view = new DataView(this.memory.buffer);
  }

  rt(name, ...slots) { return this.wasm[`rtfs:${name}`](...slots); }

  get state() {
    if (this.view.buffer !== this.memory.buffer) this.view = new DataView(this.memory.buffer);
    return this.view;
  }

  start() {
    this.state.setUint32(S.MAX, this.memoryBytes, true);
    this.state.setInt32(S.DEPTH, this.stackBudget, true);
    this.result = this.guard(() => this.checked(this.rt("start")));
    this.keptHosts = this.hosts.length;
  }

  // -- entries

  /** Runs `body` as a call from outside: what it leaves behind is dropped at the end. */
  enter(body) {
    if (this.depth >= NEST) throw new RangeError("calls between JavaScript and RTFS nest too deeply");
    if (this.depth === 0 && this.stale) this.dropRegion();
    const state = this.state;
    const hp = state.getUint32(S.HP, true), fresh = state.getUint32(S.FRESH, true);
    const collections = state.getUint32(S.COLLECTIONS, true), made = this.made, hosts = this.hosts.length;
    this.depth++;
    try {
      return this.guard(body);
    } finally {
      this.depth--;
      const now = this.state;
      const moved = now.getUint32(S.COLLECTIONS, true) !== collections;
      if (now.getUint32(S.FRESH, true) === fresh && this.made === made && !moved) {
        now.setUint32(S.HP, hp, true);
      } else if (this.depth === 0) {
        this.dropRegion();
      }
      // Only handles that were made since can refer to functions that the call brought.
      if (this.made === made) this.hosts.length = Math.min(hosts, this.hosts.length);
    }
  }

  /** Runs `body`; after an error the stacks are as before, and a trap is explained. */
  guard(body) {
    const budget = this.state.getInt32(S.DEPTH, true), stack = this.stack.value;
    const roots = this.state.getUint32(S.ROOTS, true);
    try {
      return body();
    } catch (error) {
      const trap = this.state.getUint32(S.TRAP, true);
      this.state.setInt32(S.DEPTH, budget, true);
      this.state.setUint32(S.ROOTS, roots, true);
      this.state.setUint32(S.TRAP, 0, true);
      this.stack.value = stack;
      const pending = this.pending;
      this.pending = undefined;
      throw pending !== undefined ? pending.error : this.explained(error, trap);
    }
  }

  explained(error, trap) {
    if (trap > 0 && LIMITS[KINDS[trap - 1]]) return limitError(KINDS[trap - 1], this.memoryBytes);
    if (KINDS[trap - 1] === "StackOverflow") return stackOverflow();
    if (error instanceof WebAssembly.RuntimeError) {
      return new RtfsError("InternalError", `Internal error: ${error.message}`);
    }
    // Engines report the end of their own stack in their own ways.
    const overflow = error instanceof RangeError ? /stack/i : /recursion/i;
    return error instanceof Error && overflow.test(error.message) ? stackOverflow() : error;
  }

  /** What the last call left goes, but for what handles need. A failure shows in the next call, if at all. */
  dropRegion() {
    this.stale = false;
    try {
      this.rt(this.live === 0 ? "rt_reset" : "rt_evacuate");
      if (this.live === 0) this.hosts.length = this.keptHosts;
    } catch {
      this.stale = true;
    }
  }

  // -- values

  box(value, argument = -1) {
    if (typeof value === "number" && isInt(value)) return (BigInt(value) << 1n) | 1n;
    if (value === null || value === undefined) return B.NIL;
    if (typeof value === "boolean") return value ? B.TRUE : B.FALSE;
    if (typeof value === "function" && OWNERS.get(value)?.instance === this) return OWNERS.get(value).boxed();
    const data = new Writer(this.memoryBytes, (granted) => this.hosts.push(granted.call) - 1).write(value, argument);
    const at = this.rt("rt_buffer", data.length) >>> 0;
    new Uint8Array(this.memory.buffer, at, data.length).set(data);
    return this.rt("rt_decode", at);
  }

  unbox(boxed) {
    if (boxed & 1n) return outInt(boxed >> 1n);
    if (boxed === B.NIL) return null;
    if (boxed === B.TRUE) return true;
    if (boxed === B.FALSE) return false;
    const packed = BigInt.asUintN(64, this.rt("rt_encode", boxed));
    const at = Number(packed & 0xffffffffn), size = Number(packed >> 32n);
    if (size > this.outputBytes) throw limitError("OutputLimit", this.outputBytes);
    if (at + size > this.memory.buffer.byteLength) throw malformed();
    return new Reader(new Uint8Array(this.memory.buffer, at, size), (handle, host) => this.handle(handle, host)).read();
  }

  checked(boxed) {
    if (boxed !== B.ERR) return boxed;
    throw this.error();
  }

  /** The pending error. */
  error() {
    const value = this.unbox(this.state.getBigInt64(S.ERROR, true));
    if (!(value instanceof ErrorValue)) return malformed();
    const site = this.sites[value.site - 1];
    return new RtfsError(value.kind, value.message, value.data, value.type, site ? site.slice(2) : null);
  }

  // -- functions

  /** An exported function: the first variant that fits the arguments is called. */
  exported({ name, params, rest, variants }) {
    const fixed = params.length - (rest ? 1 : 0);
    const all = { export: /^[$=]/.test(name) ? `:${name}` : name, params: "v".repeat(params.length), result: "v", raises: true };
    const entries = [...(rest ? [] : variants), all].map((v) => ({ ...v, letters: [...v.params], code: this.wasm[v.export] }));
    entries.sort((a, b) => boxedCount(a) - boxedCount(b));
    const call = (...given) => {
      if (given.length < fixed || (given.length > fixed && !rest)) throw arityError(name, fixed, rest, given.length);
      if (rest) given = [...given.slice(0, fixed), List.from(given.slice(fixed))];
      const entry = entries.find((v) => v.letters.every((letter, i) => FITS[letter](given[i])));
      return this.enter(() => this.taken(entry, entry.code(...given.map((value, i) => this.slot(entry.letters[i], value, i)))));
    };
    Object.defineProperty(call, "name", { value: name });
    return call;
  }

  slot(letter, value, argument) {
    if (letter === "v") return this.box(value, argument);
    if (letter === "i") return int64(BigInt(value), argument);
    return Number(value);
  }

  taken({ result, raises }, out) {
    if (result === "v") return this.unbox(this.checked(out));
    if (!raises) return VALUE[result](out);
    if (out[1]) throw this.error();
    return VALUE[result](out[0]);
  }

  /** A function value: of the module by its boxed value, or of the host by its number. */
  handle(boxed, host) {
    if (boxed === null) {
      if (this.hosts[host] === undefined) throw malformed();
      return Object.assign((...given) => this.hosts[host](...given), { [GRANTED]: this.hosts[host] });
    }
    const counted = boxed >= BigInt(this.state.getUint32(S.MARK, true));
    // Collections move what is not there for good: it is found by its place in a table of the module.
    const slot = counted ? this.rt("rt_handle", boxed) : -1;
    const handle = { instance: this, open: true, slot, boxed: () => used(handle) && (counted ? this.rt("rt_handle_value", slot) : boxed) };
    if (counted) {
      this.made++;
      this.live++;
    }
    const call = (...given) => this.enter(() => this.unbox(this.checked(this.wasm.$apply(handle.boxed(), this.box(given)))));
    call.close = () => this.drop(handle);
    OWNERS.set(call, handle);
    closed.register(call, { instance: this, handle });
    return call;
  }

  drop(handle) {
    if (!handle.open) return;
    handle.open = false;
    if (handle.slot < 0) return;
    this.rt("rt_handle_close", handle.slot);
    this.live--;
    this.stale = true;
  }

  // -- what programs ask of the host

  /** An import: what it throws stops the run and reaches the caller. */
  guarded(method) {
    return (...slots) => {
      try {
        return method.apply(this, slots);
      } catch (error) {
        this.pending = { error };
        throw error;
      }
    };
  }

  callHost(handle, list) {
    const call = this.hosts[handle];
    if (call === undefined) throw malformed();
    return this.box(call(...(this.unbox(list) ?? [])));
  }

  hostOperation(operation, list) {
    try {
      return this.box(this.session.perform(this.unbox(operation), this.unbox(list)));
    } catch (error) {
      if (!(error instanceof RtfsError) || error instanceof LimitExceeded) throw error;
      const kind = error.kind in CODES ? error.kind : "HostError";
      return this.rt("rt_raise_host", this.box([kind, error.message, error.data, error.type]));
    }
  }
}

const OWNERS = new WeakMap();
const boxedCount = (variant) => variant.letters.filter((letter) => letter === "v").length;

function used(handle) {
  if (!handle.open) throw new Error("the function handle is closed");
  return true;
}

function arityError(name, fixed, rest, actual) {
  const expected = rest ? `at least ${fixed}` : String(fixed);
  const data = new Map([[keyword("function"), name], [keyword("expected"), expected], [keyword("actual"), actual]]);
  return new RtfsError("ArityMismatch", `Arity mismatch in ${name}: expected ${expected}, got ${actual}`, data, keyword("arity-mismatch"));
}

function section(module, name) {
  const found = WebAssembly.Module.customSections(module, name);
  try {
    return JSON.parse(decoder.decode(found[0]));
  } catch {
    throw new ModuleRejected(`not an RTFS module: section "${name}" is missing or damaged`);
  }
}
