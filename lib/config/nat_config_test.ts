import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { parse as parseYaml } from "yaml";
import { formatEndpoint } from "../wire/address.ts";
import { formatAddressRange } from "../wire/prefix.ts";
import { loadNatConfig, type NatConfig, parseNatConfig } from "./nat_config.ts";
import { ConfigError } from "./problem.ts";

/** The example of the documentation, with files where its certificates should be. */
const EXAMPLE = `
interfaces: [eth0]
snat:
  addresses: [10.0.1.1, 10.0.1.2]
  ports: 1024-65535
services:
  - name: web
    vip: 203.0.113.10
    protocol: tcp
    port: 80
    scheduler: maglev
    servers:
      - { address: 10.0.0.11, port: 8080 }
      - { address: 10.0.0.12, port: 8080, weight: 2 }
    health: { tcp: {}, interval: 2s, timeout: 1s, rise: 2, fall: 3 }
    bypass:
      start: { bytes: 64KiB }
      stop: { idle: 60s }
control:
  listen: 10.0.0.1:7400
  ca: ca.pem
  certificate: nat.pem
  key: nat.key
announce: false
metrics: 127.0.0.1:9400
socket: /run/bypath/nat.sock
state: /run/bypath/nat.sessions
`;

/** The shortest configuration; each test changes what it is about. */
const SHORT = `
interfaces: [eth0]
snat: { addresses: [10.0.1.1] }
services:
  - { name: web, vip: 203.0.113.10, port: 80, servers: [{ address: 10.0.0.11 }] }
`;

function parse(text: string): NatConfig {
  return parseNatConfig({ file: "nat.yaml", text: text.trimStart() });
}

/** The lines of everything wrong with a text. */
function problemsOf(text: string): string[] {
  try {
    parse(text);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message.split("\n");
  }
  return [];
}

function withServices(...services: string[]): string {
  return `interfaces: [eth0]\nsnat: { addresses: [10.0.1.0/24] }\nservices:\n` +
    services.map((service) => `  - { ${service} }\n`).join("");
}

const WEB = "name: web, vip: 203.0.113.10, port: 80, servers: [{ address: 10.0.0.11 }]";

