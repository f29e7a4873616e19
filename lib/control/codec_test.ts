import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeAgentMessage, decodeNatMessage, encodeMessage } from "./codec.ts";
import {
  type AgentMessage,
  BATCH_ENTRIES,
  inBatches,
  type Instruction,
  MAX_ENTRIES,
  MAX_LINE_BYTES,
  MAX_LISTED,
  MAX_NAT_LINE_BYTES,
  type NatMessage,
  NO_COUNTERS,
  type TableEntry,
} from "./messages.ts";

const instruction: Instruction = {
  session: "a1",
  generation: 7,
  protocol: "tcp",
  match: { source: "10.0.0.11:8080", destination: "10.0.1.1:1024" },
  rewrite: { source: "203.0.113.10:80", destination: "198.51.100.2:40000" },
};
const lists = {
  snat: [{ first: "10.0.1.0", last: "10.0.1.255" }],
  ports: { first: 1024, last: 65535 },
  services: [{ name: "web", protocol: "tcp" as const, vip: "203.0.113.10:80" }],
  servers: ["10.0.0.11:8080"],
};
const counted = { packets: 9, bytes: 900, idleMs: 3, fin: false, rst: true, sequence: 4294967295 };

const agentMessages: AgentMessage[] = [
  { type: "hello", protocol: 1, program: "bypath 0.1.0", instance: "i1", able: true, reason: null },
  { type: "table", entries: [{ ...instruction, epoch: "e1", ...counted }], last: true },
  {
    type: "installed",
    entries: [{ session: "a1", generation: 7 }],
    refused: [{ session: "a2", generation: 8, reason: "full", detail: "limit 100" }],
  },
  {
    type: "stopped",
    entries: [{ session: "a1", generation: 7, known: true, reason: null, ...counted }],
  },
  {
    type: "report",
    nonce: 5,
    able: false,
    reason: "rp_filter",
    entries: [{ session: "a1", generation: 7, ...counted }],
  },
  { type: "probed", nonce: 281474976710655, sent: 0, reason: "no default route" },
  { type: "captureBegun", id: "c1", sources: ["bypath0"], outputs: ["eth0"] },
  {
    type: "captured",
    id: "c1",
    data: "AAAA",
    sessions: [{ slot: 1, id: 0, session: "a1", service: "web" }],
    counts: { captured: 1, filtered: 2, lost: 3 },
  },
  {
    type: "captureEnded",
    id: "c1",
    reason: null,
    counts: { captured: 1, filtered: 2, lost: 3 },
  },
  { type: "bye", reason: "shutting down" },
];
const natMessages: NatMessage[] = [
  {
    type: "welcome",
    protocol: 1,
    program: "bypath 0.1.0",
    instance: "n1",
    epoch: "e1",
    leaseMs: 10000,
    reportMs: 1000,
    ...lists,
  },
  { type: "policy", ...lists },
  { type: "install", nonce: 5, entries: [instruction] },
  { type: "stop", entries: [{ session: "a1", generation: 7 }] },
  { type: "grant", nonce: 5 },
  { type: "probe", nonce: 1, source: "203.0.113.10", destinations: ["10.0.1.1"] },
  {
    type: "capture",
    id: "c1",
    filter: "tcp",
    snapBytes: 256,
    bytesPerSecond: 1_000_000,
    windowBytes: 131_072,
  },
  { type: "captureTaken", id: "c1", bytes: 3 },
  { type: "captureStop", id: "c1" },
  { type: "bye", reason: "replaced by a newer connection" },
];
const every = [
  ...agentMessages.map((message) => ({ message, decode: decodeAgentMessage })),
  ...natMessages.map((message) => ({ message, decode: decodeNatMessage })),
] as { message: AgentMessage | NatMessage; decode: (line: string) => { kind: string } }[];

const lineOf = (message: AgentMessage | NatMessage) => encodeMessage(message).slice(0, -1);

/** The reason for which a line is refused; fails when it is taken. */
function why(decoded: { kind: string; why?: string }): string {
  assert.equal(decoded.kind, "malformed");
  return decoded.why!;
}

Deno.test("every message survives encoding and decoding", () => {
  for (const { message, decode } of every) {
    assert.deepEqual(decode(lineOf(message)), { kind: "message", message });
  }
});

Deno.test("a path MTU may be said or left out, in what is installed and in what is held", () => {
  const narrow = { ...instruction, pathMtu: 1280 };
  const install: NatMessage = { type: "install", nonce: 5, entries: [narrow, instruction] };
  assert.deepEqual(decodeNatMessage(lineOf(install)), { kind: "message", message: install });
  const entries = [narrow, instruction].map((it) => ({ ...it, epoch: "e1", ...counted }));
  const table: AgentMessage = { type: "table", entries, last: true };
  assert.deepEqual(decodeAgentMessage(lineOf(table)), { kind: "message", message: table });
});

Deno.test("an install message looks like this on the wire", () => {
  assert.equal(
    encodeMessage({ type: "install", nonce: 5, entries: [instruction] }),
    '{"type":"install","nonce":5,"entries":[{"session":"a1","generation":7,"protocol":"tcp",' +
      '"match":{"source":"10.0.0.11:8080","destination":"10.0.1.1:1024"},' +
      '"rewrite":{"source":"203.0.113.10:80","destination":"198.51.100.2:40000"}}]}\n',
  );
});

