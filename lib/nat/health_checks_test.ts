import assert from "node:assert/strict";
import { parseNatConfig } from "../config/nat_config.ts";
import type { ServiceConfig } from "../config/nat_config.ts";
import { parseEndpoint } from "../wire/address.ts";
import { HealthChecks } from "./health_checks.ts";

/** A service with one server at an endpoint of this host, checked often. */
function serviceOf(server: string): ServiceConfig {
  const [service] = parseNatConfig({
    file: "nat.yaml",
    text: `
interfaces: [eth0]
snat: { addresses: [10.0.1.1] }
services:
  - name: web
    vip: 203.0.113.10
    port: 80
    servers: [{ address: 10.0.0.11 }]
    health: { tcp: {}, interval: 100ms, timeout: 100ms, rise: 1, fall: 2 }
`,
  }).services;
  return { ...service!, servers: [{ address: parseEndpoint(server), weight: 1 }] };
}

for (const [family, hostname] of [["IPv4", "127.0.0.1"], ["IPv6", "::1"]] as const) {
  Deno.test(`a server is up while it accepts connections over ${family}, and down after`, async () => {
    const listener = Deno.listen({ hostname, port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const server = family === "IPv4" ? `${hostname}:${port}` : `[${hostname}]:${port}`;
    const changes: string[] = [];
    let changed = Promise.withResolvers<void>();
    using checks = new HealthChecks([serviceOf(server)], (service, address, status) => {
      changes.push(`${service} ${address} ${status}`);
      changed.resolve();
    });
    assert.equal(checks.status("web", server), "unknown");
    assert.ok(checks.able("web", server));
    const taken = (async () => {
      for await (const connection of listener) connection.close();
    })();
    await changed.promise;
    changed = Promise.withResolvers();
    listener.close();
    await taken;
    await changed.promise;
    assert.deepEqual(changes, [`web ${server} up`, `web ${server} down`]);
    assert.ok(!checks.able("web", server));
  });
}
