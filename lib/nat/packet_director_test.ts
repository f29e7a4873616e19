import assert from "node:assert/strict";
import { Random } from "./_test_random.ts";
import { IP_OFFSET } from "../datapath/engine.ts";
import { PacketExchange } from "../datapath/packet_exchange.ts";
import { BATCH, SLOT_BYTES } from "../datapath/packet_source.ts";
import { runBpf } from "./_test_bpf.ts";
import { openEventFd } from "../linux/event_fd.ts";
import { mapAnonymous } from "../linux/memory.ts";
import { COUNTER, makeCounters } from "../session/counters.ts";
import { regionBytes } from "../session/layout.ts";
import { portsOfOthers } from "../session/port_pool.ts";
import { formatTable } from "../session/session_records.ts";
import { SessionTable } from "../session/session_table.ts";
import { IpAddress } from "../wire/address.ts";
import { buildPacket, fragmentPacket, type FrameOptions } from "../wire/build_frame.ts";
import { Packet } from "../wire/packet.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { PARSED, UNKNOWN_PROTOCOL } from "../wire/reason.ts";
import { config, endpoint, service, words } from "./_test_translator.ts";
import { ForeignSessions } from "./foreign_sessions.ts";
import { HELD_FRAGMENT_BYTES, HELD_FRAGMENTS } from "./fragment_translator.ts";
import { PacketDirector } from "./packet_director.ts";
import { Steering, type SteeringRule } from "./steering.ts";
import { steeringProgram } from "./steering_program.ts";
import { Translator } from "./translator.ts";

const SYN = 2, ACK = 16, FIN = 1;
const CAPACITY = 4096;
const VIP = "203.0.113.10:80";
const NAT = config({
  portFirst: 1024,
  portLast: 65535,
  services: [
    service(),
    service({ name: "dns", protocol: 17 }),
  ],
});
const PREFIXES = ["10.0.1.1/32", "10.0.1.2/32"].map(parsePrefix);

/** What left, and whom by. */
interface Sent {
  readonly worker: number;
  readonly bytes: Uint8Array;
}

/** The packet workers of a NAT machine, and the kernel before them, in one thread. */
class Workers {
  readonly sent: Sent[] = [];
  readonly directors: PacketDirector[] = [];
  readonly translators: Translator[] = [];
  readonly exchanges: PacketExchange[] = [];
  readonly foreign: ForeignSessions[] = [];
  readonly counters = [] as Float64Array[];
  readonly tables: SessionTable[] = [];
  readonly #packets: Packet[] = [];
  readonly #program: ReturnType<typeof steeringProgram>;
  nowMs = 1_000_000;

  /** @param program the rule that the kernel has, when it is another one than the workers' */
  constructor(region: ArrayBuffer, rule: SteeringRule, program: SteeringRule = rule) {
    this.#program = steeringProgram(program, PREFIXES);
    const { workers } = rule;
    const rings = PacketExchange.rings(workers);
    const peers = rings.map(() => ({
      signals: new SharedArrayBuffer(64),
      bell: openEventFd().fd.release(),
    }));
    for (let worker = 0; worker < workers; worker++) {
      const table = new SessionTable(region, [7, 9], undefined, { worker, workers });
      const held = (BATCH + 1) * SLOT_BYTES;
      const memory = mapAnonymous(held + HELD_FRAGMENTS * HELD_FRAGMENT_BYTES);
      const bytes = new Uint8Array(memory.buffer);
      const exchange = new PacketExchange({
        worker,
        rings,
        peers,
        memory,
        memoryOffset: SLOT_BYTES,
      });
      const steering = new Steering(rule);
      const foreign = new ForeignSessions(table, steering, [1, 2]);
      const counters = makeCounters();
      const translator: Translator = new Translator({
        table,
        hops: { epoch: 1, mtu: () => 1500, toAddress: () => 1 },
        events: {
          crossed: () => true,
          ended: () => true,
          opened: () => {},
          pathMtu: () => true,
          undelivered: () => {},
          closed: () => {},
        },
        sender: {
          emit: (packet) => {
            this.sent.push({ worker, bytes: packet.slice() });
            return true;
          },
          follow: (slot, length) => {
            const at = slot + IP_OFFSET;
            this.sent.push({ worker, bytes: bytes.slice(at, at + length) });
          },
        },
        fragmentMemory: { buffer: memory.buffer, offset: held },
        config: NAT,
        withheldPorts: portsOfOthers(worker, workers),
        pass: (packet, vnetOffset) => this.directors[worker]!.pass(packet, vnetOffset),
        random: Math.random,
        nowMs: this.nowMs,
      });
      const isNat = NAT.snat.map((it) => Int32Array.from(it));
      this.directors.push(
        new PacketDirector({
          worker,
          steering,
          table,
          exchange,
          foreign,
          counters,
          key: [3, 4],
          isNatAddress: (at, offset) =>
            isNat.some((it) => it.every((w, i) => w === at[offset + i])),
          linkOf: () => 5,
          translate: (packet, slot, nowMs) => translator.handle(packet, slot, nowMs),
        }),
      );
      const packet = new Packet();
      packet.attach(memory.buffer);
      this.#packets.push(packet);
      this.translators.push(translator);
      this.exchanges.push(exchange);
      this.foreign.push(foreign);
      this.counters.push(counters);
      this.tables.push(table);
    }
    for (const foreign of this.foreign) {
      const slots = Array.from({ length: this.tables[0]!.highWater }, (_, i) => i + 1);
      foreign.add(slots.filter((slot) => foreign.isForeign(slot)));
    }
  }

