import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { command, jsonOption, parseCount, socketOption } from "../command.ts";
import { loadInspect } from "../modules.ts";

const FILTER_HELP = `
FILTER is made of tests, joined by and (which may be left out), or, not and parentheses:
  service NAME, session ID        as bypath inspect shows them
  client, vip, nat, server ENDPOINT   an end of the packet's session
  host ENDPOINT                   either end of the packet as it is
  path nat|bypass                 its way, or that of the response to it
  dropped [REASON]                as bypath inspect status names reasons; malformed for all of that kind
  tcp, udp, icmp, in, out, own    own: packets that bypath makes itself
ENDPOINT is ADDRESS, PREFIX/LENGTH, ADDRESS:PORT or :PORT.`;

export const inspectCapture = () =>
  command("capture", {
    summary: "live packets at both ends of the translation, until Ctrl-C",
    example: "bypath inspect capture service web and path bypass --count 100",
  })
    .argument("[filter...]", "which packets; quote it where it has parentheses")
    .option("-w, --write <file>", "write a pcapng file for Wireshark; -: to standard output")
    .option(
      "--at <where>",
      'nat, all, or "agent NAME"; may be given several times (default: the running program itself)',
      (where, before: string[]) => [...before, where],
      [],
    )
    .option("--service <name>", "only of this service")
    .option("--session <id>", "only of this session")
    .option(
      "--client <which>",
      "only of this client: ADDRESS, PREFIX/LENGTH, ADDRESS:PORT or :PORT",
    )
    .option("--server <which>", "only of this server, likewise")
    .addOption(new Option("--path <path>", "only on this path").choices(["nat", "bypass"] as const))
    .option("--dropped [reason]", "only what was dropped, for this reason")
    .addOption(
      new Option("--protocol <name>", "only of this protocol")
        .choices(["tcp", "udp", "icmp"] as const),
    )
    .option("--snaplen <bytes>", "bytes of each packet, 0 for all (default: 256)", parseSnapLength)
    .option("--count <count>", "end after so many packets", parseCount)
    .option("--seconds <seconds>", "end after so long", parseSeconds)
    .addOption(socketOption())
    .addOption(jsonOption())
    .addHelpText("after", FILTER_HELP)
    .action(async (words, options, command) => {
      const { write, at, snaplen, count, seconds, socket, json = false } = options;
      if (write !== undefined && json) command.error("--json and --write exclude each other");
      const { inspectCommand } = await loadInspect();
      Deno.exitCode = await inspectCommand({
        what: "capture",
        json,
        ...(socket !== undefined && { socket }),
        capture: {
          filter: filterOf(words, options),
          at,
          ...(write !== undefined && { write }),
          ...(snaplen !== undefined && { snapBytes: snaplen }),
          ...(count !== undefined && { count }),
          ...(seconds !== undefined && { seconds }),
        },
      });
    });

/** Options are tests like any other, and all of them have to hold. */
function filterOf(
  words: readonly string[],
  options: {
    readonly service?: string | undefined;
    readonly session?: string | undefined;
    readonly client?: string | undefined;
    readonly server?: string | undefined;
    readonly path?: string | undefined;
    readonly dropped?: string | true | undefined;
    readonly protocol?: string | undefined;
  },
): string {
  const { dropped, protocol } = options;
  const tests = (["service", "session", "client", "server", "path"] as const).flatMap((name) => {
    const value = options[name];
    return value === undefined ? [] : [`${name} ${value}`];
  });
  if (dropped !== undefined) tests.push(dropped === true ? "dropped" : `dropped ${dropped}`);
  if (protocol !== undefined) tests.push(protocol);
  const expression = words.join(" ").trim();
  if (expression !== "") tests.push(tests.length === 0 ? expression : `(${expression})`);
  return tests.join(" and ");
}

const WHOLE_BYTES = 65_536 + 14;
const LEAST_BYTES = 64;

function parseSnapLength(text: string): number {
  const bytes = Number(text);
  if (bytes === 0) return WHOLE_BYTES;
  if (!/^\d+$/.test(text) || bytes < LEAST_BYTES || bytes > WHOLE_BYTES) {
    throw new InvalidArgumentError(
      `Not 0 or a whole number from ${LEAST_BYTES} to ${WHOLE_BYTES}.`,
    );
  }
  return bytes;
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || seconds < 0.001 || seconds > 1_000_000) {
    throw new InvalidArgumentError("Not a number of seconds above 0.");
  }
  return seconds;
}
