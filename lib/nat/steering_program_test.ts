import assert from "node:assert/strict";
import { runBpf } from "./_test_bpf.ts";
import { IpAddress } from "../wire/address.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { Random } from "./_test_random.ts";
import { Steering, type SteeringRule } from "./steering.ts";
import { steeringProgram } from "./steering_program.ts";

const SNAT = ["10.0.1.0/30", "10.0.7.7/32", "2001:db8:1::/126", "2001:db8:7::7/128"].map(
  parsePrefix,
);

interface Family {
  readonly vip: string;
  readonly nats: readonly string[];
  readonly server: string;
  client(random: Random): string;
  icmp: number;
  error: number;
}
const FAMILIES: readonly Family[] = [{
  vip: "203.0.113.10",
  nats: ["10.0.1.0", "10.0.1.3", "10.0.7.7"],
  server: "10.0.0.11",
  client: (random) => `198.51.${random.below(256)}.${random.below(256)}`,
  icmp: 1,
  error: 3,
}, {
  vip: "2001:db8:f::10",
  nats: ["2001:db8:1::", "2001:db8:1::3", "2001:db8:7::7"],
  server: "2001:db8:10::11",
  client: (random) =>
    `2001:db8:c:${random.below(65536).toString(16)}::${random.below(65536).toString(16)}`,
  icmp: 58,
  error: 2,
}];

interface Ends {
  readonly source: string;
  readonly destination: string;
  readonly ports: readonly [number, number];
}

/** The beginning of TCP or UDP, which is all that is looked at. */
function l4([source, destination]: readonly [number, number]): number[] {
  return [source >> 8, source & 255, destination >> 8, destination & 255, 0, 8, 0, 0];
}

/** An IP packet; a fragment when it has a place in a datagram. */
function ip(
  { source, destination }: Ends,
  protocol: number,
  payload: readonly number[],
  { options = 0, fragment }: {
    /** Words of IPv4 options. */
    options?: number;
    fragment?: { identification: number; offset: number; more: boolean };
  } = {},
): Uint8Array {
  const [from, to] = [source, destination].map((it) => [...IpAddress.parse(it).toBytes()]);
  const id = fragment?.identification ?? 0;
  if (from!.length === 4) {
    const place = fragment === undefined
      ? 0x4000
      : (fragment.more ? 0x2000 : 0) | fragment.offset >> 3;
    return Uint8Array.from([
      0x45 + options,
      0,
      0,
      0,
      id >> 8 & 255,
      id & 255,
      place >> 8,
      place & 255,
      64,
      protocol,
      0,
      0,
      ...from!,
      ...to!,
      ...new Array(4 * options).fill(1),
      ...payload,
    ]);
  }
  const header = fragment === undefined ? [] : [
    protocol,
    0,
    fragment.offset >> 8,
    fragment.offset & 0xf8 | (fragment.more ? 1 : 0),
    id >>> 24,
    id >> 16 & 255,
    id >> 8 & 255,
    id & 255,
  ];
  const next = fragment === undefined ? protocol : 44;
  return Uint8Array.from([0x60, 0, 0, 0, 0, 0, next, 64, ...from!, ...to!, ...header, ...payload]);
}

function hashed(text: string): [Int32Array, number] {
  return [IpAddress.parse(text).words as Int32Array, 0];
}

const RULES: readonly Partial<SteeringRule>[] = [
  {},
  { workers: 3 },
  { workers: 32 },
  { ports: false, ipv4: 24, ipv6: 64 },
  { ports: false, ipv4: 32, ipv6: 128, workers: 5 },
  { ports: false, ipv4: 0, ipv6: 0, workers: 5 },
];

