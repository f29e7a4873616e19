import {
  DICTIONARY_ENTRIES,
  DICTIONARY_ENTRY_BYTES,
  DIRECT,
  HEADER,
  HEADER_BYTES,
  I32,
  RECORD_BYTES,
  U8,
} from "./layout.ts";
import { formatTable, SessionRecords } from "./session_records.ts";
import { STATE } from "./tcp_state.ts";

/**
 * Copies a table into a zeroed region for another number of sessions: the same epoch and names, every session as it is.
 * Slots may change.
 *
 * @throws {RangeError} when there are more sessions than fit
 */
export function convertTable(from: ArrayBufferLike, to: ArrayBufferLike, capacity: number): void {
  const old = new SessionRecords(from);
  const slots = slotsToCopy(old, capacity);
  if (slots.length > capacity) {
    throw new RangeError(
      `Cannot make the session table smaller: it holds ${slots.length} sessions, not ${capacity}; ` +
        "take a larger capacity, or wait until sessions have ended",
    );
  }
  formatTable(to, capacity, { epoch: 1, bootId: [] });
  const header = new Uint8Array(to, 0, HEADER_BYTES);
  header.set(new Uint8Array(from, 0, HEADER_BYTES));
  const numbers = new Int32Array(to, 0, HEADER_BYTES / 4);
  numbers[HEADER.capacity] = capacity;
  numbers[HEADER.highWater] = slots.length;
  numbers[HEADER.used] = slots.length;
  const dictionaryBytes = DICTIONARY_ENTRIES * DICTIONARY_ENTRY_BYTES;
  new Uint8Array(to, HEADER_BYTES, dictionaryBytes).set(
    new Uint8Array(from, HEADER_BYTES, dictionaryBytes),
  );
  const records = new SessionRecords(to);
  slots.forEach((slot, i) => {
    const record = old.u8.subarray(slot * RECORD_BYTES, (slot + 1) * RECORD_BYTES);
    records.u8.set(record, (i + 1) * RECORD_BYTES);
    if (old.getI32(slot, I32.generation) === 0) return;
    for (const field of Object.values(DIRECT)) {
      records.setDirect(i + 1, field, old.getDirect(slot, field));
    }
    records.setBase(i + 1, old.getBase(slot, DIRECT.packets), old.getBase(slot, DIRECT.bytes));
  });
}

/** Those in use; of sessions that rest in quarantine only as many as there is room for. */
function slotsToCopy(records: SessionRecords, capacity: number): number[] {
  const living: number[] = [];
  const resting: number[] = [];
  for (let slot = 1; slot <= records.highWater; slot++) {
    const state = records.getU8(slot, U8.state);
    if (state === STATE.free) continue;
    const isHeld = records.getU8(slot, U8.hold) !== 0;
    (state === STATE.quarantine && !isHeld ? resting : living).push(slot);
  }
  return [...living, ...resting.slice(0, Math.max(0, capacity - living.length))];
}
