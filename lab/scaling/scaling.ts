import { type LabCommandOptions, LabUsageError } from "../options.ts";
import { alignColumns, paletteFor } from "../terminal.ts";
import { assume } from "./assume.ts";
import { scalingDocument } from "./document.ts";
import { Measurements } from "./measurements.ts";
import { type Scaling, scalingOf } from "./results.ts";
import { allTables } from "./tables.ts";

const DEFAULT_SEED = 1;

/**
 * `bypath lab scaling`: computes, and touches nothing.
 *
 * @throws {LabUsageError} when the file is none of a run, lacks a figure, or an assumption is none
 */
export async function scaling(options: LabCommandOptions): Promise<number> {
  const assumed = assume(options.assume ?? []);
  const [file = ""] = options.from ?? [];
  const run = new Measurements(await read(file), file);
  const result = scalingOf(run, { seed: options.seed ?? DEFAULT_SEED, assumed });
  if (options.json) console.log(JSON.stringify(result, jsonValue, 2));
  else if (options.markdown) console.log(scalingDocument(result).trimEnd());
  else print(result);
  return 0;
}

async function read(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (cause) {
    throw new LabUsageError(`Cannot read "${file}": ${(cause as Error).message}`);
  }
}

/** JSON has no infinity: `never` as a threshold, a break-even that is never reached. */
function jsonValue(_key: string, value: unknown): unknown {
  return value === Infinity ? "never" : value;
}

function print(result: Scaling): void {
  const { bold } = paletteFor(Deno.stdout);
  for (const { title, rows } of allTables(result)) {
    console.log(`${bold(title)}\n${alignColumns(rows, { heading: true }).join("\n")}\n`);
  }
}
