import assert from "node:assert/strict";
import { IpAddress } from "../wire/address.ts";
import { formatPrefix } from "../wire/prefix.ts";
import { describeNat, plainNatConfig } from "./describe.ts";
import { readExpression } from "./expression.ts";
import { type NatConfig, parseNatConfig } from "./nat_config.ts";
import { ConfigError } from "./problem.ts";

const CONTROL = {
  listen: { address: IpAddress.parse("10.0.0.1"), port: 7400 },
  ca: "",
  certificate: "",
  key: "",
  leaseMs: 10_000,
  reportMs: 1000,
  instructions: 100,
};

function parse(bypass: string): NatConfig {
  const text = `interfaces: [eth0]
snat: { addresses: [10.0.1.1] }
services:
  - name: web
    vip: 203.0.113.10
    port: 80
    servers: [{ address: 10.0.0.11, port: 8080 }, { address: 10.0.0.12 }]
    bypass: ${bypass}
`;
  return parseNatConfig({ file: "nat.yaml", text }, readExpression);
}

function bypassOf(bypass: string) {
  return parse(bypass).services[0]!.bypass;
}

/** What is wrong, without the place of the service. */
function problems(bypass: string): string[] {
  try {
    parse(bypass);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map(({ key, message }) =>
      `${key.replace("services[0].bypass.", "")}: ${message}`
    );
  }
}

Deno.test("every criterion and restriction becomes a plain value", () => {
  const { start, stop } = bypassOf(`
      start:
        packets: 10
        bytes: 64KiB
        age: 1m
        rate: 10Mbit/s
        all: [{ bytes: 1MB }, { age: 10s }, { rate: 1000/s }, { rate: 1Mbit/s }]
        clients: [198.51.100.0/24, 192.0.2.7]
        servers: [10.0.0.11, "10.0.0.12:80"]
        load: 50%
        where: clientPort > 1024
      stop: { idle: 1m, rate: 500kbit/s, for: 7s, age: 1h }`);
  const { where, clients, ...rest } = start;
  assert.deepEqual(rest, {
    packets: 10,
    bytes: 65_536,
    ageMs: 60_000,
    rate: { of: "bytes", perSecond: 1_250_000 },
    all: [
      { bytes: 1_000_000 },
      { ageMs: 10_000 },
      { rate: { of: "packets", perSecond: 1000 } },
      { rate: { of: "bytes", perSecond: 125_000 } },
    ],
    servers: ["10.0.0.11", "10.0.0.12:80"],
    load: { of: "core", share: 0.5 },
  });
  assert.deepEqual(clients?.map(formatPrefix), ["198.51.100.0/24", "192.0.2.7/32"]);
  assert.equal(where?.text, "clientPort > 1024");
  assert.deepEqual(stop, {
    idleMs: 60_000,
    rate: { of: "bytes", perSecond: 62_500 },
    forMs: 7000,
    ageMs: 3_600_000,
  });
});

Deno.test("a rate to stop at has to lie below for five seconds unless said otherwise", () => {
  assert.equal(bypassOf("{ stop: { rate: 1Mbit/s } }").stop.forMs, 5000);
  assert.equal(bypassOf("{ stop: { idle: 5s } }").stop.forMs, undefined);
});

Deno.test("criteria that contradict each other are refused", () => {
  assert.deepEqual(problems("{ start: { load: 50%, clients: [10.0.0.0/8] } }"), [
    "start: needs a criterion, bytes, packets, age, rate, all, immediately or never: clients and load only restrict others",
  ]);
  assert.deepEqual(problems("{ start: { never: true, load: 50% } }"), [
    'start: "never" leaves no room for load',
  ]);
  assert.deepEqual(problems("{ start: { immediately: true, age: 1s, rate: 1/s } }"), [
    'start: "immediately" leaves no room for age and rate',
  ]);
  assert.deepEqual(problems("{ start: { immediately: true, clients: [10.0.0.0/8] } }"), []);
  assert.deepEqual(
    problems("{ start: { all: [{ bytes: 1, age: 1s }, {}, { bytes: 1, idle: 1s }] } }"),
    [
      "start.all[0]: has bytes and age: make each an entry of its own",
      "start.all[1]: needs a criterion: packets, bytes, age, rate",
      "start.all[2].idle: unknown key",
    ],
  );
  assert.deepEqual(problems("{ start: { all: [{ bytes: 1 }, { bytes: 2 }] } }"), [
    "start.all[1]: a second bytes: all of them would have to be met",
  ]);
  assert.deepEqual(problems("{ stop: { idle: 5s, for: 5s } }"), [
    "stop.for: says how long the rate has to lie below, and there is no rate",
  ]);
});

