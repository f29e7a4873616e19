import assert from "node:assert/strict";
import fc from "fast-check";
import { formatMac, parseMac } from "../wire/ethernet.ts";
import { buildNeighbourAnnouncement } from "../wire/neighbour_discovery.ts";
import { buildArpAnnouncement } from "../wire/arp.ts";
import { IpAddress } from "../wire/address.ts";
import { parseAddressRange, rangeContains } from "../wire/prefix.ts";
import { arpFrame, solicitationFrame } from "./_test_frames.ts";
import { type Claim, reactTo } from "./neighbour_reaction.ts";

const OURS = "02:00:00:00:00:01";
const THEIRS = "02:00:00:00:00:02";
const RANGES = ["203.0.113.10", "10.0.1.0/24", "2001:db8:f::10"].map(parseAddressRange);

const CLAIM: Claim = {
  mac: parseMac(OURS),
  owns: (address) => RANGES.some((range) => rangeContains(range, address)),
  isOwnMac: (mac) => formatMac(mac) === OURS,
};

/** What is answered, in short, and who conflicts. */
function reaction(frame: Uint8Array): { answer: string | null; conflict: string | null } {
  const { answer, conflict } = reactTo(frame, CLAIM);
  const to = answer &&
    `to ${formatMac(answer.subarray(0, 6))} from ${formatMac(answer.subarray(6, 12))}`;
  return { answer: to, conflict: conflict && `${conflict.address} ${formatMac(conflict.mac)}` };
}

const NOTHING = { answer: null, conflict: null };
const ANSWERED = { answer: `to ${THEIRS} from ${OURS}`, conflict: null };

Deno.test("an ARP request for one of the addresses is answered, one for another is not", () => {
  const ask = (about: string) => reaction(arpFrame({ mac: THEIRS, from: "203.0.113.1", about }));
  assert.deepEqual(ask("203.0.113.10"), ANSWERED);
  assert.deepEqual(ask("10.0.1.255"), ANSWERED);
  assert.deepEqual(ask("203.0.113.11"), NOTHING);
  assert.deepEqual(ask("10.0.2.0"), NOTHING);
});

Deno.test("an ARP reply to somebody else is not answered", () => {
  const reply = { operation: "reply", mac: THEIRS, about: "203.0.113.10" } as const;
  assert.deepEqual(reaction(arpFrame({ ...reply, from: "203.0.113.1" })), NOTHING);
});

Deno.test("who comes from one of the addresses conflicts, and gets no answer", () => {
  const conflict = { answer: null, conflict: `203.0.113.10 ${THEIRS}` };
  const from = { mac: THEIRS, from: "203.0.113.10" };
  for (const about of ["203.0.113.10", "203.0.113.1", "10.0.1.7"]) {
    for (const operation of ["request", "reply"] as const) {
      assert.deepEqual(reaction(arpFrame({ ...from, operation, about })), conflict);
    }
  }
  const announcement = buildArpAnnouncement(IpAddress.parse("203.0.113.10"), parseMac(THEIRS));
  assert.deepEqual(reaction(announcement), conflict);
});

Deno.test("a probe for one of the addresses is answered and is a conflict", () => {
  assert.deepEqual(
    reaction(arpFrame({ mac: THEIRS, from: "0.0.0.0", about: "203.0.113.10" })),
    { ...ANSWERED, conflict: `203.0.113.10 ${THEIRS}` },
  );
  assert.deepEqual(
    reaction(solicitationFrame({ mac: THEIRS, from: "::", about: "2001:db8:f::10" })),
    // By way of all nodes, because the asker has no address.
    { answer: `to 33:33:00:00:00:01 from ${OURS}`, conflict: `2001:db8:f::10 ${THEIRS}` },
  );
});

Deno.test("what this machine says itself, heard by its other interface, is nothing", () => {
  const own = buildArpAnnouncement(IpAddress.parse("203.0.113.10"), parseMac(OURS));
  assert.deepEqual(reaction(own), NOTHING);
  const advertisement = buildNeighbourAnnouncement(
    IpAddress.parse("2001:db8:f::10"),
    parseMac(OURS),
  );
  assert.deepEqual(reaction(advertisement), NOTHING);
});

Deno.test("an answer never goes to a group: that would multiply it", () => {
  for (const mac of ["ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "00:00:00:00:00:00"]) {
    assert.deepEqual(
      reaction(arpFrame({ mac, from: "203.0.113.1", about: "203.0.113.10" })),
      NOTHING,
    );
    assert.deepEqual(
      reaction(solicitationFrame({ mac, from: "2001:db8:f::1", about: "2001:db8:f::10" })),
      NOTHING,
    );
  }
});

Deno.test("a neighbour solicitation is answered, to the frame's sender when it says no other", () => {
  const ask = (about: string, saysMac: boolean) =>
    reaction(solicitationFrame({ mac: THEIRS, from: "2001:db8:f::1", about, saysMac }));
  assert.deepEqual(ask("2001:db8:f::10", true), ANSWERED);
  assert.deepEqual(ask("2001:db8:f::10", false), ANSWERED);
  assert.deepEqual(ask("2001:db8:f::11", true), NOTHING);
});

Deno.test("another machine's advertisement or solicitation from one of the addresses conflicts", () => {
  const conflict = { answer: null, conflict: `2001:db8:f::10 ${THEIRS}` };
  const target = IpAddress.parse("2001:db8:f::10");
  assert.deepEqual(reaction(buildNeighbourAnnouncement(target, parseMac(THEIRS))), conflict);
  assert.deepEqual(
    reaction(solicitationFrame({ mac: THEIRS, from: "2001:db8:f::10", about: "2001:db8:f::1" })),
    conflict,
  );
});

Deno.test("an IPv4 address in mapped form is none of the addresses of neighbour discovery", () => {
  // Bytes of ::ffff:203.0.113.10, which text forms of the program would take for IPv4.
  const frame = solicitationFrame({ mac: THEIRS, from: "2001:db8:f::1", about: "::" });
  frame.set([0xff, 0xff, 203, 0, 113, 10], 54 + 8 + 10);
  const view = new DataView(frame.buffer);
  // Keeps the sum what it was: 0xffff adds nothing, the rest is taken away from the checksum.
  let sum = view.getUint16(56) - view.getUint16(54 + 8 + 12) - view.getUint16(54 + 8 + 14);
  while (sum < 0) sum += 0xffff;
  view.setUint16(56, sum);
  assert.deepEqual(reaction(frame), NOTHING);
});

Deno.test("reactTo() throws for no bytes whatever", () => {
  const frames = [
    arpFrame({ mac: THEIRS, from: "203.0.113.1", about: "203.0.113.10" }),
    solicitationFrame({ mac: THEIRS, from: "2001:db8:f::1", about: "2001:db8:f::10" }),
    buildNeighbourAnnouncement(IpAddress.parse("2001:db8:f::10"), parseMac(THEIRS)),
  ];
  const spoilt = fc.tuple(
    fc.constantFrom(...frames),
    fc.array(fc.tuple(fc.nat(90), fc.nat(255)), { maxLength: 6 }),
    fc.nat(90),
  ).map(([frame, changes, length]) => {
    const bytes = frame.slice(0, length);
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(spoilt, fc.uint8Array({ maxLength: 128 })), (bytes) => {
      const { answer } = reactTo(bytes, CLAIM);
      if (answer !== null) assert.ok(answer.length <= 86);
    }),
    { numRuns: 5000 },
  );
});
