// -- loading

// (func return_call 0): engines without tail calls refuse it.
const TAIL_CALL = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 6, 1, 4, 0, 18, 0, 11]);

let compiled;

/** A fresh instance of the module, after its top level has run. */
export async function load(options = {}) {
  if (!WebAssembly.validate(TAIL_CALL)) {
    throw new ModuleRejected("this engine lacks the tail calls of WebAssembly: it takes Node 20, Chrome 112, Firefox 121 or Safari 18.2");
  }
  const instance = new Instance(await codeOf(options.wasm), options);
  instance.start();
  return facade(instance);
}

/** What is known of a loaded module: its interface, the value of its last form, the size of its memory. */
export function info(module) {
  const instance = INSTANCES.get(module);
  if (instance === undefined) throw new TypeError("not a module that load() gave");
  return {
    interface: instance.interface,
    get value() { return instance.enter(() => instance.unbox(instance.result)); },
    get printed() { return instance.enter(() => instance.unbox(instance.rt("rt_str_pr", instance.result))); },
    get memoryBytes() { return instance.memory.buffer.byteLength; },
  };
}

const INSTANCES = new WeakMap();

function facade(instance) {
  const module = Object.create(null);
  const exports = instance.interface.exports;
  for (const entry of exports) define(module, entry.name, instance, entry);
  for (const entry of exports) {
    const alias = camelCase(entry.name);
    if (!(alias in module)) define(module, alias, instance, entry);
  }
  INSTANCES.set(module, instance);
  return Object.freeze(module);
}

function define(module, name, instance, entry) {
  if (entry.kind === "function") {
    Object.defineProperty(module, name, { value: instance.exported(entry), enumerable: name === entry.name });
  } else {
    const get = () => instance.enter(() => instance.unbox(instance.checked(instance.wasm[`=${entry.name}`]())));
    Object.defineProperty(module, name, { get, enumerable: name === entry.name });
  }
}

const camelCase = (name) => name.replace(/[?!]+$/, "").replace(/-+(.)/g, (_, letter) => letter.toUpperCase());

async function codeOf(wasm) {
  if (wasm instanceof WebAssembly.Module) return wasm;
  if (wasm !== undefined) return compile(await bytesOf(wasm));
  compiled ??= bytesOf(WASM_URL).then(compile);
  try {
    return await compiled;
  } catch (error) {
    compiled = undefined; // the next call tries again
    throw error;
  }
}

async function compile(bytes) {
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    throw new ModuleRejected(`not a module that this engine runs: ${error.message}`);
  }
}

async function bytesOf(wasm) {
  if (wasm instanceof ArrayBuffer || ArrayBuffer.isView(wasm)) return wasm;
  if (typeof Response !== "undefined" && wasm instanceof Response) return bodyOf(wasm);
  const url = wasm instanceof URL ? wasm : new URL(wasm, import.meta.url);
  if (url.protocol === "file:" && globalThis.process?.versions?.node) {
    const { readFile } = await import("node:fs/promises");
    return readFile(url);
  }
  return bodyOf(await fetch(url));
}

async function bodyOf(response) {
  if (!response.ok) throw new ModuleRejected(`${response.url}: ${response.status} ${response.statusText}`);
  return response.arrayBuffer();
}
