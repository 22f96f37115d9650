// -- values that JavaScript has no own kind for

/** A name as text: `keyword("a")`, not `new Keyword("a")`, so that equal keywords are one object. */
export class Keyword {
  constructor(name) { this.name = name; Object.freeze(this); }
  toString() { return ":" + this.name; }
}

export class RtfsSymbol {
  constructor(name) { this.name = name; Object.freeze(this); }
  toString() { return this.name; }
}

const keywords = new Map();
const forgotten = new FinalizationRegistry((name) => {
  if (keywords.get(name)?.deref() === undefined) keywords.delete(name);
});

export function keyword(name) {
  let found = keywords.get(name)?.deref();
  if (found === undefined) {
    found = new Keyword(name);
    keywords.set(name, new WeakRef(found));
    forgotten.register(found, name);
  }
  return found;
}

export const symbol = (name) => new RtfsSymbol(name);

/** A list, where an array is a vector. */
export class List extends Array {
  static get [Symbol.species]() { return Array; }
}

/** A number that is a float although it has no fraction: `new Float(2)`. */
export class Float {
  constructor(value) { this.value = Number(value); Object.freeze(this); }
  valueOf() { return this.value; }
}

class Tagged {
  constructor(text) { this.text = text; Object.freeze(this); }
  toString() { return this.text; }
}
export class Timestamp extends Tagged {}
export class Uuid extends Tagged {}
export class Resource extends Tagged {}

/** A JavaScript function that programs may call: a plain one is not taken for one. */
export class HostFunction {
  constructor(call) { this.call = call; Object.freeze(this); }
}

/** An error as a value of a program. */
export class ErrorValue {
  constructor(kind, message, data, type, site = 0) { Object.assign(this, { kind, message, data, type, site }); }
}

// -- errors

/** An error that a program did not catch. `span`: [start, end] in code points of the source, null if not
 * known; `module`: the imported module whose source that is, null for the program itself. */
export class RtfsError extends Error {
  constructor(kind, message, data = null, type = null, place = null) {
    super(message);
    this.name = "RtfsError";
    this.kind = kind;
    this.code = CODES[kind] ?? CODES.InternalError;
    this.data = data;
    this.type = type;
    this.span = place === null ? null : place.slice(0, 2);
    this.module = place?.[2] ?? null;
  }
}

/** A limit of the host, which programs cannot catch; the instance stays usable. */
export class LimitExceeded extends RtfsError {
  constructor(...parts) {
    super(...parts);
    this.name = "LimitExceeded";
  }
}

/** The bytes are not a module that this loader runs, or this engine lacks what it needs. */
export class ModuleRejected extends Error {
  constructor(message) {
    super(message);
    this.name = "ModuleRejected";
  }
}
