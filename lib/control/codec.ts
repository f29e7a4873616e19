/**
 * Messages to lines and back. Lines come from the other machine and may hold anything: decoding never throws, it returns
 * the reason that the connection should end with.
 *
 * @module
 */

import {
  type AgentMessage,
  agentMessages,
  MAX_LINE_BYTES,
  MAX_NAT_LINE_BYTES,
  type NatMessage,
  natMessages,
  PROTOCOL,
} from "./messages.ts";
import { isOrdinary } from "./ordinary_message.ts";

/** A message, or why the line is none. The reason quotes nothing of the line. */
export type Decoded<Message> =
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "malformed"; readonly why: string };

/** One line, with its newline. */
export function encodeMessage(message: AgentMessage | NatMessage): string {
  return JSON.stringify(message) + "\n";
}

/** Reads a line that an agent sent. */
export function decodeAgentMessage(line: string): Decoded<AgentMessage> {
  return decode<AgentMessage>(line, agentMessages, MAX_LINE_BYTES);
}

/** Reads a line that a NAT machine sent. */
export function decodeNatMessage(line: string): Decoded<NatMessage> {
  return decode<NatMessage>(line, natMessages, MAX_NAT_LINE_BYTES);
}

/** What this needs of a zod schema. */
interface Schema<Message> {
  safeParse(value: unknown):
    | { readonly success: true; readonly data: Message }
    | {
      readonly success: false;
      readonly error: { readonly issues: readonly { path: PropertyKey[]; message: string }[] };
    };
}

function decode<Message>(
  line: string,
  schemas: { readonly [type: string]: Schema<Message> },
  longest: number,
): Decoded<Message> {
  if (line.length > longest) return malformed("line too long");
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return malformed("not JSON");
  }
  if (typeof value !== "object" || value === null || !("type" in value)) {
    return malformed("not an object with a type");
  }
  const { type } = value;
  if (typeof type !== "string" || !Object.hasOwn(schemas, type)) return malformed("unknown type");
  const otherVersion = versionProblem(value);
  if (otherVersion) return malformed(otherVersion);
  const result = isOrdinary(type, value)
    ? { success: true as const, data: value as Message }
    : schemas[type]!.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    return malformed(`${type}: ${clean(`${issue.path.join(".")}: ${issue.message}`)}`);
  }
  // One message has one spelling. This refuses what JSON.parse settles in silence: doubled keys, numbers that a double
  // cannot hold.
  if (JSON.stringify(value) !== line) return malformed(`${type}: not in canonical form`);
  return { kind: "message", message: result.data };
}

/** A greeting of another version may look different in every other key, so its version comes first. */
function versionProblem(value: object): string | null {
  if (!("protocol" in value) || !("program" in value)) return null;
  const { protocol } = value;
  if (!Number.isInteger(protocol) || protocol === PROTOCOL) return null;
  return `protocol ${protocol} is not spoken here, only ${PROTOCOL}`;
}

function malformed(why: string): { kind: "malformed"; why: string } {
  return { kind: "malformed", why };
}

/** Unknown keys are quoted in the schema's complaint, and are the other side's bytes. */
function clean(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "?").slice(0, 200);
}
