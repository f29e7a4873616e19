import assert from "node:assert/strict";
import { type AddressRange, parseAddressRange } from "../wire/prefix.ts";
import { Announcements } from "./announcements.ts";

const ONE = [parseAddressRange("203.0.113.10")];
const MANY = [parseAddressRange("10.0.1.0-10.0.1.99")];

/** Announces, and what was announced so far. */
function recorded(roundMs: number): { announcements: Announcements; said: string[] } {
  const said: string[] = [];
  const announcements = new Announcements({
    send: (addresses) => said.push(addresses.join(" ")),
    roundMs,
  });
  return { announcements, said };
}

Deno.test("every address is announced three times, in portions", async () => {
  const { announcements, said } = recorded(1);
  await announcements.start([...ONE, ...MANY]);
  const all = said.join(" ").split(" ");
  assert.equal(all.length, 3 * 101);
  assert.equal(new Set(all).size, 101);
  assert.ok(said.every((portion) => portion.split(" ").length <= 32));
});

Deno.test("stop() ends the announcements at once", async () => {
  const { announcements, said } = recorded(60_000);
  const done = announcements.start(ONE);
  announcements.stop();
  await done;
  assert.deepEqual(said, ["203.0.113.10"]);
});

Deno.test("start() takes over from the one before", async () => {
  const { announcements, said } = recorded(1);
  const first = announcements.start(MANY);
  const second = announcements.start(ONE);
  await Promise.all([first, second]);
  assert.deepEqual(said.slice(1), ["203.0.113.10", "203.0.113.10", "203.0.113.10"]);
});

Deno.test("without addresses there is nothing to announce", async () => {
  const { announcements, said } = recorded(1);
  await announcements.start([] as AddressRange[]);
  assert.deepEqual(said, []);
});
