import assert from "node:assert/strict";
import { parseNatConfig } from "../config/nat_config.ts";
import { EventLog } from "../control/event_log.ts";
import { EndpointHold } from "./instruction_hold.ts";
import { TableRecovery } from "./table_recovery.ts";

const config = parseNatConfig({
  file: "/nat.yaml",
  text: `
interfaces: [eth0]
snat: { addresses: [10.0.1.1] }
services:
  - { name: web, vip: 203.0.113.10, port: 80, servers: [{ address: 10.0.0.11, port: 80 }] }
  - { name: dns, vip: 203.0.113.10, port: 53, protocol: udp, servers: [{ address: 10.0.0.11, port: 53 }] }
`,
});
const [web, dns] = config.services;

/** What a machine does after its table was lost, as its clock goes on. */
function recovery(times: { endpointsMs: number; datagramsMs: number }) {
  const seen: string[] = [];
  let now = 0;
  const allowed = () =>
    [web!, dns!].filter((service) => it.allows(service, "10.0.0.11", now)).map(({ name }) => name);
  const it = new TableRecovery({
    hold: new EndpointHold({ ...times, silenceMs: times.endpointsMs, now }),
    events: new EventLog({ capacity: 16, now: () => now }),
    config: () => config,
    workers: 1,
    ask: () => null,
    tell: () => {},
    changed: () => seen.push(`${now} ${allowed().join(" ")}`),
  });
  return {
    it,
    seen,
    allowed,
    tick: (ms: number) => {
      now = ms;
      it.tick(now);
    },
  };
}

Deno.test("after a loss TCP waits for its agents, UDP until its endpoints have rested", () => {
  const { it, seen, allowed, tick } = recovery({ endpointsMs: 11_000, datagramsMs: 60_000 });
  tick(100);
  assert.deepEqual(allowed(), []);
  it.agentConnected({ name: "s1", addresses: ["10.0.0.11"] }, [], 100);
  assert.deepEqual(allowed(), ["web"]);
  tick(59_999);
  assert.deepEqual(allowed(), ["web"]);
  tick(60_000);
  assert.deepEqual(allowed(), ["web", "dns"]);
  assert.equal(seen.at(-1), "60000 web dns", "others are told");
});

Deno.test("whoever shares out new sessions is told when leases are over and when datagrams may come", () => {
  const { seen, tick } = recovery({ endpointsMs: 11_000, datagramsMs: 60_000 });
  for (let ms = 0; ms <= 70_000; ms += 100) tick(ms);
  assert.deepEqual(seen, ["11000 web", "60000 web dns"]);
});

Deno.test("a lease that is longer than the rest of endpoints holds UDP back as well", () => {
  const { seen, allowed, tick } = recovery({ endpointsMs: 90_000, datagramsMs: 60_000 });
  tick(60_000);
  assert.deepEqual(allowed(), []);
  for (let ms = 60_000; ms <= 91_000; ms += 100) tick(ms);
  assert.deepEqual(seen, ["90000 web dns"]);
});
