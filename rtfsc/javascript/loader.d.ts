// Made by rtfsc build --js.

/** An integer: a number where that is exact, else a bigint. Both go in. */
export type Int = number | bigint;
export class Keyword { readonly name: string; private constructor(); toString(): string; }
export class RtfsSymbol { readonly name: string; constructor(name: string); toString(): string; }
export function keyword(name: string): Keyword;
export function symbol(name: string): RtfsSymbol;
/** A list; arrays are vectors. */
export class List<T = Value> extends Array<T> {}
/** A float without a fraction: `new Float(2)`. */
export class Float { readonly value: number; constructor(value: number); valueOf(): number; }
export class Timestamp { readonly text: string; constructor(text: string); toString(): string; }
export class Uuid { readonly text: string; constructor(text: string); toString(): string; }
export class Resource { readonly text: string; constructor(text: string); toString(): string; }
/** A JavaScript function that a program may call. */
export class HostFunction { readonly call: (...given: any[]) => Input; constructor(call: (...given: any[]) => Input); }
/** A function of a program. It keeps memory of the instance until it is closed or collected. */
export interface Callable { (...given: Input[]): any; close(): void; }
export class ErrorValue {
  readonly kind: string; readonly message: string; readonly data: Value; readonly type: Keyword; readonly site: number;
  constructor(kind: string, message: string, data: Input, type: Keyword);
}
export type Key = string | Int | Keyword;
/** What comes out. Maps keep their order. */
export type Value =
  | null | boolean | Int | string | Keyword | RtfsSymbol | Timestamp | Uuid | Resource | Callable | ErrorValue
  | Value[] | Map<Key, Value>;
/** What goes in: plain objects are maps with keyword keys. */
export type Input =
  | null | undefined | boolean | Int | Float | string | Keyword | RtfsSymbol | Timestamp | Uuid | Resource | Callable
  | ErrorValue | HostFunction | readonly Input[] | ReadonlyMap<Key, Input> | { readonly [name: string]: Input };

/** An error that a program did not catch. */
export class RtfsError extends Error {
  constructor(kind: string, message: string, data?: Input, type?: Keyword | null);
  readonly kind: string; readonly code: string; readonly data: Value; readonly type: Keyword | null;
  /** Start and end in code points of the source, null if not known. */
  readonly span: readonly [number, number] | null;
  /** The imported module whose source that is; null for the program itself. */
  readonly module: string | null;
}
/** A limit of the host; the instance stays usable. */
export class LimitExceeded extends RtfsError {}
/** The bytes are not a module that this loader runs, or the engine lacks what it needs. */
export class ModuleRejected extends Error {}

export type Capability = (...given: any[]) => Input | void;
export interface Delegation { function: string; mode: string; model: string | null; arguments: Value[]; }
export interface HostEvent { kind: string; name: string; detail: any; hints: Map<string, Value>; }
export interface Options {
  /** The file, where it is not beside this loader. */
  wasm?: string | URL | Response | ArrayBuffer | ArrayBufferView | WebAssembly.Module;
  /** Capabilities that the program may call, by id. Nothing else is allowed. */
  host?: { readonly [id: string]: Capability } | ReadonlyMap<string, Capability>;
  /** Values that the program finds by name. */
  context?: { readonly [name: string]: Input } | ReadonlyMap<string, Input>;
  observer?: (event: HostEvent) => void;
  delegate?: (call: Delegation) => readonly [boolean, Input?];
  /** Most memory of the instance; default 512 MiB. */
  memoryBytes?: number;
  /** How deep calls may nest, in weighted bytes; default 384 KiB, which fits the usual stack of about 1 MB. */
  stackBudget?: number;
  /** Most bytes of one result; default 256 MiB. */
  outputBytes?: number;
}
export interface Info {
  readonly interface: any;
  /** The value of the last form. */
  readonly value: Value;
  /** The same in printed form. */
  readonly printed: string;
  readonly memoryBytes: number;
}
/** Capabilities that write to the console. */
export const consoleHost: { readonly [id: string]: Capability };
/** A fresh instance, after its top level has run. Raises RtfsError, ModuleRejected. */
export function load(options?: Options): Promise<Module>;
export function info(module: Module): Info;
