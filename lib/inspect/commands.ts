/**
 * `bypath inspect` and those verbs of `bypath nat` that talk to a running NAT machine.
 *
 * Both write results to stdout and one line for whatever goes wrong to stderr, and return the exit
 * status: 0 done, 1 failed or (status) not ready, 2 wrong usage.
 *
 * @module
 */
import { AdminError } from "../control/admin_protocol.ts";
import { Daemon } from "./daemon.ts";
import { type InspectHost, processHost } from "./host.ts";
import { OutputClosed } from "../linux/output_closed.ts";
import type { InspectOptions, VerbOptions } from "./options.ts";

export type { InspectOptions, VerbOptions, VerbTarget } from "./options.ts";

/** Runs `inspect WHAT`. */
export async function inspectCommand(
  options: InspectOptions,
  host: InspectHost = processHost(),
): Promise<number> {
  return await orComplain(host, async () => {
    const print = await printerOf(options.what);
    const daemon = new Daemon(options.socket, host);
    if (options.watchMs === undefined) return await print(daemon, options, host);
    const { watch } = await import("./watch.ts");
    return await watch(print, { daemon, options, host });
  });
}

/** Runs `nat VERB`. */
export async function natVerb(
  options: VerbOptions,
  host: InspectHost = processHost(),
): Promise<number> {
  return await orComplain(host, async () => {
    const { sendVerb } = await import("./nat_verb.ts");
    return await sendVerb(options, host);
  });
}

/** Prints once; resolves to the exit status. */
export type Printer = (
  daemon: Daemon,
  options: InspectOptions,
  host: InspectHost,
) => Promise<number>;

/** Loads no more than it takes: the session table and the C library are for `sessions` alone. */
async function printerOf(what: InspectOptions["what"]): Promise<Printer> {
  switch (what) {
    case "status":
      return (await import("./status.ts")).printStatus;
    case "services":
      return (await import("./services.ts")).printServices;
    case "servers":
      return (await import("./servers.ts")).printServers;
    case "sessions":
      return (await import("./sessions.ts")).printSessions;
    case "instructions":
      return (await import("./instructions.ts")).printInstructions;
    case "events":
      return (await import("./events.ts")).printEvents;
    case "top":
      return (await import("./top.ts")).showTop;
    case "explain":
      return (await import("./explain.ts")).printExplanation;
    case "capture":
      return (await import("./capture.ts")).printCapture;
  }
}

async function orComplain(host: InspectHost, run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof OutputClosed) return 0;
    if (!(error instanceof AdminError)) throw error;
    host.complain(error.message.replaceAll(/\s*\n\s*/g, " "));
    return error.exit;
  }
}
