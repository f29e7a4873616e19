import assert from "node:assert/strict";
import { decodeAgentMessage, decodeNatMessage, encodeMessage } from "./codec.ts";
import { joinMessages } from "./join_messages.ts";
import {
  type AgentMessage,
  BATCH_ENTRIES,
  type Install,
  type NatMessage,
  NO_COUNTERS,
} from "./messages.ts";

const key = (generation: number) => ({ session: `k3.${generation}`, generation });

function install(generation: number, nonce = 1): Install {
  const pair = { source: "10.0.0.11:8080", destination: "10.0.1.1:1024" };
  const entry = { ...key(generation), protocol: "tcp" as const, match: pair, rewrite: pair };
  return { type: "install", nonce, entries: [entry] };
}

function stop(generation: number): NatMessage {
  return { type: "stop", entries: [key(generation)] };
}

const generations = (message: AgentMessage | NatMessage) =>
  ("entries" in message ? message.entries as { generation: number }[] : []).map((it) =>
    it.generation
  );

Deno.test("joinMessages() puts neighbours of one type into one message, in order", () => {
  const joined = joinMessages([install(1), install(2), stop(1), stop(3), install(4)]);
  assert.deepEqual(joined.map(({ type }) => type), ["install", "stop", "install"]);
  assert.deepEqual(joined.map(generations), [[1, 2], [1, 3], [4]]);
  for (const message of joined) {
    assert.equal(decodeNatMessage(encodeMessage(message).trimEnd()).kind, "message");
  }
});

Deno.test("joinMessages() leaves apart what counts from different reports", () => {
  const joined = joinMessages([install(1, 7), install(2, 8), install(3, 8)]);
  assert.deepEqual(joined.map(generations), [[1], [2, 3]]);
});

Deno.test("joinMessages() keeps what an agent refuses and how its instructions ended", () => {
  const refusal = { ...key(3), reason: "full" as const, detail: "the limit is 2" };
  const ended = { known: true, reason: null, ...NO_COUNTERS };
  const joined = joinMessages([
    { type: "installed", entries: [key(1)], refused: [] },
    { type: "installed", entries: [], refused: [refusal] },
    { type: "installed", entries: [key(2)], refused: [] },
    { type: "stopped", entries: [{ ...key(1), ...ended }] },
    { type: "stopped", entries: [{ ...key(2), ...ended }] },
  ]);
  assert.deepEqual(joined, [
    { type: "installed", entries: [key(1), key(2)], refused: [refusal] },
    { type: "stopped", entries: [{ ...key(1), ...ended }, { ...key(2), ...ended }] },
  ]);
  for (const message of joined) {
    assert.equal(decodeAgentMessage(encodeMessage(message).trimEnd()).kind, "message");
  }
});

Deno.test("joinMessages() makes no message longer than a line may be, and touches no other", () => {
  const many = Array.from({ length: 2 * BATCH_ENTRIES + 1 }, (_, i) => stop(i + 1));
  assert.deepEqual(joinMessages(many).map((it) => generations(it).length), [256, 256, 1]);
  const others: (AgentMessage | NatMessage)[] = [
    { type: "grant", nonce: 1 },
    { type: "grant", nonce: 2 },
    { type: "table", entries: [], last: true },
    { type: "report", nonce: 1, able: true, reason: null, entries: [] },
    { type: "report", nonce: 2, able: true, reason: null, entries: [] },
  ];
  assert.deepEqual(joinMessages(others), others);
  assert.deepEqual(joinMessages([]), []);
});
