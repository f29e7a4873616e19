import assert from "node:assert/strict";
import fc from "fast-check";
import { Packet } from "../wire/packet.ts";
import { FragmentModel, type ModelFragment, type ModelLimits } from "./_test_fragment_model.ts";
import { FragmentTracker } from "./fragment_tracker.ts";
import { FRAGMENT } from "./fragment_verdict.ts";

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
const runs = Number(Deno.env.get("RUNS") ?? 1500);

/** Tight, so that every limit is met often. */
const limits: fc.Arbitrary<ModelLimits> = fc.record({
  trains: fc.integer({ min: 1, max: 8 }),
  trainsPerSource: fc.integer({ min: 1, max: 5 }),
  held: fc.integer({ min: 1, max: 8 }),
  heldPerSource: fc.integer({ min: 1, max: 6 }),
  heldPerTrain: fc.integer({ min: 1, max: 4 }),
  fragmentsPerTrain: fc.integer({ min: 1, max: 6 }),
  trainMs: fc.constant(30_000),
  heldMs: fc.constant(1_000),
});

/** Addresses as words; the two IPv6 ones are of one /64. */
const SOURCES: readonly { words: number[]; counts: string }[] = [
  { words: [0, 0, 0xffff, 0x0a000001], counts: "a" },
  { words: [0, 0, 0xffff, 0x0a000002], counts: "b" },
  { words: [0x20010db8, 1, 2, 3], counts: "c" },
  { words: [0x20010db8, 1, 4, 5], counts: "c" },
];

interface Sent {
  readonly kind: "fragment";
  readonly source: number;
  readonly destination: number;
  readonly protocol: number;
  readonly identification: number;
  readonly start: number;
  readonly bytes: number;
  readonly last: boolean;
  readonly preceding: number;
  /** Whether the datagram finds an owner. */
  readonly owned: boolean;
  /** How many held fragments are fetched. */
  readonly fetched: number;
}

type Step = Sent | { readonly kind: "pass"; readonly ms: number } | { readonly kind: "expire" };

function often(usual: number, other: fc.Arbitrary<number>): fc.Arbitrary<number> {
  return fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });
}

const sent: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant("fragment" as const),
  source: often(0, fc.nat(SOURCES.length - 1)),
  destination: often(9, fc.constant(8)),
  protocol: often(17, fc.constant(6)),
  identification: often(0, fc.constantFrom(1, 2, 3, -5)),
  start: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 8, arbitrary: fc.nat(5).map((units) => units * 8) },
    { weight: 1, arbitrary: fc.constant(65504) },
  ),
  bytes: fc.constantFrom(8, 8, 8, 16, 24, 5),
  last: fc.constantFrom(false, false, true),
  preceding: fc.constantFrom(20, 24, 60),
  owned: fc.constantFrom(true, true, true, false),
  fetched: often(9, fc.nat(2)),
}).map((step) => ({ ...step, bytes: step.last ? step.bytes : (step.bytes + 7) & ~7 }));

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: sent },
  {
    weight: 2,
    arbitrary: fc.constantFrom(0, 1, 400, 999, 1000, 29_000, 30_000)
      .map((ms): Step => ({ kind: "pass", ms })),
  },
  { weight: 3, arbitrary: fc.constant<Step>({ kind: "expire" }) },
);

const script = fc.array(step, { maxLength: 150, size: "max" });

/** Drives tracker and model side by side, as the translator drives the tracker. */
class Pair {
  readonly tracker: FragmentTracker;
  readonly model: FragmentModel;
  readonly #heldSlots: number;
  readonly #packet = new Packet();
  readonly #slots = new Map<number, ModelFragment>();
  /** What was forwarded, by the identification it left with. */
  readonly forwarded = new Map<number, ModelFragment[]>();
  readonly verdicts = new Map<number, number>();
  #nowMs = 1e6;
  #given = 0;

  constructor(limits: ModelLimits) {
    this.tracker = new FragmentTracker({ key: [seed, 7], ...limits });
    this.model = new FragmentModel(limits);
    this.#heldSlots = limits.held;
  }