Deno.test("a message cut off at any length is refused", () => {
  for (const { message, decode } of every) {
    const line = lineOf(message);
    for (let length = 0; length < line.length; length++) why(decode(line.slice(0, length)));
    why(decode(line + " "));
    why(decode(line + "}"));
  }
});

Deno.test("a message with any bit flipped is refused, or is another valid message", () => {
  for (const { message, decode } of every) {
    const bytes = new TextEncoder().encode(lineOf(message));
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      const decoded = decode(new TextDecoder().decode(bytes)) as {
        kind: string;
        message?: unknown;
      };
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      if (decoded.kind === "message") assert.notDeepEqual(decoded.message, message);
      else assert.equal(decoded.kind, "malformed");
    }
  }
});

Deno.test("a message sent back to its sender is refused", () => {
  for (const message of agentMessages) {
    if (message.type !== "bye") {
      assert.equal(why(decodeNatMessage(lineOf(message))), "unknown type");
    }
  }
  for (const message of natMessages) {
    if (message.type !== "bye") {
      assert.equal(why(decodeAgentMessage(lineOf(message))), "unknown type");
    }
  }
});

Deno.test("a message with any key missing, or one too many, at any depth, is refused", () => {
  for (const { message, decode } of every) {
    const copies: unknown[] = [];
    changeEveryObject(message, (object) => {
      const changed: Record<string, unknown>[] = Object.keys(object).map((key) => {
        const { [key]: _, ...rest } = object;
        return rest;
      });
      return [...changed, { ...object, extra: 1 }];
    }, (copy) => copies.push(copy));
    assert.ok(copies.length >= 2);
    for (const copy of copies) why(decode(JSON.stringify(copy)));
  }
});

Deno.test("a report says what was sent again, or leaves it out", () => {
  const report = (more: Record<string, unknown>) =>
    JSON.stringify({
      type: "report",
      nonce: 6,
      able: true,
      reason: null,
      entries: [{ session: "a1", generation: 7, ...counted, ...more }],
    });
  for (const more of [{}, { resent: 4 }, { resent: 4, resentAgain: 1 }]) {
    assert.equal(decodeAgentMessage(report(more)).kind, "message");
  }
  for (const more of [{ resent: -1 }, { resent: null }, { resentAgain: 0.5 }]) {
    why(decodeAgentMessage(report(more)));
  }
});

Deno.test("a value of another kind in any place is refused", () => {
  const others = [-1, 1.5, 1e300, "", {}, [], true, 2 ** 53, "x".repeat(2000), "a\u0007b"];
  for (const { message, decode } of every) {
    changeEveryObject(
      message,
      (object) =>
        Object.keys(object).flatMap((key) =>
          others.filter((other) => typeof other !== typeof object[key] || object[key] === null)
            .map((other) => ({ ...object, [key]: other }))
        ),
      (copy) => {
        const line = JSON.stringify(copy);
        // Where null may stand, a text or a number may.
        if (line.includes('"reason":""') || line.includes('"sequence":4')) return;
        why(decode(line));
      },
    );
  }
});

Deno.test("numbers out of their range are refused", () => {
  const install = natMessages[2]!;
  for (const bad of ["0", "-1", "-0", "1.5", "9007199254740993", "1e3", "1e999", '"5"', "null"]) {
    why(decodeNatMessage(lineOf(install).replace('"nonce":5', `"nonce":${bad}`)));
    why(decodeNatMessage(lineOf(install).replace('"generation":7', `"generation":${bad}`)));
  }
  const small = lineOf({ type: "install", nonce: 5, entries: [{ ...instruction, pathMtu: 68 }] });
  assert.equal(decodeNatMessage(small).kind, "message");
  for (const bad of ["0", "67", "65536", "1280.5", "null", '"1280"']) {
    why(decodeNatMessage(small.replace('"pathMtu":68', `"pathMtu":${bad}`)));
  }
  const welcome = lineOf(natMessages[0]!);
  for (const bad of ["0", "1", "99", "4294967295", "1e999", '"10s"']) {
    assert.match(
      why(decodeNatMessage(welcome.replace('"leaseMs":10000', `"leaseMs":${bad}`))),
      /^welcome: /,
    );
  }
});

Deno.test("what JSON.parse settles in silence is refused: doubled keys, white space, other spellings", () => {
  const grants = [
    '{"type":"grant","nonce":5,"nonce":6}',
    '{"type":"grant", "nonce":5}',
    '{"type":"gr\\u0061nt","nonce":5}',
    '{"type":"grant","nonce":5.0}',
    '{"type":"grant","nonce":5}\r',
  ];
  assert.equal(decodeNatMessage('{"type":"grant","nonce":5}').kind, "message");
  for (const line of grants) why(decodeNatMessage(line));
});

