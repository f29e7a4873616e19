import assert from "node:assert/strict";
import { Overload } from "../datapath/overload.ts";
import { DROP } from "../session/drop_reason.ts";
import { Bench, config, service } from "./_test_translator.ts";

const SYN = 2, ACK = 16, RST = 4;
const CLIENT = "198.51.100.2:40000";
const VIP = "203.0.113.10:80";

Deno.test("under overload what would begin a session is dropped in silence, and all else goes on", () => {
  const queue = { arrived: 0, dropped: 0, count() {} };
  const overload = new Overload([queue]);
  const services = [service(), service({ protocol: 17 })];
  const bench = new Bench({ config: config({ services }), overload });
  const tcp = { protocol: "tcp", source: CLIENT, destination: VIP } as const;
  const udp = { protocol: "udp", source: CLIENT, destination: VIP } as const;
  const { source: nat, destination: server } = bench.send({ ...tcp, flags: SYN });
  bench.send(udp);
  queue.arrived = 2;
  overload.took(0, 2, false, 0);
  queue.arrived = 40;
  queue.dropped = 1;
  overload.took(0, 10, true, 2);
  assert.ok(overload.isClosed);

  const other = "198.51.100.3:40000";
  const before = bench.told.length;
  assert.equal(bench.send({ ...tcp, source: other, flags: SYN }).verdict, -DROP.overload);
  assert.equal(bench.send({ ...udp, source: other }).verdict, -DROP.overload);
  assert.equal(bench.table.used, 2);
  assert.equal(bench.told.length, before);
  assert.equal(bench.replies.length, 0);

  assert.equal(bench.send({ ...tcp, flags: SYN }).verdict, 1, "a SYN once more");
  const answer = { protocol: "tcp", source: server, destination: nat, flags: SYN | ACK } as const;
  assert.equal(bench.send(answer).verdict, 1);
  assert.equal(bench.send({ ...tcp, flags: ACK }).verdict, 1);
  assert.equal(bench.send(udp).verdict, 1);
  assert.equal(
    bench.send({ ...tcp, source: other, flags: RST }).verdict,
    -DROP.noSession,
    "what would not begin a session is told apart",
  );

  overload.took(0, 30, false, 3);
  assert.equal(bench.send({ ...tcp, source: other, flags: SYN }).verdict, 1);
});