  step(step: Step): void {
    if (step.kind === "pass") this.#nowMs += step.ms;
    else if (step.kind === "expire") {
      this.tracker.expire(this.#nowMs);
      this.model.expire(this.#nowMs);
    } else this.#send(step);
    this.#compare();
  }

  #send(step: Sent): void {
    const fragment = fill(this.#packet, step);
    const known = this.model.identificationOf(fragment.key);
    const verdict = this.tracker.track(this.#packet, this.#nowMs);
    assert.equal(verdict, this.model.track(fragment, this.#nowMs));
    const counted = Math.min(verdict, 0);
    this.verdicts.set(counted, (this.verdicts.get(counted) ?? 0) + 1);
    if (verdict === FRAGMENT.held) this.#hold(fragment);
    else if (verdict === FRAGMENT.first && step.owned) this.#own(fragment, step.fetched);
    else if (verdict >= 0) {
      assert.equal(this.tracker.identification, known);
      this.#forward(fragment);
    }
  }

  #hold(fragment: ModelFragment): void {
    const slot = this.tracker.heldSlot;
    assert.ok(slot >= 0 && slot < this.#heldSlots);
    assert.ok(!this.model.taken.includes(slot), `slot ${slot} is taken`);
    this.model.hold(slot);
    this.#slots.set(slot, fragment);
  }

  #own(fragment: ModelFragment, fetched: number): void {
    const identification = ++this.#given;
    this.tracker.own(identification - 1, identification);
    this.model.own(identification - 1, identification);
    assert.equal(this.tracker.identification, identification);
    this.#forward(fragment);
    for (let n = 0; n < fetched; n++) {
      const slot = this.tracker.nextHeld();
      assert.equal(slot, this.model.nextHeld());
      if (slot < 0) break;
      assert.equal(this.#slots.get(slot)!.key, fragment.key);
      this.#forward(this.#slots.get(slot)!);
    }
  }

  #forward(fragment: ModelFragment): void {
    const { identification } = this.tracker;
    const list = this.forwarded.get(identification) ?? [];
    this.forwarded.set(identification, [...list, fragment]);
  }

  #compare(): void {
    assert.deepEqual({ ...this.tracker.counts }, { ...this.model.counts });
    assert.equal(this.tracker.trains, this.model.trains);
    assert.equal(this.tracker.held, this.model.held);
  }

  /** After a long time with nothing coming, nothing is kept. */
  settle(): void {
    this.#nowMs += 60_000;
    this.step({ kind: "expire" });
    assert.equal(this.tracker.trains, 0);
    assert.equal(this.tracker.held, 0);
  }
}

/** Makes a packet as `parse` leaves it. */
function fill(packet: Packet, step: Sent): ModelFragment {
  const source = SOURCES[step.source]!;
  const isV4 = source.counts !== "c";
  const preceding = isV4 ? step.preceding : step.preceding & ~7;
  packet.family = isV4 ? 4 : 6;
  packet.protocol = step.protocol;
  packet.identification = step.identification;
  packet.isFragment = true;
  packet.fragmentOffsetBytes = step.start;
  packet.moreFragments = !step.last;
  packet.ipOffset = 24;
  packet.ipHeaderBytes = isV4 ? preceding : 40 + preceding + 8;
  packet.fragmentHeaderOffset = isV4 ? 0 : 24 + 40 + preceding;
  packet.totalBytes = packet.ipHeaderBytes + step.bytes;
  packet.l4Bytes = step.bytes;
  packet.addresses.set([...source.words, ...source.words]);
  packet.addresses[7] = step.destination;
  const { destination, identification, start, last } = step;
  const protocol = isV4 ? step.protocol : "any";
  return {
    key: [step.source, destination, protocol, identification].join(),
    source: source.counts,
    ...{ start, end: start + step.bytes, last, preceding },
  };
}

Deno.test("whatever comes, the tracker decides, counts and hands out as its naive twin does", () => {
  console.log(`    seed ${seed} (SEED=${seed} repeats it, RUNS=n does more)`);
  const verdicts = new Map<number, number>();
  const counts: Record<string, number> = {};
  fc.assert(
    fc.property(limits, script, (limits, steps) => {
      const pair = new Pair(limits);
      for (const step of steps) pair.step(step);
      pair.settle();
      for (const [verdict, n] of pair.verdicts) {
        verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + n);
      }
      for (const [name, n] of Object.entries(pair.tracker.counts)) {
        counts[name] = (counts[name] ?? 0) + n;
      }
    }),
    { seed, numRuns: runs },
  );
  const named = Object.entries(FRAGMENT).map(([name, code]) => [name, verdicts.get(code) ?? 0]);
  console.log(
    `    forwarded ${verdicts.get(0)}, ${named.map((pair) => pair.join(" ")).join(", ")}`,
  );
  console.log(`    ${JSON.stringify(counts)}`);
  for (const [name, n] of named) assert.ok(Number(n) > 0, `the scripts are too tame for ${name}`);
  for (const [name, n] of Object.entries(counts)) assert.ok(n > 0, `nothing was ${name}`);
});

Deno.test("no receiver gets fragments of one datagram that overlap or that exceed it", () => {
  console.log(`    seed ${seed}`);
  fc.assert(
    fc.property(limits, script, (limits, steps) => {
      const pair = new Pair(limits);
      for (const step of steps) pair.step(step);
      for (const parts of pair.forwarded.values()) {
        const sorted = parts.toSorted((a, b) => a.start - b.start);
        assert.equal(sorted[0]!.start, 0);
        for (let i = 1; i < sorted.length; i++) assert.ok(sorted[i]!.start >= sorted[i - 1]!.end);
        assert.ok(sorted.slice(0, -1).every((part) => !part.last));
        assert.equal(new Set(parts.map((part) => part.key)).size, 1);
        assert.ok(sorted[0]!.preceding + sorted.at(-1)!.end <= 65535);
      }
    }),
    { seed, numRuns: 500 },
  );
});