Deno.test("a bypass that would stop as soon as it starts is refused", () => {
  const message = (at: string) =>
    `stop.rate: 10Mbit/s is not below ${at} of 5Mbit/s: a bypass would stop as soon as it has started`;
  assert.deepEqual(problems("{ start: { rate: 5Mbit/s }, stop: { rate: 10Mbit/s } }"), [
    message("start.rate"),
  ]);
  assert.deepEqual(problems("{ start: { all: [{ rate: 5Mbit/s }] }, stop: { rate: 10Mbit/s } }"), [
    message("start.all"),
  ]);
  assert.deepEqual(problems("{ start: { rate: 5/s }, stop: { rate: 10Mbit/s } }"), []);
});

Deno.test("clients and servers that there cannot be are refused", () => {
  assert.deepEqual(
    problems(
      "{ start: { bytes: 1, clients: ['2001:db8::/32', 10.0.0.1/8], servers: [10.0.0.13] } }",
    ),
    [
      "start.clients[0]: 2001:db8::/32 is IPv6 and the VIP 203.0.113.10 IPv4: no client has such an address",
      'start.clients[1]: cannot read "10.0.0.1/8" as a prefix: bits are set after its length, did you mean 10.0.0.0/8',
      "start.servers[0]: 10.0.0.13 is no server of this service: there are 10.0.0.11:8080, 10.0.0.12:80",
    ],
  );
});

Deno.test("rates, loads and ages that are none are refused with an example", () => {
  assert.deepEqual(problems("{ start: { rate: 10MB, load: 120%, age: soon } }"), [
    'start.rate: "10MB" is not a rate such as 10Mbit/s or, in packets, 1000/s',
    "start.load: 120% of a core is out of range: more than 0%, less than 100%",
    'start.age: "soon" is not a duration such as 500ms, 10s, 5m or 2h4m',
  ]);
});

Deno.test("an expression that is wrong is refused at its place", () => {
  assert.deepEqual(problems("{ start: { bytes: 1, where: 'clientport > 5' } }"), [
    'start.where: there is no field "clientport": there are service, protocol, client, clientPort, vip, vipPort, server, serverPort, packets, bytes, packetsFromClient, bytesFromClient, ageMs, rate, packetRate',
  ]);
  const text = `interfaces: [eth0]\nsnat: { addresses: [10.0.1.1] }\nservices:
  - { name: a, vip: 203.0.113.10, port: 80, servers: [{ address: 10.0.0.11 }] }
  - name: b
    vip: 203.0.113.11
    port: 80
    servers: [{ address: 10.0.0.11 }]
    bypass:
      start:
        bytes: 1
        where: client ==
`;
  assert.throws(() => parseNatConfig({ file: "nat.yaml", text }, readExpression), (error) => {
    const { message } = error as Error;
    return message.startsWith(
      "nat.yaml:12:9: services[1].bypass.start.where: not an expression at character",
    );
  });
});

Deno.test("nat check says the criteria in words", () => {
  const lines = (bypass: string) =>
    describeNat({ ...parse(bypass), control: CONTROL })
      .filter((line) => /^ {2}(bypass| {2}only)/.test(line)).map((line) => line.slice(2));
  assert.deepEqual(
    lines("{ start: { age: 1m, rate: 1000/s, all: [{ bytes: 1MB }, { rate: 10Mbit/s }] } }"),
    [
      "bypass: starts at the age of 1m or when responses come at 1000 packets a second or both after 1MB of responses and when responses come at 10Mbit/s, until idle for 1m",
    ],
  );
  assert.deepEqual(
    lines(
      "{ start: { immediately: true, clients: [10.0.0.0/8], servers: [10.0.0.11], load: 1Gbit/s, where: 'packets > 1' }, stop: { rate: 1Mbit/s, age: 1h } }",
    ),
    [
      "bypass: starts as the TCP handshake completes, until below 1Mbit/s for 5s or 1h after it started",
      "  only clients in 10.0.0.0/8",
      "  only with servers 10.0.0.11",
      "  only while this machine carries more than 1Gbit/s",
      "  only where packets > 1",
    ],
  );
  assert.deepEqual(
    lines("{ start: { bytes: 1, load: 50% } }")[1],
    "  only while this machine is busier than 50% of a core",
  );
});

Deno.test("the configuration as JSON has prefixes, rates and expressions as text", () => {
  const config = parse(
    "{ start: { bytes: 1, rate: 5/s, all: [{ rate: 10Mbit/s }], load: 50%, clients: [10.0.0.0/8], where: 'packets > 1' }, stop: { rate: 1kbit/s } }",
  );
  const plain = JSON.parse(JSON.stringify(plainNatConfig(config)));
  assert.deepEqual(plain.services[0].bypass.start, {
    bytes: 1,
    rate: "5/s",
    all: [{ rate: "10Mbit/s" }],
    load: "50%",
    clients: ["10.0.0.0/8"],
    where: "packets > 1",
  });
  assert.deepEqual(plain.services[0].bypass.stop, { rate: "1kbit/s", forMs: 5000 });
});
