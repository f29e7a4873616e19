import assert from "node:assert/strict";
import { FLAG, I32, U8 } from "../session/layout.ts";
import type { FrameOptions } from "../wire/build_frame.ts";
import { Bench } from "./_test_translator.ts";

const SYN = 2, RST = 4, ACK = 16, FIN = 1;
const CLIENT: FrameOptions = {
  protocol: "tcp",
  source: "198.51.100.2:40000",
  destination: "203.0.113.10:80",
  flags: ACK,
};

function setUp() {
  const bench = new Bench();
  const send = (options: Partial<FrameOptions>) => {
    bench.send({ ...CLIENT, ...options });
    const { table } = bench;
    return {
      sequence: table.getU32(1, I32.clientSequence),
      resent: table.getU8(1, U8.clientResent),
      isClosed: (table.getU8(1, U8.flags) & FLAG.zeroWindow) !== 0,
    };
  };
  send({ flags: SYN, sequence: 0xffff_fff0 });
  return { bench, send };
}

Deno.test("what a client sends again is counted until it goes on", () => {
  const { send } = setUp();
  const payload = new Uint8Array(100);
  send({ sequence: 0xffff_fff1, payload });
  assert.deepEqual(send({ sequence: 85, payload }), { sequence: 185, resent: 0, isClosed: false });
  for (let i = 1; i <= 300; i++) {
    assert.equal(send({ sequence: 85, payload }).resent, Math.min(i, 255));
  }
  assert.deepEqual(send({ sequence: 185, payload }).resent, 0);
  assert.deepEqual(send({ sequence: 285, flags: FIN | ACK }).sequence, 286);
  assert.equal(send({ sequence: 285, flags: FIN | ACK }).resent, 1);
});

Deno.test("acknowledgements, keep-alives, window probes and resets are not what a client sends again", () => {
  const { send } = setUp();
  send({ sequence: 1, payload: new Uint8Array(9) });
  send({ sequence: 10 });
  send({ sequence: 9 });
  send({ sequence: 9, payload: new Uint8Array(1) });
  assert.deepEqual(
    send({ sequence: 5, flags: RST | ACK, payload: new Uint8Array(3) }),
    { sequence: 10, resent: 0, isClosed: false },
  );
});

Deno.test("a client's closed window is known until it opens", () => {
  const { send } = setUp();
  assert.equal(send({ sequence: 1, window: 0 }).isClosed, true);
  assert.equal(send({ sequence: 1, window: 0 }).isClosed, true);
  assert.equal(send({ sequence: 1, window: 1 }).isClosed, false);
});
