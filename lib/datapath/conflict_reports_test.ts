import assert from "node:assert/strict";
import { IpAddress } from "../wire/address.ts";
import { ConflictReports } from "./conflict_reports.ts";

const ADDRESS = IpAddress.parse("203.0.113.10");

Deno.test("a conflicting address is told of once in ten seconds", () => {
  const reports = new ConflictReports(0);
  assert.ok(reports.isNew(ADDRESS, 0));
  assert.ok(!reports.isNew(ADDRESS, 9_999));
  assert.ok(reports.isNew(IpAddress.parse("203.0.113.11"), 9_999));
  assert.ok(reports.isNew(ADDRESS, 10_000));
});

Deno.test("many conflicting addresses do not fill the log", () => {
  const reports = new ConflictReports(0);
  const told = Array.from({ length: 1000 }, (_, i) => IpAddress.fromWords(0, 0, 0xffff, i))
    .filter((address) => reports.isNew(address, 5));
  assert.equal(told.length, 16);
});
