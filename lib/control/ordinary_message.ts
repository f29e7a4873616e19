/**
 * Checks by hand the messages of which there are many: those that every session costs, and reports, which have an
 * entry for every instruction in use every second. A schema takes several times as long to check them.
 *
 * @module
 */

import {
  type AgentMessage,
  type Install,
  type Installed,
  MAX_ENTRIES,
  type NatMessage,
  type Report,
  type ReportEntry,
  SESSION_ID,
  type Stop,
  type Stopped,
  type StoppedEntry,
} from "./messages.ts";

/** Those that every such entry has. */
const KEY_KEYS = 2;
const COUNTER_KEYS = 6;
const SEQUENCE_MAX = 0xffffffff;
const PATH_MTU_MIN = 68;
const PATH_MTU_MAX = 65535;
/** Of an endpoint's text. */
const ENDPOINT_MAX = 64;

const CHECKS: Readonly<Record<string, (value: object) => boolean>> = {
  report: isReport,
  installed: isInstalled,
  stopped: isStopped,
  install: isInstall,
  stop: isStop,
};

/**
 * Whether a parsed line is surely a valid message of that type, as it is sent when all is well. False says
 * nothing: then the schema decides, which is the definition.
 */
export function isOrdinary(type: string, value: object): value is AgentMessage | NatMessage {
  return Object.hasOwn(CHECKS, type) && CHECKS[type]!(value);
}

function isReport(value: object): boolean {
  const { nonce, able, reason, entries } = value as Partial<Report>;
  return keysOf(value) === 5 && isCount(nonce, 1) && able === true && reason === null &&
    isList(entries, 0) && entries.every((entry) => isCounted(entry, 0));
}

function isInstalled(value: object): boolean {
  const { entries, refused } = value as Partial<Installed>;
  return keysOf(value) === 3 && Array.isArray(refused) && refused.length === 0 &&
    isList(entries, 0) && entries.every(isKey);
}

function isStopped(value: object): boolean {
  const { entries } = value as Partial<Stopped>;
  return keysOf(value) === 2 && isList(entries, 0) && entries.every((entry) => {
    const { known, reason } = (entry ?? {}) as Partial<StoppedEntry>;
    return typeof known === "boolean" && reason === null && isCounted(entry, 2);
  });
}

function isInstall(value: object): boolean {
  const { nonce, entries } = value as Partial<Install>;
  return keysOf(value) === 3 && isCount(nonce, 1) && isList(entries, 1) &&
    entries.every(isInstruction);
}

function isStop(value: object): boolean {
  const { entries } = value as Partial<Stop>;
  return keysOf(value) === 2 && isList(entries, 1) && entries.every(isKey);
}

function isList(value: unknown, least: number): value is unknown[] {
  return Array.isArray(value) && value.length >= least && value.length <= MAX_ENTRIES;
}

function isKey(value: unknown): boolean {
  return isObject(value) && keysOf(value) === KEY_KEYS && namesSession(value);
}

/** An entry with counters, and so many keys more. */
function isCounted(value: unknown, more: number): boolean {
  if (!isObject(value)) return false;
  const entry = value as Partial<ReportEntry>;
  const { sequence, resent, resentAgain } = entry;
  let keys = KEY_KEYS + COUNTER_KEYS + more;
  if (resent !== undefined) keys++;
  if (resentAgain !== undefined) keys++;
  return keysOf(value) === keys && namesSession(entry) &&
    isCount(entry.packets, 0) && isCount(entry.bytes, 0) &&
    isCount(entry.idleMs, 0) && typeof entry.fin === "boolean" && typeof entry.rst === "boolean" &&
    (resent === undefined || isCount(resent, 0)) &&
    (resentAgain === undefined || isCount(resentAgain, 0)) &&
    (sequence === null || (isCount(sequence, 0) && sequence! <= SEQUENCE_MAX));
}

function isInstruction(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { protocol, match, rewrite, pathMtu } = value as Partial<Install["entries"][number]>;
  let keys = KEY_KEYS + 3;
  if (pathMtu !== undefined) keys++;
  return keysOf(value) === keys && namesSession(value) &&
    (protocol === "tcp" || protocol === "udp") && isPair(match) && isPair(rewrite) &&
    (pathMtu === undefined || (isCount(pathMtu, PATH_MTU_MIN) && pathMtu <= PATH_MTU_MAX));
}

function isPair(value: unknown): boolean {
  if (!isObject(value) || keysOf(value) !== 2) return false;
  const { source, destination } = value as { source?: unknown; destination?: unknown };
  return isEndpoint(source) && isEndpoint(destination);
}

function isEndpoint(value: unknown): boolean {
  return typeof value === "string" && value.length > 0 && value.length <= ENDPOINT_MAX;
}

function namesSession(value: object): boolean {
  const { session, generation } = value as { session?: unknown; generation?: unknown };
  return typeof session === "string" && SESSION_ID.test(session) && isCount(generation, 1);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isCount(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function keysOf(value: object): number {
  let count = 0;
  for (const _key in value) count++;
  return count;
}