Deno.test("the kernel's program has both directions of a session, and errors about it, meet one worker", () => {
  const random = new Random(20);
  for (const changes of RULES) {
    const rule = {
      workers: 2,
      key: random.word() | 1,
      ipv4: 32,
      ipv6: 128,
      ports: true,
      ...changes,
    };
    const steering = new Steering(rule);
    const program = steeringProgram(rule, SNAT);
    const met = new Set<number>();
    for (let n = 0; n < 300; n++) {
      const family = FAMILIES[n & 1]!;
      const client = family.client(random), clientPort = 1 + random.below(65535);
      const nat = family.nats[n % 3]!;
      const protocol = n % 4 < 2 ? 6 : 17;
      const options = family.icmp === 1 ? random.below(11) : 0;
      const worker = steering.ofClient(...hashed(client), clientPort);
      met.add(worker);
      // A port of this worker's, as it gives them out.
      const natPort = 1024 + rule.workers * random.below(64_000 / rule.workers | 0);
      const port = natPort + (worker - natPort % rule.workers + rule.workers) % rule.workers;
      assert.equal(steering.ofPort(port), worker);
      const inbound = { source: client, destination: family.vip, ports: [clientPort, 80] } as const;
      const outbound = { source: family.server, destination: nat, ports: [8080, port] } as const;
      const toServer = { source: nat, destination: family.server, ports: [port, 8080] } as const;
      const toClient = {
        source: family.vip,
        destination: client,
        ports: [80, clientPort],
      } as const;
      const router = family.client(random);
      const error = (about: Ends) => [
        family.error,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        ...ip(about, protocol, l4(about.ports), { options }),
      ];
      const packets = {
        inbound: ip(inbound, protocol, l4(inbound.ports), { options }),
        outbound: ip(outbound, protocol, l4(outbound.ports), { options }),
        aboutServer: ip({ ...inbound, source: router }, family.icmp, error(toClient), { options }),
        aboutClient: ip({ ...outbound, source: router }, family.icmp, error(toServer), { options }),
      };
      for (const [name, packet] of Object.entries(packets)) {
        assert.equal(
          runBpf(program, packet) % rule.workers,
          worker,
          `${name} of ${client} by ${nat}`,
        );
      }
    }
    const expected = rule.ipv4 === 0 ? 1 : rule.workers;
    assert.ok(met.size >= Math.min(expected, 2), `all sessions met ${[...met]}`);
    if (rule.ports) assert.equal(met.size, rule.workers);
  }
});

Deno.test("all fragments of a datagram come to the worker that gathers it, first ones too", () => {
  const random = new Random(21);
  const rule = { workers: 3, key: 77, ipv4: 32, ipv6: 128, ports: true };
  const steering = new Steering(rule);
  const program = steeringProgram(rule, SNAT);
  const met = new Set<number>();
  for (let n = 0; n < 200; n++) {
    const family = FAMILIES[n & 1]!;
    const fromClient = n % 4 < 2;
    const ends: Ends = fromClient
      ? { source: family.client(random), destination: family.vip, ports: [4000, 80] }
      : { source: family.server, destination: family.nats[n % 3]!, ports: [8080, 5000] };
    const identification = family.icmp === 1 ? random.below(65536) : random.word() >>> 0;
    const worker = steering.ofDatagram(...hashed(ends.source), identification);
    met.add(worker);
    const places = [[0, true], [1480, true], [2960, false]] as const;
    for (const [offset, more] of places) {
      const payload = offset === 0 ? l4(ends.ports) : new Array(40).fill(offset & 255);
      const packet = ip(ends, 17, payload, { fragment: { identification, offset, more } });
      assert.equal(runBpf(program, packet), worker);
    }
  }
  assert.equal(met.size, 3);
});

Deno.test("what the program cannot read goes to the first worker, whatever it is", () => {
  const random = new Random(22);
  const rule = { workers: 4, key: 5, ipv4: 32, ipv6: 128, ports: true };
  const program = steeringProgram(rule, SNAT);
  assert.equal(runBpf(program, new Uint8Array(0)), 0);
  for (let n = 0; n < 2000; n++) {
    const bytes = Uint8Array.from({ length: random.below(120) }, () => random.below(256));
    if (bytes.length > 0 && n % 2 === 0) bytes[0] = n % 4 === 0 ? 0x45 : 0x60;
    const worker = runBpf(program, bytes);
    assert.ok(worker < 4, `worker ${worker}`);
    if (bytes.length < 16 || ![4, 6].includes(bytes[0]! >> 4)) assert.equal(worker, 0);
  }
});

Deno.test("more SNAT addresses than fit are not known to the program, which is short enough for the kernel", () => {
  const many = Array.from({ length: 2000 }, (_, i) => parsePrefix(`10.${i >> 8}.${i & 255}.1`));
  const program = steeringProgram({ workers: 2, key: 1, ipv4: 32, ipv6: 128, ports: true }, many);
  assert.ok(program.length <= 4096);
  for (const { jt, jf } of program) assert.ok(jt < 256 && jf < 256);
});
