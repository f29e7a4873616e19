import { z } from "zod";
import { LabUsageError } from "../options.ts";
import type { Machine } from "./machine.ts";
import { type BenchResult, wasMeasured } from "./result.ts";

/** What `lab bench --json` prints. */
export interface BenchDocument {
  /** Whether everything that this host can measure was measured. */
  readonly ok: boolean;
  readonly machine: Machine;
  readonly benches: readonly BenchResult[];
}

/** As much of it as tells it from another file. */
const documentSchema = z.looseObject({
  machine: z.looseObject({ cores: z.number(), kernel: z.string() }),
  benches: z.array(z.looseObject({ name: z.string(), measured: z.array(z.unknown()) })),
});

export function documentOf(machine: Machine, benches: readonly BenchResult[]): BenchDocument {
  return { ok: benches.every(wasMeasured), machine, benches };
}

/**
 * The results of several runs on one machine as one.
 *
 * @throws {LabUsageError} when a file is none of a run, or of another machine
 */
export async function readDocuments(paths: readonly string[]): Promise<BenchDocument> {
  const documents = await Promise.all(paths.map(readDocument));
  const [first] = documents;
  if (first === undefined) throw new LabUsageError("Cannot show a run: no file was given");
  const identity = ({ machine: { cores, processor, kernel } }: BenchDocument) =>
    `${cores} cores, ${processor}, ${kernel}`;
  documents.forEach((document, i) => {
    if (identity(document) === identity(first)) return;
    throw new LabUsageError(
      `Cannot show "${paths[i]}" with "${paths[0]}": they are of different machines, ` +
        `${identity(document)} and ${identity(first)}`,
    );
  });
  return documentOf(first.machine, documents.flatMap(({ benches }) => benches));
}

async function readDocument(path: string): Promise<BenchDocument> {
  let document: unknown;
  try {
    document = JSON.parse(await Deno.readTextFile(path));
  } catch (cause) {
    const why = cause instanceof SyntaxError ? "not JSON" : (cause as Error).message;
    throw new LabUsageError(`Cannot read "${path}": ${why}`);
  }
  if (documentSchema.safeParse(document).success) return document as BenchDocument;
  throw new LabUsageError(
    `Cannot read "${path}": not what "bypath lab bench --json" prints, make it with that`,
  );
}
