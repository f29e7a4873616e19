/** Everything that reads text or messages which others wrote. */
import assert from "node:assert/strict";
import { ConfigError } from "../../../lib/config/problem.ts";
import { parseAgentConfig } from "../../../lib/config/agent_config.ts";
import { parseNatConfig } from "../../../lib/config/nat_config.ts";
import { parseDurationMs, parsePortRange, parseSizeBytes } from "../../../lib/config/units.ts";
import { decodeAgentMessage, decodeNatMessage, encodeMessage } from "../../../lib/control/codec.ts";
import { LineDecoder } from "../../../lib/control/line_decoder.ts";
import { readLines } from "../../../lib/control/lines.ts";
import type { AgentMessage, NatMessage } from "../../../lib/control/messages.ts";
import { parsePacket } from "../../../lib/inspect/packet_syntax.ts";
import { AdminError } from "../../../lib/control/admin_protocol.ts";
import {
  decodeAttributes,
  decodeMessages,
  decodeResult,
  encodeAttributes,
  encodeText,
  encodeU32,
} from "../../../lib/linux/netlink_message.ts";
import {
  decodeInterfaceAddress,
  decodeLink,
  decodeNeighbour,
  decodeRoute,
  decodeRule,
} from "../../../lib/linux/rtnetlink_message.ts";
import { parseEndpoint } from "../../../lib/wire/address.ts";
import { parseAddressRange, parsePrefix } from "../../../lib/wire/prefix.ts";
import { bytesTarget } from "../support/bytes_target.ts";
import type { FuzzTarget } from "../support/fuzz.ts";
import type { Random } from "../support/random.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const key = { session: "7-1", generation: 3 };
const counters = {
  packets: 1,
  bytes: 100,
  idleMs: 5,
  fin: false,
  rst: true,
  sequence: 4_000_000_000,
};
const translation = {
  protocol: "tcp" as const,
  match: { source: "10.0.0.11:8080", destination: "10.0.1.1:1024" },
  rewrite: { source: "203.0.113.10:80", destination: "198.51.100.2:40000" },
  pathMtu: 1280,
};
const lists = {
  snat: [{ first: "10.0.1.1", last: "10.0.1.4" }],
  ports: { first: 1024, last: 65535 },
  services: [{ name: "web", protocol: "tcp" as const, vip: "[2001:db8:f::10]:80" }],
  servers: ["10.0.0.11:8080"],
};
const hello = { protocol: 1, program: "bypath", instance: "a1" };
const messages: readonly (AgentMessage | NatMessage)[] = [
  { type: "hello", ...hello, able: true, reason: null },
  { type: "table", entries: [{ ...key, epoch: "7", ...translation, ...counters }], last: true },
  { type: "installed", entries: [key], refused: [{ ...key, reason: "stale", detail: "" }] },
  { type: "stopped", entries: [{ ...key, known: true, reason: null, ...counters }] },
  { type: "report", nonce: 1, able: true, reason: null, entries: [{ ...key, ...counters }] },
  { type: "bye", reason: "leaving" },
  { type: "welcome", ...hello, epoch: "7", leaseMs: 10_000, reportMs: 3000, ...lists },
  { type: "policy", ...lists },
  { type: "install", nonce: 1, entries: [{ ...key, ...translation }] },
  { type: "stop", entries: [key] },
  { type: "grant", nonce: 9 },
];
const lines = messages.map((message) => encoder.encode(encodeMessage(message)));

