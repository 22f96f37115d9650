// A line {"wasm": base64, "options"} in, a line {"value"} or {"error"} out.
import { createInterface } from "node:readline";

const { load, info, RtfsError } = await import(process.argv[2]);

async function answer({ wasm, options }) {
  try {
    const module = await load({ ...options, wasm: Buffer.from(wasm, "base64") });
    return { value: info(module).printed };
  } catch (error) {
    const { kind, message, span, module } = error;
    return { error: { kind: error instanceof RtfsError ? kind : error.name, message, span, module } };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + "\n");
}