Deno.test("keys of Object's prototype do no harm", () => {
  for (
    const line of ['{"type":"grant","nonce":5,"__proto__":{"nonce":6}}', '{"type":"__proto__"}']
  ) {
    why(decodeNatMessage(line));
  }
  assert.equal(why(decodeNatMessage('{"type":"toString"}')), "unknown type");
  assert.equal(why(decodeNatMessage('{"type":"constructor"}')), "unknown type");
});

Deno.test("deep nesting and long arrays are refused", () => {
  why(decodeNatMessage("[".repeat(200_000)));
  why(decodeNatMessage("[".repeat(100_000) + "]".repeat(100_000)));
  why(decodeNatMessage('{"type":' + "[".repeat(50_000) + "]".repeat(50_000) + "}"));
  const entries = (count: number) => Array(count).fill({ session: "a", generation: 1 });
  assert.equal(
    decodeNatMessage(lineOf({ type: "stop", entries: entries(MAX_ENTRIES) })).kind,
    "message",
  );
  why(decodeNatMessage(lineOf({ type: "stop", entries: entries(MAX_ENTRIES + 1) })));
});

Deno.test("a greeting of another version is answered with the version, whatever else is in it", () => {
  assert.equal(
    why(decodeAgentMessage('{"type":"hello","protocol":2,"program":"later","new":{}}')),
    "protocol 2 is not spoken here, only 1",
  );
  why(decodeAgentMessage('{"type":"hello","protocol":0,"program":"odd"}'));
});

Deno.test("any text at all is decoded or refused, never thrown", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
    assert.ok(["message", "malformed"].includes(decodeAgentMessage(line).kind));
    assert.ok(["message", "malformed"].includes(decodeNatMessage(line).kind));
  }));
});

Deno.test("a reason can be logged: no control characters, and short", () => {
  const line = JSON.stringify({ type: "grant", nonce: 5, ["\n\u001b[31m" + "x".repeat(9999)]: 1 });
  const reason = why(decodeNatMessage(line));
  assert.ok(reason.length < 300);
  assert.doesNotMatch(reason, /\p{Cc}/u);
});

Deno.test("a batch of the longest entries fits into a line", () => {
  const longest = "[2001:0db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535".padEnd(64, " ");
  const entry: TableEntry = {
    ...instruction,
    ...NO_COUNTERS,
    session: "s".repeat(64),
    generation: Number.MAX_SAFE_INTEGER,
    epoch: "e".repeat(64),
    match: { source: longest, destination: longest },
    rewrite: { source: longest, destination: longest },
    pathMtu: 65535,
    packets: Number.MAX_SAFE_INTEGER,
    bytes: Number.MAX_SAFE_INTEGER,
    idleMs: Number.MAX_SAFE_INTEGER,
    sequence: 0xffffffff,
  };
  const table = lineOf({ type: "table", entries: Array(BATCH_ENTRIES).fill(entry), last: false });
  assert.ok(table.length <= MAX_LINE_BYTES, `${table.length}`);
});

Deno.test("an agent that speaks for thousands of servers is told of all of them", () => {
  const longest = "[2001:0db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535";
  const range = { first: longest.slice(1, -7), last: longest.slice(1, -7) };
  const service = { name: "n".repeat(64), protocol: "tcp" as const, vip: longest };
  const policy = (count: number) =>
    lineOf({
      type: "policy",
      ports: lists.ports,
      snat: Array(count).fill(range),
      services: Array(count).fill(service),
      servers: Array(count).fill(longest),
    });
  assert.equal(decodeNatMessage(policy(MAX_LISTED)).kind, "message");
  assert.ok(policy(MAX_LISTED).length <= MAX_NAT_LINE_BYTES);
  why(decodeNatMessage(policy(MAX_LISTED + 1)));
  const check = { server: longest, intervalMs: 86_400_000, timeoutMs: 86_400_000 };
  const checks = lineOf({ type: "checks", entries: Array(MAX_LISTED).fill(check) });
  assert.equal(decodeNatMessage(checks).kind, "message");
});

Deno.test("inBatches() cuts a list without losing order, and an empty one into nothing", () => {
  const list = Array.from({ length: 2 * BATCH_ENTRIES + 1 }, (_, i) => i);
  const batches = [...inBatches(list)];
  assert.deepEqual(batches.map((batch) => batch.length), [BATCH_ENTRIES, BATCH_ENTRIES, 1]);
  assert.deepEqual(batches.flat(), list);
  assert.deepEqual([...inBatches([])], []);
});

/** Gives a copy of `root` for each replacement of each object in it. */
function changeEveryObject(
  root: object,
  replacements: (object: Record<string, unknown>) => unknown[],
  emit: (copy: unknown) => void,
): void {
  const visit = (value: unknown, rebuild: (changed: unknown) => unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if (!Array.isArray(value)) {
      for (const changed of replacements(value as Record<string, unknown>)) emit(rebuild(changed));
    }
    for (const [key, child] of Object.entries(value)) {
      visit(child, (changed) =>
        rebuild(
          Array.isArray(value)
            ? value.map((item, i) => (String(i) === key ? changed : item))
            : { ...value, [key]: changed },
        ));
    }
  };
  visit(root, (changed) => changed);
}