async function inDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "bypath-config-" });
  try {
    const certificate = "-----BEGIN CERTIFICATE-----\n";
    await Deno.writeTextFile(join(directory, "ca.pem"), certificate);
    await Deno.writeTextFile(join(directory, "nat.pem"), certificate);
    await Deno.writeTextFile(join(directory, "nat.key"), "-----BEGIN PRIVATE KEY-----\n", {
      mode: 0o600,
    });
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("loadNatConfig() makes plain values of the documented example", () =>
  inDirectory(async (directory) => {
    const file = join(directory, "nat.yaml");
    Deno.writeTextFileSync(file, EXAMPLE);
    const config = await loadNatConfig(file);
    assert.deepEqual(config.interfaces, ["eth0"]);
    assert.deepEqual(config.snat.addresses.map(formatAddressRange), ["10.0.1.1", "10.0.1.2"]);
    assert.deepEqual([config.snat.portFirst, config.snat.portLast], [1024, 65_535]);
    assert.equal(config.services.length, 1);
    const [web] = config.services as [NatConfig["services"][number]];
    assert.equal(web.name, "web");
    assert.equal(formatEndpoint(web.vip), "203.0.113.10:80");
    assert.equal(web.protocol, "tcp");
    assert.equal(web.scheduler, "maglev");
    assert.deepEqual(web.servers.map(({ address, weight }) => [formatEndpoint(address), weight]), [
      ["10.0.0.11:8080", 1],
      ["10.0.0.12:8080", 2],
    ]);
    assert.deepEqual(web.health, {
      tcp: true,
      intervalMs: 2000,
      timeoutMs: 1000,
      rise: 2,
      fall: 3,
    });
    assert.deepEqual(web.bypass, { start: { bytes: 65_536 }, stop: { idleMs: 60_000 } });
    const { control } = config;
    assert.equal(control && formatEndpoint(control.listen), "10.0.0.1:7400");
    assert.equal(control?.ca, join(directory, "ca.pem"));
    assert.equal(control?.certificate, join(directory, "nat.pem"));
    assert.equal(control?.key, join(directory, "nat.key"));
    assert.deepEqual([control?.leaseMs, control?.reportMs], [10_000, 1000]);
    assert.equal(control?.instructions, 65_536);
    assert.equal(config.announce, false);
    assert.equal(config.socket, "/run/bypath/nat.sock");
    assert.equal(config.state, "/run/bypath/nat.sessions");
    assert.deepEqual(config.notices, []);
  }));

Deno.test("parseNatConfig() fills in every default", () => {
  const { services, notices, ...rest } = parse(SHORT);
  assert.deepEqual({ ...rest, snat: undefined }, {
    interfaces: ["eth0"],
    snat: undefined,
    announce: false,
    refuse: "reject",
    echo: true,
    socket: "/run/bypath/nat.sock",
    state: "/run/bypath/nat.sessions",
    timeouts: {
      tcpOpeningMs: 240_000,
      tcpEstablishedMs: 7_440_000,
      tcpClosingMs: 240_000,
      udpOpeningMs: 30_000,
      udpMs: 300_000,
    },
    quarantineMs: 60_000,
    capacity: 1_048_576,
    workers: 1,
    busyPollUs: 0,
    hostShield: "auto",
    engine: "raw",
  });
  assert.deepEqual([rest.snat.portFirst, rest.snat.portLast], [1024, 65_535]);
  const [web] = services;
  assert.equal(web?.protocol, "tcp");
  assert.equal(web?.scheduler, "maglev");
  assert.equal(web?.health, undefined);
  assert.deepEqual(web?.bypass, { start: { bytes: 65_536 }, stop: { idleMs: 60_000 } });
  assert.equal(web && formatEndpoint(web.servers[0]!.address), "10.0.0.11:80");
  assert.deepEqual(notices, []);
});

Deno.test("paths are relative to the directory of the configuration file", () => {
  const text = SHORT + "socket: run/nat.sock\nstate: ../nat.sessions\n";
  const config = parseNatConfig({ file: "/etc/bypath/nat.yaml", text });
  assert.equal(config.socket, "/etc/bypath/run/nat.sock");
  assert.equal(config.state, "/etc/nat.sessions");
});

Deno.test("a misspelt key is named with file, line, column and what was meant", () => {
  assert.deepEqual(problemsOf(SHORT + "announse: true\n"), [
    'nat.yaml:5:1: announse: unknown key, did you mean "announce"?',
  ]);
  assert.deepEqual(problemsOf(withServices(`${WEB}, schedular: maglev`)), [
    'nat.yaml:4:82: services[0].schedular: unknown key, did you mean "scheduler"?',
  ]);
  assert.deepEqual(problemsOf(SHORT + "frobnicate: 1\n"), [
    "nat.yaml:5:1: frobnicate: unknown key",
  ]);
});

Deno.test("a misspelt value is named with what was meant", () => {
  assert.deepEqual(problemsOf(withServices(`${WEB}, scheduler: maglve`)), [
    "nat.yaml:4:82: services[0].scheduler: expected maglev, round-robin, least-sessions, source-hash, " +
    'got "maglve", did you mean "maglev"?',
  ]);
});

Deno.test("everything wrong is told at once, in the order of the file", () => {
  const text = `
interfaces: []
snat: { addresses: [10.0.1.1], ports: 70000 }
services:
  - name: web
    vip: 203.0.113.10
    port: 0
    servers: [{ address: 10.0.0.300, wieght: 1 }]
  - name: web
    vip: 10.0.1.1
    port: 80
    servers: [{ address: 10.0.0.11 }]
`;
  assert.deepEqual(problemsOf(text), [
    "nat.yaml:1:1: interfaces: needs at least 1 entry",
    "nat.yaml:2:32: snat.ports: expected a port from 1 to 65535, got 70000",
    "nat.yaml:6:5: services[0].port: expected a port from 1 to 65535, got 0",
    'nat.yaml:7:17: services[0].servers[0].address: cannot read "10.0.0.300" as an address: not an IPv4 or IPv6 address',
    'nat.yaml:7:38: services[0].servers[0].wieght: unknown key, did you mean "weight"?',
    'nat.yaml:8:5: services[1].name: "web" is already a service',
    "nat.yaml:9:5: services[1].vip: 10.0.1.1 is a SNAT address too (10.0.1.1)",
  ]);
});

Deno.test("what is missing is named where it should be", () => {
  assert.deepEqual(problemsOf("interfaces: [eth0]\nservices:\n  - name: web\n"), [
    "nat.yaml:1:1: snat: missing",
    "nat.yaml:3:5: services[0].vip: missing",
    "nat.yaml:3:5: services[0].port: missing",
    "nat.yaml:3:5: services[0].servers: missing",
  ]);
});

Deno.test("what a later version will have is told from a misspelt key", () => {
  assert.deepEqual(problemsOf(SHORT + "engine: ebpf\n"), [
    'nat.yaml:5:1: engine: "ebpf" is not available in this version',
  ]);
});

Deno.test("IPv4 and IPv6 services stand side by side", () => {
  const config = parse(`
interfaces: [eth0]
snat: { addresses: [10.0.1.1, 2001:db8:1::/120] }
services:
  - ${"{ " + WEB + " }"}
  - name: web6
    vip: 2001:db8:f::10
    port: 80
    servers: [{ address: 2001:db8:10::11, port: 8080 }, { address: 2001:db8:10::12 }]
`);
  assert.equal(formatEndpoint(config.services[1]!.vip), "[2001:db8:f::10]:80");
  assert.deepEqual(config.services[1]!.servers.map((it) => formatEndpoint(it.address)), [
    "[2001:db8:10::11]:8080",
    "[2001:db8:10::12]:80",
  ]);
  assert.deepEqual(config.snat.addresses.map(formatAddressRange), [
    "10.0.1.1",
    "2001:db8:1::-2001:db8:1::ff",
  ]);
});

Deno.test("the addresses of a service are of one family, which has SNAT addresses", () => {
  const mixed = WEB.replace("10.0.0.11", "2001:db8:10::11");
  assert.deepEqual(problemsOf(withServices(mixed)), [
    "nat.yaml:4:57: services[0].servers[0]: 2001:db8:10::11 is IPv6 and the VIP 203.0.113.10 IPv4: all addresses of a service are of one family",
  ]);
  const web6 = mixed.replace("203.0.113.10", "2001:db8:f::10").replace("web", "web6");
  assert.deepEqual(problemsOf(withServices(WEB, web6)), [
    "nat.yaml:2:9: snat.addresses: no IPv6 address is among them, which services[1] needs: its VIP is 2001:db8:f::10",
  ]);
  const snat6 = (text: string) => text.replace("10.0.1.0/24", "2001:db8:1::1");
  assert.deepEqual(problemsOf(snat6(withServices(web6))), []);
  assert.deepEqual(problemsOf(snat6(withServices(web6, WEB))), [
    "nat.yaml:2:9: snat.addresses: no IPv4 address is among them, which services[1] needs: its VIP is 203.0.113.10",
  ]);
  // One that cannot be read may have been meant for it.
  assert.deepEqual(problemsOf(withServices(web6).replace("10.0.1.0/24", "2001:db8:1::1::1")), [
    'nat.yaml:2:21: snat.addresses[0]: cannot read "2001:db8:1::1::1" as an address: not an IPv4 or IPv6 address',
  ]);
});

Deno.test("link-local addresses are refused: nobody forwards packets with them", () => {
  assert.deepEqual(problemsOf(SHORT.replace("10.0.0.11", "169.254.1.1")), [
    "nat.yaml:4:59: services[0].servers[0].address: 169.254.1.1 is link-local: no router forwards packets with it",
  ]);
  assert.deepEqual(problemsOf(SHORT.replace("203.0.113.10", "fe80::1")), [
    "nat.yaml:4:18: services[0].vip: fe80::1 is link-local: no router forwards packets with it",
  ]);
  assert.deepEqual(problemsOf(SHORT + "metrics: '[fe80::1]:9400'\n"), [
    "nat.yaml:5:1: metrics: fe80::1 is link-local and means another host on each link: take a global or unique local address",
  ]);
});

Deno.test("an endpoint in brackets without quotes is told to need them", () => {
  assert.deepEqual(problemsOf(SHORT + "metrics: [::1]:9400\n"), [
    'nat.yaml:5:15: not YAML: Unexpected scalar at node end; write "[::1]:9400" with its quotes',
  ]);
});

Deno.test("two services may not serve the same VIP, protocol and port", () => {
  const other = WEB.replace("web", "other");
  assert.deepEqual(problemsOf(withServices(WEB, other)), [
    "nat.yaml:5:20: services[1].vip: tcp 203.0.113.10:80 is already served by services[0]",
  ]);
  assert.deepEqual(problemsOf(withServices(WEB, `${other}, protocol: udp`)), []);
  assert.deepEqual(problemsOf(withServices(WEB, other.replace("80", "443"))), []);
});

Deno.test("a VIP may be neither a SNAT address nor a server of any service", () => {
  const address = (text: string) => WEB.replace("10.0.0.11", text);
  assert.deepEqual(problemsOf(withServices(address("203.0.113.10"))), [
    "nat.yaml:4:57: services[0].servers[0]: 203.0.113.10 is the VIP of this service itself",
  ]);
  const other = "name: other, vip: 203.0.113.11, port: 80, servers: [{ address: 203.0.113.10 }]";
  assert.deepEqual(problemsOf(withServices(WEB, other)), [
    "nat.yaml:5:59: services[1].servers[0]: 203.0.113.10 is a VIP (services[0].vip)",
  ]);
  assert.deepEqual(problemsOf(withServices(WEB.replace("203.0.113.10", "10.0.1.7"))), [
    "nat.yaml:4:18: services[0].vip: 10.0.1.7 is a SNAT address too (10.0.1.0-10.0.1.255)",
  ]);
  assert.deepEqual(problemsOf(withServices(address("10.0.1.7"))), [
    "nat.yaml:4:57: services[0].servers[0]: 10.0.1.7 is a SNAT address too (10.0.1.0-10.0.1.255)",
  ]);
});

Deno.test("a server may be named once in a service, and in several services", () => {
  const twice = WEB.replace("}]", "}, { address: 10.0.0.11, port: 80 }]");
  assert.deepEqual(problemsOf(withServices(twice)), [
    "nat.yaml:4:81: services[0].servers[1]: 10.0.0.11:80 is already servers[0]",
  ]);
  const other = WEB.replace("web", "other").replace("203.0.113.10", "203.0.113.11");
  assert.deepEqual(problemsOf(withServices(WEB, other)), []);
});

Deno.test("SNAT ranges may not overlap, and may not be a whole network by a slip", () => {
  const snat = (addresses: string) => SHORT.replace("10.0.1.1]", `${addresses}]`);
  assert.deepEqual(problemsOf(snat("10.0.1.0/24, 10.0.2.1, 10.0.1.9-10.0.1.12")), [
    "nat.yaml:2:44: snat.addresses[2]: 10.0.1.9-10.0.1.12 overlaps 10.0.1.0-10.0.1.255",
  ]);
  assert.deepEqual(problemsOf(snat("10.2.0.0/15")), [
    "nat.yaml:2:9: snat.addresses: 131072 addresses are too many: at most 4096",
  ]);
  assert.deepEqual(problemsOf(snat("10.0.1.1, 2001:db8:1::/64")), [
    "nat.yaml:2:9: snat.addresses: 2^64 addresses are too many: at most 4096",
  ]);
  assert.deepEqual(problemsOf(snat("224.0.0.1")), [
    "nat.yaml:2:21: snat.addresses[0]: 224.0.0.1 is not an address of one host on a network",
  ]);
});

Deno.test("weights are 0 to 1000, and not all of a service are 0", () => {
  const weights = (...list: number[]) =>
    withServices(
      "name: web, vip: 203.0.113.10, port: 80, servers: [" +
        list.map((weight, i) => `{ address: 10.0.0.1${i}, weight: ${weight} }`).join(", ") + "]",
    );
  assert.deepEqual(problemsOf(weights(0, 1)), []);
  assert.deepEqual(problemsOf(weights(0, 0)), [
    "nat.yaml:4:47: services[0].servers: every weight is 0: no server would get a new session",
  ]);
  assert.match(problemsOf(weights(-1, 1))[0]!, /weight: -1 is too small: at least 0$/);
  assert.match(problemsOf(weights(1001, 1))[0]!, /weight: 1001 is too large: at most 1000$/);
  assert.match(problemsOf(weights(1.5, 1))[0]!, /weight: expected a whole number, got 1.5$/);
});

Deno.test("the criteria need one entry, and never and immediately stand alone", () => {
  const start = (text: string) => problemsOf(withServices(`${WEB}, bypass: { start: {${text}} }`));
  assert.deepEqual(start("packets: 10, bytes: 10MB"), []);
  assert.deepEqual(start("never: true"), []);
  assert.deepEqual(start("immediately: true"), []);
  assert.match(
    start("")[0]!,
    /start: needs a criterion, bytes, packets, age, rate, all, immediately or never$/,
  );
  assert.match(start("never: true, bytes: 1")[0]!, /start: "never" leaves no room for bytes$/);
  assert.match(start("never: false")[0]!, /never: expected true, got false$/);
  assert.match(start("bytes: 0B")[0]!, /bytes: a size of 0 is reached before the first packet$/);
});

Deno.test("a health check may not last longer than the time to the next one", () => {
  const text = withServices(`${WEB}, health: { tcp: {}, interval: 1s, timeout: 2s }`);
  assert.deepEqual(problemsOf(text), [
    "nat.yaml:4:115: services[0].health.timeout: 2s is longer than the interval of 1s",
  ]);
});

Deno.test("durations need a unit and a sensible length", () => {
  assert.deepEqual(problemsOf(SHORT + "quarantine: 60\n"), [
    "nat.yaml:5:1: quarantine: expected a duration with its unit, such as 500ms, 10s or 5m, got 60",
  ]);
  assert.deepEqual(problemsOf(SHORT + "timeouts: { udp: 90d }\n"), [
    "nat.yaml:5:13: timeouts.udp: 90d is out of range: from 100ms to 30d",
  ]);
  assert.equal(parse(SHORT + "timeouts: { udp: 1s }\n").timeouts.udpMs, 1000);
});

Deno.test("certificate files must be there and hold what they should", () =>
  inDirectory(async (directory) => {
    const problems = async (changes: string) => {
      const file = join(directory, "nat.yaml");
      Deno.writeTextFileSync(file, `${SHORT}control: { listen: 10.0.0.1:7400, ${changes} }\n`);
      try {
        return (await loadNatConfig(file)).notices.map(({ message }) => message);
      } catch (error) {
        assert.ok(error instanceof ConfigError);
        return error.problems.map(({ key, message }) => `${key}: ${message}`);
      }
    };
    assert.deepEqual(await problems("ca: ca.pem, certificate: nat.pem, key: nat.key"), []);
    assert.deepEqual(await problems("ca: none.pem, certificate: nat.key, key: nat.pem"), [
      `control.ca: cannot read "${directory}/none.pem": no such file`,
      `control.certificate: "${directory}/nat.key" holds no certificate in PEM form`,
      `control.key: "${directory}/nat.pem" holds no private key in PEM form`,
    ]);
    Deno.chmodSync(join(directory, "nat.key"), 0o644);
    assert.deepEqual(await problems("ca: ca.pem, certificate: nat.pem, key: nat.key"), [
      `"${directory}/nat.key" can be read by every user of this host`,
    ]);
  }));

Deno.test("the control endpoint and its times must make sense", () => {
  const control = (text: string) =>
    problemsOf(`${SHORT}control: { ca: x, certificate: x, key: x, ${text} }`)
      .filter((line) => !line.includes("no such file"));
  assert.deepEqual(control("listen: 10.0.0.1:7400"), []);
  assert.match(control("listen: 10.0.0.1")[0]!, /listen: cannot read "10.0.0.1" as an endpoint/);
  assert.match(control("listen: 203.0.113.10:7400")[0]!, /listen: 203.0.113.10 is a VIP/);
  assert.match(control("listen: 10.0.1.1:7400")[0]!, /listen: 10.0.1.1 is a SNAT address/);
  assert.match(control("listen: 10.0.0.1:0")[0]!, /has port 0/);
  assert.match(
    control("listen: 10.0.0.1:7400, lease: 2s")[0]!,
    /lease: 2s is shorter than three reports of 1s/,
  );
});

Deno.test("a text that is not YAML is refused with the place of the mistake", () => {
  assert.match(problemsOf("interfaces: [eth0\nsnat: {}\n")[0]!, /^nat.yaml:2:1: not YAML: /);
  assert.match(problemsOf("announce: true\nannounce: false\n")[0]!, /Map keys must be unique$/);
  assert.deepEqual(problemsOf(" \n"), ["nat.yaml:1:1: the file is empty"]);
  assert.match(problemsOf("# a: b\n#c: d\n")[0]!, /comments alone: take away the "#" in front/);
  assert.deepEqual(problemsOf("- a\n"), ["nat.yaml:1:1: expected keys with values, one a line"]);
});

Deno.test("a document that multiplies itself by aliases is refused", () => {
  const bomb = Array.from(
    { length: 12 },
    (_, i) => `a${i}: &a${i} [${i === 0 ? "x" : Array(9).fill(`*a${i - 1}`).join(", ")}]`,
  ).join("\n");
  assert.match(problemsOf(bomb)[0]!, /^nat.yaml:1:1: not YAML: Excessive alias count/);
});

Deno.test("the VIPs, servers and SNAT addresses must fit into the session table", () => {
  const servers = (third: number) =>
    `[${Array.from({ length: 1000 }, (_, i) => `{ address: 10.${third}.${i >> 8}.${i & 255} }`)}]`;
  const services = Array.from(
    { length: 33 },
    (_, i) => `name: s${i}, vip: 203.0.113.${i}, port: 80, servers: ${servers(10 + i)}`,
  );
  assert.match(
    problemsOf(withServices(...services)).join(),
    /^nat.yaml:3:1: services: 33289 VIPs, servers and SNAT addresses are too many: at most 32767$/,
  );
  assert.deepEqual(problemsOf(withServices(...services.slice(1))), []);
});

Deno.test("whatever a document holds, it is a configuration or a ConfigError with places in it", () => {
  const parts = Object.keys(Object(parseYaml(EXAMPLE)));
  const paths = [
    "",
    "services.0.",
    "services.0.bypass.start.",
    "services.0.servers.1.",
    "control.",
  ];
  fc.assert(fc.property(
    fc.constantFrom(...paths),
    fc.oneof(fc.constantFrom(...parts, "port", "vip", "bytes", "weight", "servers"), fc.string()),
    fc.oneof(fc.anything({ maxDepth: 2 }), fc.constantFrom("10.0.1.1", "1s", "0", -1, "::1")),
    (path, key, value) => {
      const document = parseYaml(EXAMPLE);
      const at = path.split(".").slice(0, -1).reduce((object, part) => object[part], document);
      at[key] = value;
      const text = JSON.stringify(document);
      try {
        parse(text);
      } catch (error) {
        assert.ok(error instanceof ConfigError, `${error} of ${text}`);
        assert.ok(error.problems.length > 0);
        for (const { line, column } of error.problems) {
          assert.ok(line === 1 && column >= 1 && column <= text.length + 1);
        }
      }
    },
  ));
});

Deno.test("a file that cannot be read is named without a line", async () => {
  await assert.rejects(() => loadNatConfig("/nonexistent/nat.yaml"), {
    name: "ConfigError",
    message: '/nonexistent/nat.yaml: cannot read "/nonexistent/nat.yaml": no such file',
  });
});

Deno.test("anchors and aliases are followed to their place", () => {
  const text = `
interfaces: [eth0]
snat: { addresses: [10.0.1.1] }
services:
  - name: web
    vip: 203.0.113.10
    port: 80
    servers: &servers
      - address: 10.0.0.11
        weight: 2000
  - name: tls
    vip: 203.0.113.10
    port: 443
    servers: *servers
`;
  assert.deepEqual(problemsOf(text), [
    "nat.yaml:9:9: services[0].servers[0].weight: 2000 is too large: at most 1000",
    "nat.yaml:9:9: services[1].servers[0].weight: 2000 is too large: at most 1000",
  ]);
});

Deno.test("the packet worker stays where it is told to, and waits as it is told to", () => {
  const { cpus, busyPollUs } = parse(`${SHORT}cpus: [1]\nbusyPoll: 50us\n`);
  assert.deepEqual({ cpus, busyPollUs }, { cpus: [1], busyPollUs: 50 });
  assert.equal(parse(`${SHORT}busyPoll: 1ms\n`).busyPollUs, 1000);
  assert.deepEqual(problemsOf(`${SHORT}cpus: [1, 2]\nbusyPoll: 1s\n`), [
    "nat.yaml:5:1: cpus: 2 are named and there is one packet worker: name one for each",
    'nat.yaml:6:1: busyPoll: "1s" is not a short time such as 50us or 1ms',
  ]);
  assert.deepEqual(problemsOf(`${SHORT}busyPoll: 11ms\n`), [
    "nat.yaml:5:1: busyPoll: 11ms is out of range: from 0us to 10000us",
  ]);
});

Deno.test("several packet workers need as many ports, and a CPU each when CPUs are named", () => {
  assert.equal(parse(`${SHORT}workers: 3\ncpus: [0, 2, 4]\n`).workers, 3);
  assert.deepEqual(
    problemsOf(SHORT.replace("}", ", ports: 5000-5001 }") + "workers: 3\ncpus: [1, 1]\n"),
    [
      "nat.yaml:5:1: workers: 3 packet workers share snat.ports: there have to be as many ports",
      "nat.yaml:6:1: cpus: a CPU is named twice",
    ],
  );
  assert.deepEqual(problemsOf(`${SHORT}workers: 2\ncpus: [1]\n`), [
    "nat.yaml:6:1: cpus: 1 are named and there are 2 packet workers: name one for each",
  ]);
});

Deno.test("the host's kernel is spared packets where it can be, always or never", () => {
  assert.equal(parse(SHORT).hostShield, "auto");
  assert.equal(parse(`${SHORT}hostShield: auto\n`).hostShield, "auto");
  assert.equal(parse(`${SHORT}hostShield: true\n`).hostShield, true);
  assert.equal(parse(`${SHORT}hostShield: false\n`).hostShield, false);
  assert.deepEqual(problemsOf(`${SHORT}hostShield: never\n`), [
    "nat.yaml:5:1: hostShield: auto, true or false was expected",
  ]);
});