  /** A packet arrives; everything that comes of it has been sent when this returns. */
  arrive(bytes: Uint8Array): readonly Sent[] {
    const before = this.sent.length;
    const worker = runBpf(this.#program, bytes) % this.directors.length;
    const packet = this.#packets[worker]!;
    packet.bytes.fill(0, 0, IP_OFFSET);
    packet.bytes.set(bytes, IP_OFFSET);
    this.#handle(worker, 0, bytes.length);
    for (let isQuiet = false; !isQuiet;) {
      isQuiet = true;
      this.exchanges.forEach((exchange, other) => {
        const count = exchange.receive();
        for (let i = 0; i < count; i++) {
          assert.equal(exchange.linkOf(exchange.slotOffset(i)), 5);
          this.#handle(other, exchange.slotOffset(i), exchange.frameBytes(i) - 14);
        }
        if (count > 0) isQuiet = false;
      });
    }
    return this.sent.slice(before);
  }

  #handle(worker: number, slot: number, length: number): void {
    const packet = this.#packets[worker]!;
    const reason = packet.parse(slot + IP_OFFSET, length);
    assert.ok(reason === PARSED || reason === UNKNOWN_PROTOCOL);
    const verdict = this.directors[worker]!.handle(packet, slot, this.nowMs);
    if (verdict <= 0) return;
    const at = slot + IP_OFFSET;
    // A first fragment leaves before those that were held for it.
    this.sent.push({ worker, bytes: packet.bytes.slice(at, at + packet.totalBytes) });
  }

  get handedOver(): number {
    return this.counters.reduce((sum, counters) => sum + counters[COUNTER.handedOver]!, 0);
  }
}

function newRegion(): ArrayBuffer {
  const region = new ArrayBuffer(regionBytes(CAPACITY));
  formatTable(region, CAPACITY, { epoch: 42, bootId: [] });
  return region;
}

function read(bytes: Uint8Array): Packet {
  const packet = new Packet();
  packet.attach(bytes.slice().buffer);
  assert.equal(packet.parse(0, bytes.length), PARSED);
  return packet;
}

/** Opens a session: the endpoints that its server sees, and the worker that has it. */
function open(workers: Workers, client: string, protocol: "tcp" | "udp" = "tcp") {
  const packet: FrameOptions = { protocol, source: client, destination: VIP, flags: SYN };
  const [first, ...others] = workers.arrive(buildPacket(packet));
  assert.ok(first !== undefined && others.length === 0, client);
  const out = read(first.bytes);
  return { nat: endpoint(out, 0), server: endpoint(out, 4), worker: first.worker };
}

const RULE = { workers: 3, key: 12345, ipv4: 32, ipv6: 128, ports: true };

Deno.test("a session's packets are translated by one worker, without one being handed over", () => {
  const workers = new Workers(newRegion(), RULE);
  const met = new Set<number>();
  for (let n = 0; n < 200; n++) {
    const client = `198.51.100.${1 + n % 250}:${4000 + 7 * n}`;
    const protocol = n % 2 === 0 ? "tcp" : "udp";
    const { nat, server, worker } = open(workers, client, protocol);
    met.add(worker);
    const answer = { protocol, source: server, destination: nat, flags: SYN | ACK } as const;
    const [back] = workers.arrive(buildPacket(answer));
    assert.equal(back!.worker, worker);
    assert.deepEqual([endpoint(read(back!.bytes), 0), endpoint(read(back!.bytes), 4)], [
      VIP,
      client,
    ]);
  }
  assert.equal(met.size, 3);
  assert.equal(workers.handedOver, 0);
});

Deno.test("packets that the kernel steered by another rule reach their worker all the same", () => {
  const workers = new Workers(newRegion(), RULE, { ...RULE, key: 999, workers: 2 });
  for (let n = 0; n < 100; n++) {
    const client = `198.51.100.${1 + n}:${4000 + n}`;
    const { nat, server, worker } = open(workers, client);
    const [back] = workers.arrive(
      buildPacket({ protocol: "tcp", source: server, destination: nat, flags: SYN | ACK }),
    );
    assert.equal(back!.worker, worker);
    assert.equal(endpoint(read(back!.bytes), 4), client);
  }
  assert.ok(workers.handedOver > 50);
});

