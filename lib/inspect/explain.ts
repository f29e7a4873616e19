/**
 * `inspect explain`.
 *
 * @module
 */
import { AdminError } from "../control/admin_protocol.ts";
import type { SessionView } from "../session/session_view.ts";
import type { Explanation } from "./answers.ts";
import type { Daemon } from "./daemon.ts";
import type { InspectHost } from "./host.ts";
import { humanBytes, humanCount, humanDuration } from "../config/human.ts";
import type { InspectOptions } from "./options.ts";
import { type AskedPacket, parsePacket } from "./packet_syntax.ts";
import { type Paint, paintFor, printable } from "./palette.ts";
import { writeJson } from "./print_rows.ts";

export async function printExplanation(
  daemon: Daemon,
  options: InspectOptions,
  host: InspectHost,
): Promise<number> {
  if (options.packet === undefined) throw new AdminError("Cannot explain: no packet is given", 2);
  const packet = parsePacket(options.packet);
  const explanation = await daemon.ask<Explanation>({ verb: "explain", packet });
  if (options.json) await writeJson(explanation, host);
  else await host.write(formatExplanation(packet, explanation, paintFor(host)));
  return 0;
}

/** The packet, numbered steps, the verdict, the session. */
export function formatExplanation(
  packet: AskedPacket,
  { steps, verdict, session }: Explanation,
  paint: Paint,
): string {
  const stepWidth = longest(steps.map(({ step }) => step));
  const resultWidth = longest(steps.map(({ result }) => result));
  const numberWidth = String(steps.length).length;
  const lines = steps.map(({ step, result, detail }, index) =>
    [
      `${String(index + 1).padStart(numberWidth)}.`,
      printable(step).padEnd(stepWidth),
      paint("cyan", printable(result).padEnd(resultWidth)),
      printable(detail),
    ].join("  ").trimEnd()
  );
  return [
    paint("bold", packetText(packet)),
    "",
    ...lines,
    "",
    paint("bold", printable(verdict)),
    ...(session === null ? [] : ["", ...sessionLines(session, paint)]),
  ].map((line) => `${line}\n`).join("");
}

function packetText({ protocol, source, destination, fragment, about }: AskedPacket): string {
  return `${protocol} ${source} > ${destination}${fragment ? " fragment" : ""}${
    about === undefined ? "" : ` about ${packetText(about)}`
  }`;
}

function sessionLines(session: SessionView, paint: Paint): string[] {
  const { packets, bytes, instruction } = session;
  const amount = (which: keyof typeof packets) =>
    `${humanCount(packets[which])} packets, ${humanBytes(bytes[which])}`;
  const rows: [string, string][] = [
    ["session", `${session.id} of ${session.service}, ${session.protocol} ${session.state}`],
    [
      "endpoints",
      `client ${session.client}, vip ${session.vip}, nat ${session.nat}, server ${session.server}`,
    ],
    ["path", `${session.path}: ${session.reason}`],
    ["from client", amount("fromClient")],
    ["via NAT", amount("viaNat")],
    ["via bypass", amount("viaBypass")],
    ["age, idle", `${humanDuration(session.ageMs)}, ${humanDuration(session.idleMs)}`],
    [
      "instruction",
      instruction === null
        ? "none"
        : `generation ${instruction.generation} ${instruction.state}, ` +
          `lease ${humanDuration(instruction.leaseMs)}`,
    ],
  ];
  const width = longest(rows.map(([name]) => name));
  return rows.map(([name, text]) => `${paint("dim", name.padEnd(width))}  ${printable(text)}`);
}

function longest(texts: readonly string[]): number {
  return texts.reduce((width, text) => Math.max(width, text.length), 0);
}
