import assert from "node:assert/strict";
import { ServiceTraffic, sumTraffic, trafficKey } from "../session/service_traffic.ts";
import { F64, U16 } from "../session/layout.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocol.ts";
import { Bench, config, service } from "./_test_translator.ts";

Deno.test("what passes is counted by service: VIP, port and protocol", () => {
  const traffic = new ServiceTraffic(new ArrayBuffer(ServiceTraffic.BYTES));
  const services = [service(), service({ name: "dns", protocol: PROTOCOL_UDP })];
  const bench = new Bench({ config: config({ services }), traffic });
  const udp = {
    protocol: "udp",
    source: "198.51.100.2:40000",
    destination: "203.0.113.10:80",
    payload: new Uint8Array(100),
  } as const;
  const { source: destination, destination: source } = bench.send(udp);
  bench.send(udp);
  bench.send({ ...udp, source, destination, payload: new Uint8Array(1000) });
  bench.send({ ...udp, protocol: "tcp", flags: 2, payload: new Uint8Array() });
  const vip = bench.table.getU16(1, U16.vip);
  const dns = trafficKey(vip, PROTOCOL_UDP);
  assert.deepEqual(
    (["packetsFromClient", "bytesFromClient", "packetsViaNat", "bytesViaNat"] as const)
      .map((field) => traffic.get(dns, field)),
    [2, 2 * 128, 1, 1028],
  );
  assert.equal(traffic.get(dns, "bytesFromClient"), bench.table.getF64(1, F64.bytesFromClient));
  assert.equal(traffic.get(trafficKey(vip, PROTOCOL_TCP), "packetsFromClient"), 1);
});

Deno.test("what several workers counted adds up, and sessions come and go", () => {
  const [a, b] = [1, 2].map(() => new ServiceTraffic(new ArrayBuffer(ServiceTraffic.BYTES)));
  a!.opened(9);
  b!.opened(9);
  b!.adopted(9);
  b!.closed(9, 2);
  a!.viaNat(9, 1, 50);
  b!.viaNat(9, 1, 70);
  const sum = sumTraffic([a!, b!]);
  assert.deepEqual(
    (["sessions", "opened", "packetsViaNat", "bytesViaNat"] as const).map((it) => sum.get(9, it)),
    [2, 2, 2, 120],
  );
  assert.deepEqual([sum.closedBy(9, 2), sum.closedBy(9, 1), sum.get(8, "opened")], [1, 0, 0]);
});
