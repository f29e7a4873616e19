/**
 * Checks reports by hand. Of all that comes over a control channel they are the most, an entry for
 * every instruction in use every second, and a schema takes several times as long to check them.
 *
 * @module
 */

import { MAX_ENTRIES, type Report, type ReportEntry, SESSION_ID } from "./messages.ts";

/** Those that every entry has. */
const ENTRY_KEYS = 8;
const REPORT_KEYS = 5;
const SEQUENCE_MAX = 0xffffffff;

/**
 * Whether a parsed line is surely a valid report, such as an able agent sends. False says nothing: then
 * the schema decides, which is the definition.
 */
export function isOrdinaryReport(value: object): value is Report {
  const { type, nonce, able, reason, entries } = value as Partial<Report>;
  return type === "report" && keysOf(value) === REPORT_KEYS && isCount(nonce, 1) &&
    able === true && reason === null &&
    Array.isArray(entries) && entries.length <= MAX_ENTRIES && entries.every(isEntry);
}

function isEntry(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const entry = value as Partial<ReportEntry>;
  const { session, sequence, resent, resentAgain } = entry;
  let keys = ENTRY_KEYS;
  if (resent !== undefined) keys++;
  if (resentAgain !== undefined) keys++;
  return keysOf(value) === keys && typeof session === "string" && SESSION_ID.test(session) &&
    isCount(entry.generation, 1) && isCount(entry.packets, 0) && isCount(entry.bytes, 0) &&
    isCount(entry.idleMs, 0) && typeof entry.fin === "boolean" && typeof entry.rst === "boolean" &&
    (resent === undefined || isCount(resent, 0)) &&
    (resentAgain === undefined || isCount(resentAgain, 0)) &&
    (sequence === null || (isCount(sequence, 0) && sequence! <= SEQUENCE_MAX));
}

function isCount(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function keysOf(value: object): number {
  let count = 0;
  for (const _key in value) count++;
  return count;
}