/** A copy with about one value in ten another one, left out, or there twice. */
function changed(value: unknown, random: Random): unknown {
  if (random.chance(0.08)) return random.pick(ODD_VALUES);
  if (Array.isArray(value)) {
    const copy = value.map((each) => changed(each, random));
    if (random.chance(0.05)) copy.push(...copy);
    return copy;
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(() => random.chance(0.98));
  if (random.chance(0.05)) entries.push([random.pick(["__proto__", "type", "x"]), 1]);
  return Object.fromEntries(entries.map(([key, each]) => [key, changed(each, random)]));
}

const DEEP = JSON.parse("[".repeat(500) + "]".repeat(500));
const ODD_VALUES = [
  null,
  0,
  -1,
  1.5,
  2 ** 53,
  1e308,
  "",
  "x".repeat(400),
  "\u0000",
  true,
  [],
  {},
  DEEP,
]
  .concat(["constructor", "10.0.0.1:99999", "hello", "install", "[::1]:1", -0]);

/** Control messages: refused with a reason, or a message that is written as it was read. */
const control = bytesTarget({
  name: "control messages",
  cases: 40,
  samples: lines.map((line) => line.slice(0, -1)),
  vary: (random) => encoder.encode(JSON.stringify(changed(random.pick(messages), random))),
  run: (input) => {
    const line = decoder.decode(input);
    const results = [decodeAgentMessage(line), decodeNatMessage(line)];
    for (const result of results) {
      if (result.kind === "message") assert.equal(encodeMessage(result.message), `${line}\n`);
      else assert.ok(result.why.length > 0 && result.why.length < 300);
    }
    return results.map((it) =>
      it.kind === "message" ? `a ${it.message.type}` : it.why.split(":")[0]
    )
      .join(" | ");
  },
});

/** Lines: the same ones however the bytes come, and never more held than one may have. */
const framing = bytesTarget({
  name: "lines",
  cases: 30,
  samples: [...lines, lines.reduce((all, line) => Uint8Array.from([...all, ...line]))],
  run: (input, random) => {
    const limit = random.pick([16, 300, 100_000]);
    const read = (cuts: readonly number[]) => {
      const decoder = new LineDecoder(limit);
      const found: string[] = [];
      let problem: string | null = null;
      for (let i = 0; i <= cuts.length && problem === null; i++) {
        const chunk = input.slice(cuts[i - 1] ?? 0, cuts[i] ?? input.length);
        problem = decoder.push(chunk, (line) => found.push(line) > 0);
        assert.ok(decoder.heldBytes <= limit);
      }
      return { found, problem };
    };
    const cuts = Array.from({ length: random.below(8) }, () => random.below(input.length + 1));
    const whole = read([]);
    assert.deepEqual(read(cuts.sort((a, b) => a - b)), whole);
    return `${Math.min(whole.found.length, 3)} ${whole.problem}`;
  },
});

const NAT_YAML = `interfaces: [eth0, eth1]
snat: { addresses: [10.0.1.1-10.0.1.4, "2001:db8:1::/120"], ports: 1024-65535 }
services:
  - name: web
    vip: 203.0.113.10
    port: 80
    servers: [{ address: 10.0.0.11, port: 8080, weight: 2 }, { address: 10.0.0.12, port: 8080 }]
    health: { tcp: true, interval: 2s }
    bypass: { start: { bytes: 64KiB, packets: 100 }, stop: { idle: 60s } }
  - { name: dns, vip: "2001:db8:f::10", protocol: udp, port: 53, scheduler: maglev,
      servers: [{ address: "2001:db8:10::11", port: 53 }] }
timeouts: { tcpOpening: 4m, udp: 5m }
quarantine: 60s
capacity: 1000
socket: nat.sock
state: nat.sessions
`;
const AGENT_YAML = `nat: ["10.0.0.1:7400"]
interface: eth0
ca: ca.pem
certificate: s1.pem
key: s1.key
socket: s1.sock
`;

/** Configurations: a value, or every mistake with its place. */
const config = bytesTarget({
  name: "configurations",
  cases: 2,
  samples: [encoder.encode(NAT_YAML), encoder.encode(AGENT_YAML)],
  run: (input) => {
    const text = decoder.decode(input);
    return [parseNatConfig, parseAgentConfig].map((parse) => {
      try {
        parse({ file: "fuzz.yaml", text });
        return "right";
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        assert.ok(error.problems.length > 0);
        for (const { line, column, message } of error.problems) {
          assert.ok(line >= 0 && column >= 0 && message.length > 0);
        }
        return error.problems[0]!.message.replace(/".*"|\d+/g, "…").slice(0, 30);
      }
    }).join(" | ");
  },
});

/** Short texts: a value, or the error that says so. */
const texts = bytesTarget({
  name: "addresses and units",
  cases: 15,
  samples: ["10.0.0.1:80", "[2001:db8::1]:80", "10.0.1.1-10.0.1.4", "2001:db8::/64", "4m30s"]
    .concat("64KiB", "1024-65535", "tcp 10.0.0.1:1 > 10.0.0.2:2", "::ffff:10.0.0.1", "1e3", "2h")
    .map((text) => encoder.encode(text)),
  run: (input) => {
    const text = decoder.decode(input);
    const readers = [
      parseEndpoint,
      parseAddressRange,
      parsePrefix,
      parseDurationMs,
      parseSizeBytes,
      parsePortRange,
      parsePacket,
    ];
    return readers.map((read) => {
      try {
        const value = read(text);
        if (typeof value === "number") assert.ok(Number.isSafeInteger(value) && value >= 0);
        return "1";
      } catch (error) {
        const isMeant = error instanceof SyntaxError || error instanceof RangeError ||
          error instanceof AdminError;
        if (!isMeant || (error as Error).name === "AssertionError") throw error;
        return "0";
      }
    }).join("");
  },
});

function netlinkMessage(type: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16 + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, type === 2 ? 0x200 : 0, true);
  bytes.set(body, 16);
  return bytes;
}

