import assert from "node:assert/strict";
import { LAYOUT_VERSION } from "../session/layout.ts";
import type { NatMachine } from "./nat_machine.ts";
import { networkNamespace, Relief, TAKEOVER } from "./relief.ts";

/** A machine that stands still, or not; `frozen` has it arrive there. */
function fakeMachine() {
  const frozen = Promise.withResolvers<readonly number[]>();
  const seen = { isStill: false, events: [] as string[] };
  const machine = {
    config: { state: "/nowhere/table", interfaces: ["eth0"] },
    events: { add: (type: string) => seen.events.push(type) },
    relief: {
      freeze: async () => {
        const sockets = await frozen.promise;
        seen.isStill = true;
        return sockets;
      },
      thaw: () => seen.isStill = false,
    },
    state: { lock: { fd: { number: 0 } }, records: { used: 0 } },
    name: { fd: { number: 0 } },
  } as unknown as NatMachine;
  return { machine, seen, frozen };
}

const OFFER = {
  verb: "takeover",
  step: "offer",
  takeover: TAKEOVER,
  layout: LAYOUT_VERSION,
  namespace: networkNamespace(),
  pid: 1,
};
const FREEZE = { verb: "takeover", step: "freeze", inbox: "/nowhere/inbox" };

Deno.test("a machine goes on when whoever takes over is gone before it stands still", async () => {
  const { machine, seen, frozen } = fakeMachine();
  const relief = new Relief(machine);
  const connection = new AbortController();
  await relief.answer(OFFER, connection.signal);
  const answer = relief.answer(FREEZE, connection.signal);
  connection.abort();
  frozen.resolve([]);
  await assert.rejects(answer, /the other process has gone/);
  assert.equal(seen.isStill, false);
  assert.deepEqual(seen.events, ["takeover-failed"]);
});

Deno.test("a machine goes on when it cannot pass on what it has", async () => {
  const { machine, seen, frozen } = fakeMachine();
  const relief = new Relief(machine);
  const connection = new AbortController();
  await relief.answer(OFFER, connection.signal);
  frozen.resolve([]);
  await assert.rejects(relief.answer(FREEZE, connection.signal), /Cannot hand over/);
  assert.equal(seen.isStill, false);
  assert.deepEqual(seen.events, ["takeover-failed"]);
});
