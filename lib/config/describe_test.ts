import assert from "node:assert/strict";
import { describeAgent, describeNat, plainAgentConfig, plainNatConfig } from "./describe.ts";
import { parseNatConfig } from "./nat_config.ts";
import { IpAddress } from "../wire/address.ts";
import { parseAddressRange } from "../wire/prefix.ts";

const config = parseNatConfig({
  file: "/etc/bypath/nat.yaml",
  text: `
interfaces: [eth0, eth1]
snat: { addresses: [10.0.1.0/30], ports: 2000-2999 }
services:
  - name: web
    vip: 203.0.113.10
    port: 80
    servers: [{ address: 10.0.0.11, port: 8080 }, { address: 10.0.0.12, weight: 3 }]
    health: { tcp: {} }
  - name: dns
    vip: 203.0.113.10
    port: 53
    protocol: udp
    scheduler: source-hash
    servers: [{ address: 10.0.0.11 }, { address: 10.0.0.12, weight: 0 }]
`,
});

const service = config.services[0]!;
const listen = { address: IpAddress.parse("10.0.0.1"), port: 7400 };
const control = {
  listen,
  ca: "/ca.pem",
  certificate: "/nat.pem",
  key: "/nat.key",
  leaseMs: 10_000,
  reportMs: 1000,
  instructions: 65_536,
};

Deno.test("describeNat() says in plain lines what a configuration means", () => {
  assert.deepEqual(describeNat(config), [
    "interfaces: eth0, eth1",
    "SNAT: 10.0.1.0-10.0.1.3, ports 2000-2999: at most 4000 sessions at a time with one server endpoint",
    "capacity: at most 1048576 sessions at a time in all",
    "service web: tcp 203.0.113.10:80, maglev",
    "  server 10.0.0.11:8080, weight 1: 25 % of the new sessions",
    "  server 10.0.0.12:80, weight 3: 75 % of the new sessions",
    "  health: TCP connection every 2s, failed after 1s; up after 2 good, down after 3 bad",
    "  bypass: never, as there is no control section",
    "service dns: udp 203.0.113.10:53, source-hash",
    "  server 10.0.0.11:53, weight 1: 100 % of the new sessions",
    "  server 10.0.0.12:53, weight 0: no new sessions",
    "  health: not checked, every server counts as able",
    "  bypass: never, as there is no control section",
    "agents: none, as there is no control section: every response goes by way of this machine",
    "announce: nothing, so networks must route the VIPs and SNAT addresses to this machine",
    "refused packets: answered with RST or ICMP unreachable",
    "echo: the VIPs answer ping",
    "timeouts: TCP 4m opening, 2h4m idle, 4m closing; UDP 30s opening, 5m idle",
    "host shield: this host's own kernel, its nftables included, does not see packets of ours, where CAP_BPF and Linux 6.6 are there",
    "quarantine: a NAT endpoint rests for 1m",
    "files: /run/bypath/nat.sock (inspect), /run/bypath/nat.sessions (session table)",
  ]);
});

Deno.test("describeNat() counts the NAT endpoints of each family", () => {
  const range = (text: string) => parseAddressRange(text);
  const addresses = ["2001:db8:1::/127", "10.0.1.1", "10.0.1.5"].map(range);
  const lines = describeNat({ ...config, snat: { ...config.snat, addresses } });
  assert.deepEqual(lines.filter((line) => line.startsWith("SNAT")), [
    "SNAT: 10.0.1.1, 10.0.1.5, ports 2000-2999: at most 2000 sessions at a time with one server endpoint",
    "SNAT: 2001:db8:1::-2001:db8:1::1, ports 2000-2999: at most 2000 sessions at a time with one server endpoint",
  ]);
});

Deno.test("describeNat() says when a bypass starts and stops", () => {
  const bypassLine = (bypass: typeof service.bypass) =>
    describeNat({ ...config, control, services: [{ ...service, bypass }] })
      .find((line) => line.startsWith("  bypass: "));
  assert.equal(
    bypassLine({ start: { packets: 9, bytes: 65_536 }, stop: { idleMs: 60_000 } }),
    "  bypass: starts after 9 response packets or after 64KiB of responses, until idle for 1m",
  );
  assert.equal(
    bypassLine({ start: { immediately: true }, stop: {} }),
    "  bypass: starts as the TCP handshake completes",
  );
  assert.equal(bypassLine({ start: { never: true }, stop: {} }), "  bypass: never");
});

Deno.test("describeNat() says that the host's kernel is kept from packets, when it is", () => {
  const says = (hostShield: "auto" | boolean) =>
    describeNat({ ...config, hostShield }).filter((line) => line.startsWith("host shield: "));
  assert.deepEqual(says(false), []);
  assert.match(says(true).join(), /packets of ours$/);
  assert.match(says("auto").join(), /where CAP_BPF and Linux 6\.6 are there$/);
});

Deno.test("plainNatConfig() holds texts and numbers only", () => {
  const plain = plainNatConfig({ ...config, control });
  assert.deepEqual(JSON.parse(JSON.stringify(plain)), plain);
  assert.equal(plain.services[0]?.vip, "203.0.113.10:80");
  assert.deepEqual(plain.services[0]?.servers[1], { address: "10.0.0.12:80", weight: 3 });
  assert.deepEqual(plain.snat.addresses, ["10.0.1.0-10.0.1.3"]);
  assert.equal(plain.control?.listen, "10.0.0.1:7400");
  assert.equal(plain.metrics, null);
});

Deno.test("describeAgent() and plainAgentConfig() say what an agent's configuration means", () => {
  const { ca, certificate, key } = control;
  const agent = {
    nat: [listen],
    ca,
    certificate,
    key,
    socket: "/run/agent.sock",
    workers: 1,
    cpus: [3],
    busyPollUs: 50,
    notices: [],
  };
  assert.deepEqual(describeAgent(agent), [
    "NAT machines: 10.0.0.1:7400",
    "direct responses: by the routing table",
    "packet workers: 1, on CPU 3, asking for 50us before sleeping",
    "certificate: /nat.pem, key /nat.key, authority /ca.pem",
    "files: /run/agent.sock (inspect)",
  ]);
  assert.deepEqual(plainAgentConfig(agent), {
    nat: ["10.0.0.1:7400"],
    interface: null,
    metrics: null,
    ca,
    certificate,
    key,
    socket: "/run/agent.sock",
    workers: 1,
    cpus: [3],
    busyPollUs: 50,
  });
});