function body(header: readonly number[], attributes: [number, Uint8Array<ArrayBuffer>][]) {
  const tail = encodeAttributes(attributes.map(([type, value]) => ({ type, value })));
  return Uint8Array.from([...header, ...tail]);
}

const LINK = [0, 0, 1, 0, 2, 0, 0, 0, 0x43, 0, 1, 0, 0, 0, 0, 0];
const ROUTE = [2, 24, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
const ADDRESS = Uint8Array.of(10, 0, 0, 1);
const netlinkSamples = [
  netlinkMessage(16, body(LINK, [[3, encodeText("eth0")], [4, encodeU32(1500)]])),
  netlinkMessage(20, body([2, 24, 128, 0, 2, 0, 0, 0], [[1, ADDRESS], [2, ADDRESS]])),
  netlinkMessage(24, body(ROUTE, [[1, ADDRESS], [5, ADDRESS], [4, encodeU32(2)]])),
  netlinkMessage(
    24,
    body(ROUTE, [[9, Uint8Array.of(16, 0, 0, 0, 2, 0, 0, 0, 8, 0, 5, 0, 10, 0, 0, 1)], [
      8,
      encodeAttributes([{ type: 2, value: encodeU32(1280) }]),
    ]]),
  ),
  netlinkMessage(28, body([2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0], [[1, ADDRESS], [2, ADDRESS]])),
  netlinkMessage(32, body(ROUTE, [[15, encodeU32(254)]])),
  netlinkMessage(2, body([255, 255, 255, 255, ...new Array(16).fill(0)], [[1, encodeText("no")]])),
];

/** The kernel's answers: whatever the bytes, values. */
const netlink = bytesTarget({
  name: "netlink messages",
  cases: 100,
  samples: netlinkSamples,
  run: (input) => {
    const found = decodeMessages(input).map((message) => {
      const { payload, type } = message;
      decodeAttributes(payload);
      const values = [
        decodeLink(payload),
        decodeInterfaceAddress(payload),
        decodeRoute(payload),
        decodeNeighbour(payload),
        decodeRule(payload),
        decodeResult(message),
      ];
      return `${type}:${values.map((value) => value === null ? 0 : 1).join("")}`;
    });
    return found.join(" ");
  },
});

export const textTargets: readonly FuzzTarget[] = [control, framing, config, texts, netlink];

/** Lines of the admin socket, read from a stream: asynchronous, so a test of its own. */
export async function readAdminLines(chunks: readonly Uint8Array[], limit: number) {
  const found: string[] = [];
  try {
    for await (const line of readLines(ReadableStream.from(chunks), limit)) found.push(line);
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
  }
  return found;
}
