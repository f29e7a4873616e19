import assert from "node:assert/strict";
import { F64, INSTRUCTION, regionBytes, U8 } from "../session/layout.ts";
import { formatTable, SessionRecords } from "../session/session_records.ts";
import { UnheardAgents } from "./unheard_agents.ts";

/** Slots 1 and 2 are s1's and installed, 3 is s1's and being stopped, 4 is s2's. */
function makeWorld() {
  const region = new SharedArrayBuffer(regionBytes(8));
  formatTable(region, 8, { epoch: 1, bootId: [] });
  const records = new SessionRecords(region);
  const instructions = [1, 2, 3, 4].map((tag) => ({ agent: tag === 4 ? "s2" : "s1", tag }));
  const give = (agent: string, tags: number[]) => {
    for (const it of instructions) if (tags.includes(it.tag)) it.agent = agent;
  };
  for (const { tag } of instructions) {
    const state = tag === 3 ? INSTRUCTION.stopping : INSTRUCTION.installed;
    records.setU8(tag, U8.instruction, state);
  }
  const pass = (slot: number, field: number, packets: number) =>
    records.setF64(slot, field, records.getF64(slot, field) + packets);
  return {
    unheard: new UnheardAgents({ records, instructions: () => instructions }),
    give,
    states: () => instructions.map(({ tag }) => records.getU8(tag, U8.instruction)),
    fromClient: (slot: number, packets: number) => pass(slot, F64.packetsFromClient, packets),
    viaNat: (slot: number, packets: number) => pass(slot, F64.packetsViaNat, packets),
  };
}

const { installed, stopping, unheard } = INSTRUCTION;

Deno.test("sessions of an agent that is not heard are via NAT, and bypass again when it is", () => {
  const world = makeWorld();
  world.unheard.begin("s1");
  assert.deepEqual(world.states(), [unheard, unheard, stopping, installed]);
  world.unheard.end("s2");
  assert.deepEqual(world.states(), [unheard, unheard, stopping, installed]);
  world.unheard.end("s1");
  assert.deepEqual(world.states(), [installed, installed, stopping, installed]);
});

Deno.test("clients that go on without a response via NAT show that the agent bypasses on", () => {
  const world = makeWorld();
  world.fromClient(1, 100);
  world.viaNat(1, 100);
  world.unheard.begin("s1");
  world.unheard.tick();
  assert.deepEqual(world.states(), [unheard, unheard, stopping, installed], "nothing passed");
  world.fromClient(1, 20);
  world.unheard.tick();
  assert.deepEqual(world.states(), [installed, installed, stopping, installed]);
  world.unheard.tick();
  assert.deepEqual(world.states(), [installed, installed, stopping, installed]);
  // Its lease is over, or it was frozen after all.
  world.fromClient(1, 20);
  world.viaNat(2, 1);
  world.unheard.tick();
  assert.deepEqual(world.states(), [unheard, unheard, stopping, installed]);
});

Deno.test("agents that are gone for good cost nothing once they have no instructions any more", () => {
  const region = new SharedArrayBuffer(regionBytes(8));
  formatTable(region, 8, { epoch: 1, bootId: [] });
  let asked = 0;
  const held = new Set(["s1", "s2"]);
  const agents = new UnheardAgents({
    records: new SessionRecords(region),
    *instructions() {
      asked++;
      for (const agent of held) yield { agent, tag: agent === "s1" ? 1 : 2 };
    },
  });
  agents.begin("s1");
  agents.begin("s2");
  asked = 0;
  agents.tick();
  assert.equal(asked, 1, "once, however many agents are gone");
  held.clear();
  agents.tick();
  asked = 0;
  agents.tick();
  assert.equal(asked, 0);
});

Deno.test("restored instructions are in force until responses via NAT show that their agent ended too", () => {
  const world = makeWorld();
  world.give("", [1, 2, 3]);
  world.unheard.restored();
  world.fromClient(1, 20);
  world.unheard.tick();
  assert.deepEqual(world.states(), [installed, installed, stopping, installed]);
  world.viaNat(1, 20);
  world.unheard.tick();
  assert.deepEqual(world.states(), [unheard, unheard, stopping, installed]);
  // One agent comes late after all, and claims what is its own.
  world.give("s1", [2]);
  world.unheard.end("s1");
  assert.deepEqual(world.states(), [unheard, installed, stopping, installed]);
});

Deno.test("a restored instruction that an agent claimed at once is left alone", () => {
  const world = makeWorld();
  world.give("", [1]);
  world.unheard.restored();
  world.give("s1", [1]);
  world.unheard.end("s1");
  world.viaNat(1, 20);
  world.unheard.tick();
  assert.deepEqual(world.states(), [installed, installed, stopping, installed]);
});
