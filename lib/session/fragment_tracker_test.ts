import assert from "node:assert/strict";
import fc from "fast-check";
import { HEADER_DESTINATION, paddingHeader } from "../wire/ipv6_extension.ts";
import { Packet } from "../wire/packet.ts";
import { PARSED } from "../wire/reason.ts";
import { datagram, type DatagramOptions, FragmentNat } from "./_test_fragment_nat.ts";
import { FragmentTracker } from "./fragment_tracker.ts";
import { FRAGMENT } from "./fragment_verdict.ts";

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));

const V6: DatagramOptions = { source: "[2001:db8:c::2]:5000", destination: "[2001:db8:f::10]:53" };

function permutations<T>(list: readonly T[]): T[][] {
  if (list.length < 2) return [[...list]];
  return list.flatMap((item, i) =>
    permutations(list.toSpliced(i, 1)).map((others) => [item, ...others])
  );
}

/** All of these in these places, one after another. */
function verdicts(nat: FragmentNat, fragments: readonly Uint8Array[]): number[] {
  return fragments.map((bytes) => nat.receive(bytes));
}

/** Packets in an order that does not depend on how they came. */
function sortedHex(list: readonly Uint8Array[]): string[] {
  return list.map((bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join(""))
    .sort();
}

for (const [name, options] of Object.entries({ IPv4: {}, IPv6: V6 })) {
  Deno.test(`each of 24 orders of four ${name} fragments delivers each once, the first one first`, () => {
    const fragments = datagram({ ...options, bytes: 4444, fragmentBytes: 1232 });
    assert.equal(fragments.length, 4);
    for (const order of permutations(fragments)) {
      const nat = new FragmentNat();
      verdicts(nat, order);
      nat.flush();
      const sent = nat.forwarded;
      assert.deepEqual(sortedHex(sent.map(({ bytes }) => bytes)), sortedHex(fragments));
      assert.deepEqual(sent[0]!.bytes, fragments[0]);
      assert.ok(sent.every(({ owner }) => owner === 5000));
      assert.equal(new Set(sent.map(({ identification }) => identification)).size, 1);
      assert.equal(nat.tracker.trains, 0);
      assert.equal(nat.tracker.held, 0);
      assert.equal(nat.tracker.counts.completed, 1);
    }
  });

  Deno.test(`the largest UDP datagram over ${name} passes, its first fragment last`, () => {
    const bytes = options === V6 ? 65527 : 65515;
    const fragments = datagram({ ...options, bytes, fragmentBytes: 1448 });
    const nat = new FragmentNat();
    assert.ok(fragments.length > 45);
    const order = [...fragments.slice(1), fragments[0]!];
    verdicts(nat, order);
    nat.flush();
    assert.deepEqual(nat.forwarded.map(({ bytes }) => bytes), fragments);
  });

  Deno.test(`an ${name} fragment that overlaps condemns its whole datagram`, () => {
    const [first, second, third] = datagram({ ...options, fragmentBytes: 1440 });
    // Ends where the third one begins, and begins 40 bytes before the second one ends.
    const overlapping = datagram({ ...options, fragmentBytes: 1400 })[1]!;
    for (const order of permutations([first!, second!, overlapping])) {
      const nat = new FragmentNat();
      assert.ok(verdicts(nat, order).includes(FRAGMENT.overlap));
      assert.equal(nat.receive(third!), FRAGMENT.poisoned);
      assert.equal(nat.receive(first!), FRAGMENT.poisoned);
      assert.equal(nat.tracker.held, 0);
      nat.pass(30_000);
      assert.equal(nat.tracker.trains, 0);
      assert.equal(nat.receive(first!), FRAGMENT.first);
    }
  });
}

Deno.test("a fragment that comes twice is forwarded once, first or later, held or not", () => {
  const [first, second, third] = datagram();
  const nat = new FragmentNat();
  const order = [second!, second!, first!, first!, second!, third!];
  const { held, duplicate } = FRAGMENT;
  assert.deepEqual(
    verdicts(nat, order),
    [held, duplicate, FRAGMENT.first, duplicate, duplicate, 5000],
  );
  nat.flush();
  assert.equal(nat.forwarded.length, 3);
});

Deno.test("the same extent, once with and once without more to follow, is no duplicate", () => {
  const long = datagram({ bytes: 4440 });
  const short = datagram({ bytes: 2960 });
  for (const [one, other] of [[long[1]!, short[1]!], [short[1]!, long[1]!]] as const) {
    const nat = new FragmentNat();
    assert.deepEqual(verdicts(nat, [one, other]), [FRAGMENT.held, FRAGMENT.overlap]);
  }
});

Deno.test("a fragment behind the end of the last one, or a second last one, condemns the datagram", () => {
  const long = datagram({ bytes: 7400 });
  const short = datagram({ bytes: 4440 });
  for (const order of permutations([short[2]!, long[3]!])) {
    const nat = new FragmentNat();
    assert.equal(nat.receive(long[0]!), FRAGMENT.first);
    assert.deepEqual(verdicts(nat, order), [5000, FRAGMENT.pastEnd]);
  }
  const nat = new FragmentNat();
  assert.deepEqual(verdicts(nat, [long[4]!, short[2]!]), [FRAGMENT.held, FRAGMENT.pastEnd]);
});

Deno.test("what comes after a datagram was complete is not forwarded", () => {
  const [first, second, third] = datagram({ bytes: 4400 });
  const overlapping = datagram({ bytes: 4400, fragmentBytes: 1400 })[1]!;
  const nat = new FragmentNat();
  verdicts(nat, [first!, second!, third!]);
  assert.deepEqual(verdicts(nat, [third!, overlapping]), [FRAGMENT.held, FRAGMENT.held]);
  nat.pass(30_000);
  assert.equal(nat.forwarded.length, 3);
  assert.equal(nat.tracker.trains, 0);
});

Deno.test("a datagram that only its first fragment's header makes too long is dropped", () => {
  const options = { ipv4Options: new Uint8Array(40).fill(1) };
  const first = datagram({ ...options, bytes: 4000, fragmentBytes: 1440 })[0]!;
  const last = datagram({ bytes: 65512 }).at(-1)!;
  const { held, tooLong } = FRAGMENT;
  assert.deepEqual(verdicts(new FragmentNat(), [first, last]), [FRAGMENT.first, tooLong]);
  assert.deepEqual(verdicts(new FragmentNat(), [last, first]), [held, tooLong]);
});

Deno.test("IPv6 extension headers before and behind the fragment header change nothing", () => {
  const plain = datagram({ ...V6, bytes: 3000, fragmentBytes: 1200 });
  const before = plain.map(withHopByHopHeader);
  const extensionHeaders = [paddingHeader(HEADER_DESTINATION, 24)];
  const behind = datagram({ ...V6, bytes: 3000, fragmentBytes: 1200, extensionHeaders });
  for (const fragments of [before, behind]) {
    const nat = new FragmentNat();
    verdicts(nat, fragments.toReversed());
    nat.flush();
    assert.deepEqual(nat.forwarded.map(({ bytes }) => bytes), fragments);
    assert.equal(nat.tracker.counts.completed, 1);
  }
});

function withHopByHopHeader(fragment: Uint8Array): Uint8Array {
  const packet = new Uint8Array(fragment.length + 16);
  packet.set(fragment.subarray(0, 40));
  packet.set([fragment[6]!, 1, 1, 12], 40);
  packet.set(fragment.subarray(40), 56);
  new DataView(packet.buffer).setUint16(4, packet.length - 40);
  packet[6] = 0;
  return packet;
}

Deno.test("datagrams of other sources, destinations, protocols and identifications are kept apart", () => {
  const nat = new FragmentNat();
  const others: DatagramOptions[] = [
    { source: "198.51.100.3:5001" },
    { destination: "203.0.113.11:53", source: "198.51.100.2:5002" },
    { id: 2, source: "198.51.100.2:5003" },
    { protocol: "tcp", source: "198.51.100.2:5004" },
    V6,
    { ...V6, id: 2, source: "[2001:db8:c::2]:5006" },
  ];
  const all = [{}, ...others].map((options) => datagram(options));
  for (const place of [2, 1, 0]) for (const fragments of all) nat.receive(fragments[place]!);
  nat.flush();
  assert.equal(nat.tracker.counts.completed, all.length);
  const owners = Map.groupBy(nat.forwarded, ({ owner }) => owner);
  assert.deepEqual([...owners.values()].map((list) => list.length), [6, 3, 3, 3, 3, 3]);
  const identifications = new Set(nat.forwarded.map(({ identification }) => identification));
  assert.equal(identifications.size, all.length);
});

Deno.test("the later fragments of a datagram without an owner are dropped, held ones too", () => {
  const nat = new FragmentNat();
  const [first, second, third] = datagram({ source: "198.51.100.2:40000" });
  assert.deepEqual(
    verdicts(nat, [second!, first!, third!]),
    [FRAGMENT.held, FRAGMENT.first, FRAGMENT.refused],
  );
  assert.equal(nat.tracker.held, 0);
  assert.equal(nat.tracker.counts.heldLost, 1);
  assert.equal(nat.tracker.trains, 0, "all has come: nothing is left to be dropped");
  const refused = () => nat.tracker.own(1, 1);
  assert.throws(refused, /Cannot own a datagram: no first fragment was tracked/);
});

Deno.test("held fragments are given up after a second, an incomplete datagram after thirty", () => {
  const nat = new FragmentNat();
  const [first, second, third] = datagram();
  nat.receive(second!);
  nat.pass(999);
  assert.equal(nat.tracker.held, 1);
  nat.pass(1);
  assert.equal(nat.tracker.held, 0);
  assert.equal(nat.tracker.counts.orphaned, 1);
  assert.equal(nat.receive(first!), FRAGMENT.first);
  nat.pass(29_999);
  assert.equal(nat.receive(third!), 5000);
  nat.pass(1);
  assert.equal(nat.tracker.trains, 0);
  assert.deepEqual({ ...nat.tracker.counts }, {
    ...{ completed: 0, expired: 1, orphaned: 1, displaced: 0, poisoned: 0, heldLost: 1 },
  });
});

Deno.test("a datagram whose time is over has ended, whether or not `expire` came first", () => {
  const nat = new FragmentNat();
  const [first, second] = datagram();
  nat.receive(first!);
  nat.nowMs += 30_000;
  assert.equal(nat.receive(second!), FRAGMENT.held);
  assert.equal(nat.tracker.counts.expired, 1);
});

Deno.test("the bytes of fragments that were handed out stay until the batch is over", () => {
  const nat = new FragmentNat({ held: 2 });
  const [first, second, third] = datagram();
  verdicts(nat, [third!, second!, first!]);
  const other = datagram({ source: "198.51.100.3:5001" });
  assert.equal(nat.receive(other[1]!), FRAGMENT.noRoom);
  nat.flush();
  assert.deepEqual(nat.forwarded.map(({ bytes }) => bytes), [first, second, third]);
  assert.equal(nat.receive(other[1]!), FRAGMENT.held);
});

Deno.test("a source with its share of datagrams displaces its own oldest, nobody else's", () => {
  const nat = new FragmentNat({ trainsPerSource: 3 });
  const [first, second] = datagram({ source: "198.51.100.3:5001" });
  nat.receive(first!);
  const own = [1, 2, 3, 4].map((id) => datagram({ id }));
  for (const fragments of own) {
    nat.nowMs++;
    nat.receive(fragments[0]!);
  }
  assert.equal(nat.receive(second!), 5001);
  assert.equal(nat.receive(own[3]![1]!), 5000);
  assert.equal(nat.receive(own[0]![1]!), FRAGMENT.held, "the oldest is forgotten");
});

Deno.test("all addresses of an IPv6 /64 share one share", () => {
  const nat = new FragmentNat({ trainsPerSource: 3 });
  for (let i = 1; i <= 5; i++) {
    nat.receive(datagram({ ...V6, source: `[2001:db8:c::${i}]:5000` })[0]!);
    nat.receive(datagram({ ...V6, source: `[2001:db8:c:${i}::1]:5000` })[0]!);
  }
  assert.equal(nat.tracker.trains, 3 + 5);
});

/** Whole datagrams of many clients, in any order, while a flood is running: how many arrive. */
function underFlood(next: (i: number) => Uint8Array, perMs: number): number {
  const nat = new FragmentNat();
  const clients = 1000;
  let i = 0;
  for (let client = 0; client < clients; client++) {
    const source = `198.51.${100 + (client >> 8)}.${client & 255}:5000`;
    const fragments = datagram({ source, id: client + 1, bytes: 3000 });
    for (const place of client % 2 === 0 ? [0, 1, 2] : [2, 1, 0]) {
      nat.receive(fragments[place]!);
      for (let n = 0; n < perMs; n++) nat.receive(next(i++));
      nat.pass(1);
    }
  }
  const complete = Map.groupBy(
    nat.forwarded.filter(({ owner }) => owner === 5000),
    ({ identification }) => identification,
  );
  return [...complete.values()].filter((list) => list.length === 3).length;
}

/** The same fragment from another source each time, or with another identification. */
function changing(bytes: Uint8Array, sources: number): (i: number) => Uint8Array {
  return (i) => {
    const copy = bytes.slice();
    const view = new DataView(copy.buffer);
    view.setUint16(4, i);
    view.setUint32(12, 0x0b000000 + i % sources);
    view.setUint16(10, 0);
    let sum = 0;
    for (let at = 0; at < 20; at += 2) sum += view.getUint16(at);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    view.setUint16(10, ~sum);
    return copy;
  };
}

for (const [what, place] of [["first", 0], ["later", 1]] as const) {
  for (const [whose, sources] of [["one source", 1], ["ever new sources", 2 ** 24]] as const) {
    Deno.test(`10,000 incomplete ${what} fragments a second of ${whose} cost nobody a datagram`, () => {
      const bytes = datagram({ bytes: 200, fragmentBytes: 64, source: "11.0.0.0:6000" })[place]!;
      assert.equal(underFlood(changing(bytes, sources), 10), 1000);
    });
  }
}

Deno.test("datagrams whose fragments come mixed, in any order and twice arrive whole, each by its owner", () => {
  console.log(`    seed ${seed} (SEED=${seed} repeats it)`);
  const plan = fc.array(
    fc.record({
      host: fc.nat(3),
      isV4: fc.boolean(),
      bytes: fc.integer({ min: 100, max: 5000 }),
      fragmentBytes: fc.integer({ min: 8, max: 150 }).map((units) => units * 8),
    }),
    { minLength: 1, maxLength: 8 },
  );
  fc.assert(
    fc.property(plan, fc.infiniteStream(fc.nat(2 ** 30)), (datagrams, random) => {
      const nat = new FragmentNat({ heldPerTrain: 1024, heldPerSource: 1024 });
      const trains = datagrams.map(({ host, isV4, ...options }, i) => {
        const source = isV4
          ? `198.51.100.${host}:${5000 + i}`
          : `[2001:db8:c::${host}]:${5000 + i}`;
        return datagram({ ...(isV4 ? {} : V6), ...options, source, id: i + 1 });
      }).map((fragments) => fragments.slice(0, 100));
      const sent = trains.flatMap((train) => train.flatMap((part, i) => [part, part].slice(i % 2)));
      for (let i = sent.length - 1; i > 0; i--) {
        const j = random.next().value % (i + 1);
        [sent[i], sent[j]] = [sent[j]!, sent[i]!];
      }
      verdicts(nat, sent);
      nat.flush();
      trains.forEach((train, i) => {
        const mine = nat.forwarded.filter(({ owner }) => owner === 5000 + i);
        assert.equal(new Set(mine.map(({ identification }) => identification)).size <= 2, true);
        const hex = sortedHex(mine.map(({ bytes }) => bytes));
        assert.deepEqual([...new Set(hex)], sortedHex(train));
      });
    }),
    { seed, numRuns: 200 },
  );
});

Deno.test("tracking allocates nothing", () => {
  const tracker = new FragmentTracker({ key: [1, 2] });
  const packets = datagram({ bytes: 4400 }).map((bytes) => {
    const packet = new Packet();
    packet.attach(bytes.buffer);
    assert.equal(packet.parse(0, bytes.length), PARSED);
    return packet;
  });
  let forwarded = 0;
  const send = (place: number) => {
    const verdict = tracker.track(packets[place]!, 1000);
    if (verdict === FRAGMENT.first) tracker.own(7, 1);
    else if (verdict >= 0) forwarded++;
  };
  let least = Infinity;
  for (let round = 0; round < 8; round++) {
    const before = Deno.memoryUsage().heapUsed;
    for (let i = 0; i < 4000; i++) for (let place = 0; place < 3; place++) send(place);
    const grown = Deno.memoryUsage().heapUsed - before;
    if (grown >= 0) least = Math.min(least, grown / 12_000);
  }
  assert.equal(forwarded, 8 * 4000 * 2);
  assert.ok(least < 2, `${least} bytes a fragment`);
});

Deno.test("limits that make no sense are refused", () => {
  const make = (options: object) => () => new FragmentTracker({ key: [1, 2], ...options });
  assert.throws(make({ trains: 0 }), /Cannot track fragments with trains 0/);
  assert.throws(make({ held: 65_536 }), RangeError);
  assert.doesNotThrow(make({ held: 65_535, trains: 1 }));
  assert.throws(make({ heldPerTrain: 1.5 }), RangeError);
});
