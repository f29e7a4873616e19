/** The bytes of a session table's file: refused with the reason, or gone on with. */
import assert from "node:assert/strict";
import type { DatapathConfig } from "../../../lib/nat/datapath_config.ts";
import { IpAddress } from "../../../lib/wire/address.ts";
import { HELD_FRAGMENT_BYTES, HELD_FRAGMENTS } from "../../../lib/nat/fragment_translator.ts";
import { loneTranslator } from "../../../lib/nat/lone_translator.ts";
import type { Translator } from "../../../lib/nat/translator.ts";
import {
  HEADER_BYTES,
  RECORD_BYTES,
  recordsOffset,
  regionBytes,
  U8,
} from "../../../lib/session/layout.ts";
import { formatTable, whyNotATable } from "../../../lib/session/session_records.ts";
import { SessionTable } from "../../../lib/session/session_table.ts";
import { SessionViewer, usedSlots } from "../../../lib/session/session_view.ts";
import { buildPacket } from "../../../lib/wire/build_frame.ts";
import { Packet } from "../../../lib/wire/packet.ts";
import type { FuzzTarget } from "../support/fuzz.ts";
import type { Random } from "../support/random.ts";

const words = (text: string) => [...IpAddress.parse(text).words];
const config: DatapathConfig = {
  destinations: [],
  snat: [words("10.0.1.1")],
  portFirst: 20_000,
  portLast: 20_099,
  reject: true,
  echo: true,
  timeouts: {
    tcpOpeningMs: 240_000,
    tcpEstablishedMs: 7_440_000,
    tcpClosingMs: 240_000,
    udpOpeningMs: 30_000,
    udpMs: 300_000,
    quarantineMs: 60_000,
  },
  services: [{
    name: "web",
    protocol: 6,
    vip: { words: words("203.0.113.10"), port: 80 },
    scheduler: "least-sessions",
    servers: [{ words: words("10.0.0.11"), port: 8080, weight: 1 }],
    start: { immediately: true },
  }],
};

const CAPACITY = 16;
const DAY_MS = 24 * 60 * 60 * 1000;
const fragments = new ArrayBuffer(HELD_FRAGMENTS * HELD_FRAGMENT_BYTES);
const packet = new Packet();
packet.attach(new ArrayBuffer(4096));

function translatorOver(table: SessionTable, random: Random, nowMs: number): Translator {
  return loneTranslator({
    table,
    fragmentMemory: { buffer: fragments, offset: 0 },
    config,
    random: () => random.fraction(),
    nowMs,
  });
}

function send(translator: Translator, port: number, nowMs: number): number {
  const bytes = buildPacket({
    protocol: "tcp",
    source: `198.51.100.2:${port}`,
    destination: "203.0.113.10:80",
    flags: 2,
  });
  packet.bytes.fill(0, 0, 24);
  packet.bytes.set(bytes, 24);
  assert.equal(packet.parse(24, bytes.length), 0);
  return translator.handle(packet, 0, nowMs);
}

/** A table with sessions in it, and some of its bytes changed: header, dictionary, records. */
function damagedRegion(random: Random): ArrayBuffer {
  const region = new ArrayBuffer(regionBytes(CAPACITY));
  formatTable(region, CAPACITY, { epoch: 7, bootId: [] });
  const translator = translatorOver(new SessionTable(region, [1, 2]), random, 1000);
  for (let i = 0; i < 10; i++) send(translator, 40_000 + i, 1000);
  const bytes = new Uint8Array(region);
  const places = [
    [0, 96],
    [HEADER_BYTES, 8 * 32],
    [recordsOffset() + RECORD_BYTES, 10 * RECORD_BYTES],
  ] as const;
  for (let count = random.between(1, 40); count > 0; count--) {
    const [from, length] = places[random.chance(0.1) ? 0 : random.between(1, 2)]!;
    const at = from + random.below(length);
    const width = random.pick([1, 1, 2, 4, 8]);
    for (let i = at; i < at + width; i++) bytes[i] = random.pick([0, 255, random.word()]);
  }
  return random.chance(0.1) ? region.slice(0, random.below(region.byteLength)) : region;
}

export const stateFile: FuzzTarget = {
  name: "session table file",
  cases: 300,
  run(random, reached) {
    const region = damagedRegion(random);
    const why = whyNotATable(region);
    reached.add(why?.replace(/-?\d+/g, "…") ?? "taken over");
    if (why !== null) {
      assert.throws(() => new SessionTable(region, [3, 4]), RangeError);
      return 1;
    }
    const table = new SessionTable(region, [random.word(), random.word()]);
    const viewer = new SessionViewer(table);
    const context = { nowMs: 2000, serviceName: () => "web", leaseMs: () => 0 };
    for (const slot of usedSlots(table)) JSON.stringify(viewer.view(slot, context));
    let nowMs = 2000;
    let translator: Translator;
    try {
      translator = translatorOver(table, random, nowMs);
    } catch (error) {
      // Its dictionary says that it is full.
      assert.match(String(error), /start with a new state file/);
      return 1;
    }
    for (let i = 0; i < 20; i++) send(translator, 40_000 + i, nowMs);
    for (let days = 0; days < 3; days++) {
      for (let slot = 1; slot <= table.highWater; slot++) table.setU8(slot, U8.hold, 0);
      nowMs += DAY_MS;
      translator.expire(nowMs, 1_000_000);
    }
    assert.equal(table.used, 0, `${table.used} sessions never end`);
    assert.ok(send(translator, 50_000, nowMs) > 0, "no new session starts");
    return 1;
  },
};
