import assert from "node:assert/strict";
import { advance, STATE, STATE_NAMES, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from "./tcp_state.ts";

/** Walks packets written as "c:SA" (client, SYN+ACK) from a state; returns the states passed. */
function walk(from: number, ...packets: string[]): string[] {
  let state = from;
  let fins = 0;
  return packets.map((packet) => {
    let flags = 0;
    if (packet.includes("S")) flags |= TCP_SYN;
    if (packet.includes("A")) flags |= TCP_ACK;
    if (packet.includes("F")) flags |= TCP_FIN;
    if (packet.includes("R")) flags |= TCP_RST;
    const next = advance(state, fins, packet.startsWith("c"), flags);
    state = next & 0xff;
    fins = next >> 8;
    return STATE_NAMES[state]!;
  });
}

Deno.test("the handshake opens, data keeps, two FINs and an ACK close", () => {
  assert.deepEqual(
    walk(STATE.opening, "c:S", "s:SA", "c:A", "s:A", "c:FA", "s:FA", "c:A"),
    ["opening", "answered", "established", "established", "closing", "closing", "closed"],
  );
});

Deno.test("a half-closed session stays in closing however long the server sends", () => {
  assert.deepEqual(walk(STATE.established, "c:FA", "s:A", "s:A", "c:A"), [
    "closing",
    "closing",
    "closing",
    "closing",
  ]);
});

Deno.test("a RST is taken back by the next packet (RFC 7857, 2.2)", () => {
  assert.deepEqual(walk(STATE.established, "c:R", "s:A"), ["reset", "established"]);
  assert.deepEqual(walk(STATE.established, "s:FA", "c:R", "s:A"), ["closing", "reset", "closing"]);
});

Deno.test("a SYN after a RST opens anew, inside an established session it changes nothing", () => {
  assert.deepEqual(walk(STATE.reset, "c:S", "s:SA", "c:A"), ["opening", "answered", "established"]);
  assert.deepEqual(walk(STATE.established, "c:S", "s:A"), ["established", "established"]);
});

Deno.test("simultaneous open completes", () => {
  assert.deepEqual(walk(STATE.opening, "s:S", "c:SA", "c:A"), [
    "answered",
    "answered",
    "established",
  ]);
});
