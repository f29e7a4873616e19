import assert from "node:assert/strict";
import { JOURNAL_CLOSED, JOURNAL_OPENED, Journals } from "./journal.ts";
import { regionBytes } from "./layout.ts";
import { formatTable, SessionRecords } from "./session_records.ts";

Deno.test("the journals of several workers are read as one, each entry once", () => {
  const region = new ArrayBuffer(regionBytes(4));
  formatTable(region, 4, { epoch: 1, bootId: [] });
  const records = new SessionRecords(region);
  const journals = new Journals(2);
  const [first, second] = journals.all;
  first!.write(JOURNAL_OPENED, 0, records, 1, 10);
  second!.write(JOURNAL_OPENED, 0, records, 2, 20);
  first!.write(JOURNAL_CLOSED, 1, records, 1, 30);
  const times = (from?: readonly number[], until?: readonly number[]) =>
    journals.read(from, until).map(({ atMs }) => atMs);
  assert.deepEqual(times(), [10, 20, 30]);
  const position = journals.position;
  second!.write(JOURNAL_CLOSED, 2, records, 2, 40);
  assert.deepEqual(times(position), [40]);
  assert.deepEqual(times([0, 0], position), [10, 20, 30]);
  assert.deepEqual(times(journals.position), []);
});
