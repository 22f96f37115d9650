// -- the host of one instance: performs what programs may do outside

/** The text of a keyword, symbol or string. */
function nameOf(key, operation = "host") {
  if (typeof key === "string") return key;
  if (key instanceof Keyword || key instanceof RtfsSymbol) return key.name;
  const data = { expected: "keyword, string or symbol", actual: kindOf(key), operation };
  throw hostError("TypeError", `Type error in ${operation}: expected ${data.expected}, got ${data.actual}`, data);
}

const KIND_OF = [
  [RtfsSymbol, "symbol"], [List, "list"], [Array, "vector"], [Map, "map"], [Timestamp, "timestamp"], [Uuid, "uuid"],
  [Resource, "resource"], [ErrorValue, "error"],
];

function kindOf(value) {
  if (value === null || value === undefined) return "nil";
  if (typeof value === "number") return isInt(value) ? "integer" : "float";
  const named = { bigint: "integer", boolean: "boolean", string: "string", function: "function" }[typeof value];
  return named ?? KIND_OF.find(([kind]) => value instanceof kind)?.[1] ?? "map";
}

const hostError = (kind, message, data = null) => new RtfsError(kind, message, data);

/** Capabilities that write to the console: `load({ host: consoleHost })`. */
export const consoleHost = Object.freeze({
  "ccos.io.println": (text) => console.log(text),
  "ccos.io.print": (text) => (globalThis.process?.stdout ? void process.stdout.write(text) : console.log(text)),
  "ccos.io.log": (text) => console.error(text),
});

const MERGE = {
  "keep-existing": (into, branch) => branch.forEach((value, key) => into.has(key) || into.set(key, value)),
  overwrite: (into, branch) => branch.forEach((value, key) => into.set(key, value)),
  merge: (into, branch) => branch.forEach((value, key) => {
    const old = into.get(key);
    into.set(key, old instanceof Map && value instanceof Map ? new Map([...old, ...value]) : value);
  }),
};

class Session {
  constructor({ host = {}, context = {}, observer = null, delegate = null }) {
    this.capabilities = host instanceof Map ? host : new Map(Object.entries(host));
    const given = context instanceof Map ? context : Object.entries(context);
    this.contexts = [new Map([...given].map(([key, value]) => [nameOf(key), value]))];
    this.hints = [];
    this.steps = new Map();
    this.next = 0;
    this.observer = observer;
    this.delegation = delegate;
  }

  perform(operation, parts) {
    const method = OPERATIONS[operation];
    if (method === undefined) throw hostError("HostError", `Host error: no operation ${operation}`);
    return this[method](...parts);
  }

  call(id, given) {
    id = nameOf(id, "call");
    try {
      const capability = this.capabilities.get(id);
      if (capability === undefined) throw denied(id);
      const value = capability(...given);
      if (typeof value?.then === "function") throw new TypeError(`${id}: a capability must answer at once, not with a promise`);
      this.tell("call", id, given);
      return value;
    } catch (error) {
      this.tell("call-failed", id, error);
      if (error instanceof RtfsError) throw error;
      throw hostError("HostError", `Host error: ${id}: ${error?.message ?? error}`);
    }
  }

  delegate(name, mode, model, given) {
    if (this.delegation === null) return [false];
    const [done, value] = this.delegation({ function: name, mode: nameOf(mode), model, arguments: [...given] });
    return done ? [true, value] : [false];
  }

  lookup(key, fallback) {
    const name = nameOf(key, "context/get");
    for (let i = this.contexts.length - 1; i >= 0; i--) {
      if (this.contexts[i].has(name)) return this.contexts[i].get(name);
    }
    return fallback;
  }

  set(key, value) { this.contexts[this.contexts.length - 1].set(nameOf(key, "context/set"), value); }

  symbol(name) {
    const value = this.lookup(name, OPENED);
    if (value === OPENED) throw hostError("UndefinedSymbol", `Undefined symbol: ${name}`, new Map([[keyword("symbol"), name]]));
    return value;
  }

  startStep(name, options) {
    const policy = nameOf(options?.get(keyword("merge-policy")) ?? "keep-existing");
    if (!(policy in MERGE)) throw hostError("InvalidArgument", `Invalid argument: no merge policy :${policy}`);
    this.steps.set(++this.next, { name, depth: this.contexts.length, policy, branches: [] });
    this.tell("step-started", name, options ?? new Map());
    return this.next;
  }

  completeStep(token, value) {
    const step = this.endStep(token);
    for (const branch of step.branches) MERGE[step.policy](this.contexts[this.contexts.length - 1], branch);
    this.tell("step-completed", step.name, value);
  }

  failStep(token, error) { this.tell("step-failed", this.endStep(token).name, error); }

  endStep(token) {
    const step = this.steps.get(token);
    this.steps.delete(token);
    this.contexts.length = step.depth;
    return step;
  }

  startBranch() { this.contexts.push(new Map()); }
  endBranch(token) { this.steps.get(token).branches.push(this.contexts.pop()); }
  setHint(key, value) { this.hints.push([key, value]); }
  clearHint(key) { this.hints.length = this.hints.map(([name]) => name).lastIndexOf(key); }

  tell(kind, name, detail) {
    if (this.observer !== null) this.observer({ kind, name, detail, hints: new Map(this.hints) });
  }
}

function denied(id) {
  if (!BUILT_IN.includes(id)) {
    return hostError("UnknownCapability", `Unknown capability: ${id}`, new Map([[keyword("capability"), id]]));
  }
  const context = "controlled context";
  const data = { operation: "call", capability: id, context };
  return hostError("SecurityViolation", `Security violation: call on ${id} in ${context}`, data);
}

const OPERATIONS = {
  call: "call", "context/lookup": "lookup", "context/set": "set", symbol: "symbol",
  "step/start": "startStep", "step/complete": "completeStep", "step/fail": "failStep",
  "branch/start": "startBranch", "branch/end": "endBranch", "hint/set": "setHint", "hint/clear": "clearHint",
  delegate: "delegate",
};