Deno.test("fragments reach their session's worker, both ways, in whatever order they come", () => {
  const random = new Random(31);
  const workers = new Workers(newRegion(), RULE);
  let sent = 0;
  for (let n = 0; n < 150; n++) {
    const client = `198.51.100.${1 + n % 250}:${4000 + n}`;
    const { nat, server, worker } = open(workers, client, "udp");
    for (const fromClient of [true, false]) {
      const [source, destination] = fromClient ? [client, VIP] : [server, nat];
      const payload = new Uint8Array(3000).map((_, i) => i * 7 + n);
      const whole = buildPacket({
        protocol: "udp",
        source: source!,
        destination: destination!,
        payload,
        dontFragment: false,
      });
      const fragments = [...fragmentPacket(whole, 1000, 1 + random.below(65535))];
      for (let i = fragments.length - 1; i > 0; i--) {
        const j = random.below(i + 1);
        [fragments[i], fragments[j]] = [fragments[j]!, fragments[i]!];
      }
      const out = fragments.flatMap((fragment) => [...workers.arrive(fragment)]);
      assert.equal(out.length, fragments.length, `datagram ${n}`);
      sent += out.length;
      const [to] = (fromClient ? server : client).split(":");
      const bytes = new Uint8Array(3008);
      for (const { worker: by, bytes: fragment } of out) {
        assert.equal(by, worker);
        assert.deepEqual([...fragment.subarray(16, 20)], [...IpAddress.parse(to!).toBytes()]);
        bytes.set(fragment.subarray(20), ((fragment[6]! & 31) << 8 | fragment[7]!) * 8);
      }
      assert.deepEqual(bytes.subarray(8), payload);
    }
  }
  assert.ok(sent > 600);
  for (const director of workers.directors) {
    assert.equal(director.maintain(workers.nowMs + 60_000), 0);
  }
});

Deno.test("sessions of a table that had another number of workers are found, and end like any other", () => {
  const region = newRegion();
  const before = new Workers(region, { ...RULE, workers: 2 });
  const clients = Array.from({ length: 200 }, (_, n) => `198.51.100.${1 + n}:${4000 + n}`);
  const sessions = clients.map((client) => {
    const session = open(before, client);
    const back = { protocol: "tcp", source: session.server, destination: session.nat } as const;
    before.arrive(buildPacket({ ...back, flags: SYN | ACK }));
    before.arrive(buildPacket({ protocol: "tcp", source: client, destination: VIP, flags: ACK }));
    return session;
  });
  const after = new Workers(region, RULE);
  assert.ok(after.foreign.every(({ size }) => size > 50 && size < 200));
  clients.forEach((client, n) => {
    const { nat, server } = sessions[n]!;
    const owner = Number(nat.split(":")[1]) % 3;
    const data = { protocol: "tcp", source: client, destination: VIP, flags: ACK } as const;
    const [out] = after.arrive(buildPacket(data));
    assert.deepEqual([endpoint(read(out!.bytes), 0), out!.worker], [nat, owner]);
    const [back] = after.arrive(buildPacket({ ...data, source: server, destination: nat }));
    assert.deepEqual([endpoint(read(back!.bytes), 4), back!.worker], [client, owner]);
  });
  // The client closes, and uses its port again: the new session is its own worker's.
  clients.forEach((client, n) => {
    const { nat, server } = sessions[n]!;
    const end = { protocol: "tcp", flags: FIN | ACK } as const;
    after.arrive(buildPacket({ ...end, source: client, destination: VIP }));
    after.arrive(buildPacket({ ...end, source: server, destination: nat }));
    after.arrive(buildPacket({ ...end, flags: ACK, source: client, destination: VIP }));
    const anew = open(after, client);
    const [address, port] = client.split(":");
    const owner = new Steering(RULE).ofClient(Int32Array.from(words(address!)), 0, Number(port));
    assert.equal(anew.worker, owner);
    assert.notEqual(anew.nat, nat);
  });
  for (let n = 0; n < 1000; n++) {
    for (const director of after.directors) director.maintain(after.nowMs);
  }
  assert.deepEqual(after.foreign.map(({ size }) => size), [0, 0, 0]);
});

Deno.test("a worker that takes nothing loses its own packets alone, and they are counted", () => {
  const workers = new Workers(newRegion(), RULE, { ...RULE, workers: 1 });
  const client = Array.from({ length: 100 }, (_, n) => `198.51.100.7:${5000 + n}`)
    .find((it) =>
      new Steering(RULE).ofClient(
        Int32Array.from(words("198.51.100.7")),
        0,
        Number(it.split(":")[1]),
      ) === 2
    )!;
  const packet = new Packet();
  const bytes = buildPacket({
    protocol: "udp",
    source: client,
    destination: VIP,
    payload: new Uint8Array(1000),
  });
  const slot = new Uint8Array(IP_OFFSET + bytes.length);
  slot.set(bytes, IP_OFFSET);
  packet.attach(slot.buffer);
  let refused = 0;
  for (let n = 0; n < 2000; n++) {
    slot.set(bytes, IP_OFFSET);
    packet.parse(IP_OFFSET, bytes.length);
    const verdict = workers.directors[0]!.handle(packet, 0, workers.nowMs);
    if (verdict === -82) refused++;
  }
  assert.ok(refused > 500 && refused < 1500, `${refused} refused`);
});
