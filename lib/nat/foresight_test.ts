import assert from "node:assert/strict";
import { buildPacket } from "../wire/build_frame.ts";
import { SessionIndex } from "../session/session_index.ts";
import { Bench, config } from "./_test_translator.ts";

const VIP = "203.0.113.10:80";

/** Has the packet looked at, and says what the index was asked to make ready. */
function foreseen(bench: Bench, bytes: Uint8Array): string[] {
  const asked: string[] = [];
  const { index } = bench.table;
  const inbound = SessionIndex.prototype.foreseeInbound.bind(index);
  const outbound = SessionIndex.prototype.foreseeOutbound.bind(index);
  index.foreseeInbound = (words, at, port, vip, protocol) => {
    inbound(words, at, port, vip, protocol);
    asked.push(`in ${bench.table.findInbound(words, at, port, vip, protocol)}`);
  };
  index.foreseeOutbound = (server, natAddress, port, protocol) => {
    outbound(server, natAddress, port, protocol);
    asked.push(`out ${bench.table.findOutbound(server, natAddress, port, protocol)}`);
  };
  const memory = new Uint8Array(4096);
  memory.set(bytes, 24);
  bench.translator.foresight.look(new DataView(memory.buffer), 24);
  bench.translator.foresight.fetch();
  return asked;
}

for (const protocol of ["tcp", "udp"] as const) {
  Deno.test(`${protocol}: a look at a packet knows the session that it belongs to, in both directions`, () => {
    const base = config();
    const services = base.services.map((it) => ({ ...it, protocol: protocol === "tcp" ? 6 : 17 }));
    const bench = new Bench({ config: { ...base, services } });
    const first = { protocol, source: "198.51.100.2:40000", destination: VIP, flags: 2 } as const;
    bench.send({ ...first, source: "198.51.100.3:40000" });
    const opened = bench.send(first);
    assert.deepEqual(foreseen(bench, buildPacket(first)), ["in 2"]);
    const answer = { ...first, source: opened.destination, destination: opened.source };
    assert.deepEqual(foreseen(bench, buildPacket(answer)), ["out 2"]);
    const unknown = { ...first, destination: "203.0.113.99:80" };
    assert.deepEqual(foreseen(bench, buildPacket(unknown)), []);
  });
}

Deno.test("bytes that are no packet do no harm", () => {
  const bench = new Bench();
  for (let n = 0; n < 256; n++) foreseen(bench, new Uint8Array(64).fill(n));
});
