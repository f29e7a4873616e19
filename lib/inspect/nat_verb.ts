/**
 * The verbs by which an operator commands a running NAT machine.
 *
 * @module
 */
import { AdminError, type AdminRequest } from "../control/admin_protocol.ts";
import { Daemon } from "./daemon.ts";
import type { InspectHost } from "./host.ts";
import type { VerbOptions, VerbTarget } from "./options.ts";
import { printable } from "./palette.ts";
import { writeJson } from "./print_rows.ts";

/** Sends the verb, and prints what came of it. @throws {AdminError} */
export async function sendVerb(options: VerbOptions, host: InspectHost): Promise<number> {
  const request = requestOf(options);
  const daemon = new Daemon(options.socket ?? host.natSocket, host);
  // A stop waits for agents, as long as the NAT machine finds right.
  const result = await daemon.askPatiently<VerbResult>(request);
  if (options.json) await writeJson(result, host);
  else {
    for (const line of [...result.changes ?? [], result.message]) {
      await host.write(`${printable(line)}\n`);
    }
  }
  return 0;
}

interface VerbResult {
  readonly message: string;
  /** Of a reload: what is different now. */
  readonly changes?: readonly string[];
}

function requestOf({ verb, target, dryRun }: VerbOptions): AdminRequest {
  switch (verb) {
    case "reload":
      return { verb, ...(dryRun && { dryRun }) };
    case "drain":
    case "undrain":
      if (target?.kind !== "server") throw new AdminError(`Cannot ${verb}: no server is given`, 2);
      return { verb, server: target.name };
    case "bypass stop":
    case "bypass start":
      if (target === undefined) {
        throw new AdminError(
          `Cannot ${verb}: neither session, server, service nor all is given`,
          2,
        );
      }
      return { verb: "bypass", action: verb.slice("bypass ".length), ...named(target) };
  }
}

function named(target: VerbTarget): Record<string, string | true> {
  return target.kind === "all" ? { all: true } : { [target.kind]: target.name };
}
