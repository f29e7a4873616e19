import assert from "node:assert/strict";
import fc from "fast-check";
import { watchTransfer } from "./_test_transfer.ts";
import { type ProgressSample, ProgressWatch } from "./progress.ts";

/** A session in the middle of a download: everything sent was acknowledged. */
const SAMPLE: ProgressSample = {
  acknowledgement: 10_001,
  zeroWindow: false,
  clientSequence: 500,
  clientResent: 0,
  natSequence: 10_001,
  sequence: 10_001,
  packets: 1,
  bytes: 52,
  resent: 0,
  resentAgain: 0,
};

Deno.test("a path that drops everything is noticed within 3 s of the first loss, before or after it worked", () => {
  fc.assert(fc.property(
    fc.constantFrom(0, 1, 20, 100, 300),
    fc.integer({ min: 0, max: 4_000 }),
    fc.constantFrom(1, MSS, Infinity),
    (rttMs, failsMs, bytesASecond) => {
      const { stopped, firstLossMs } = watchTransfer({
        rttMs,
        lost: (now) => now >= failsMs,
        written: (now) => bytesASecond === Infinity ? Infinity : 1 + now * bytesASecond,
        durationMs: 9_000,
      });
      assert.equal(stopped?.judgement, "stalled");
      assert.ok(stopped.atMs - firstLossMs < 3_000, `${stopped.atMs - firstLossMs} ms`);
    },
  ));
});

Deno.test("a session on a clean path that drops everything from now on is stopped before the third retransmission", () => {
  for (const failsMs of [0, 700, 3_210]) {
    const { stopped } = watchTransfer({
      rttMs: 1,
      lost: (now) => now >= failsMs,
      durationMs: 9_000,
    });
    assert.ok(stopped!.atMs - failsMs < 1_400, `${stopped!.atMs - failsMs} ms`);
  }
});

Deno.test("stacks that wait a second before they send again are judged within 3 s too", () => {
  const { stopped } = watchTransfer({
    rttMs: 20,
    lost: (now) => now >= 1_300,
    smallestRtoMs: 1_000,
    durationMs: 9_000,
  });
  assert.equal(stopped?.judgement, "stalled");
  assert.ok(stopped.atMs - 1_300 < 3_000);
});

Deno.test("where only large packets are lost, the session is stopped though small ones arrive", () => {
  const { stopped, deliveredBytes } = watchTransfer({
    rttMs: 20,
    // A short answer, then a long one.
    written: (now) => now < 1_000 ? 300 : Infinity,
    lost: (_, bytes) => bytes > 1_000,
    durationMs: 9_000,
  });
  assert.deepEqual([stopped?.judgement, deliveredBytes], ["stalled", 300]);
  assert.ok(stopped!.atMs < 4_000);
});

Deno.test("one packet lost in ten is no reason to stop: the path is proven again and again", () => {
  let misjudged = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const random = generator(seed);
    const { stopped, proven } = watchTransfer({
      rttMs: 2 * seed,
      lost: () => random() < 0.1,
      durationMs: 20_000,
    });
    if (stopped !== null) misjudged++;
    else assert.ok(proven > 5, `seed ${seed}: proven ${proven} times`);
  }
  // Four losses of one segment in a row do happen.
  assert.ok(misjudged <= 1, `${misjudged} of 20`);
});

Deno.test("a path that loses four packets in ten is given up", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const random = generator(seed);
    const { stopped } = watchTransfer({
      rttMs: 2,
      lost: () => random() < 0.4,
      durationMs: 60_000,
    });
    assert.ok(stopped !== null, `seed ${seed}`);
  }
});

Deno.test("a client that reads slowly, or not at all for a while, is waited for", () => {
  const { stopped, deliveredBytes } = watchTransfer({
    rttMs: 10,
    lost: () => false,
    reads: (now) => now < 100 || (now > 8_000 && now % 1_500 === 0),
    durationMs: 15_000,
  });
  assert.equal(stopped, null);
  assert.ok(deliveredBytes > 40 * MSS);
});

Deno.test("a client whose window is closed is waited for, even while the server probes it with data", () => {
  const watch = new ProgressWatch(SAMPLE, 0);
  for (let now = 100; now < 60_000; now += 100) {
    const probes = Math.floor(now / 200);
    const sample = { ...SAMPLE, zeroWindow: true, sequence: 10_002 };
    assert.equal(
      watch.observe({ ...sample, packets: 2 + probes, resent: probes, resentAgain: probes }, now),
      "none",
    );
  }
});

Deno.test("an idle session with keep-alives, and one whose client has closed its half, are left alone", () => {
  const watch = new ProgressWatch(SAMPLE, 0);
  for (let now = 1_000; now < 300_000; now += 1_000) {
    // The server's keep-alive has the last number that was acknowledged: nothing is outstanding.
    const sample = { ...SAMPLE, packets: 1 + Math.floor(now / 75_000) };
    assert.equal(watch.observe(sample, now), "none");
  }
  // The client's FIN is answered, and what is sent after it is acknowledged.
  const closed = { ...SAMPLE, clientSequence: 501, packets: 9 };
  for (let now = 301_000; now < 400_000; now += 1_000) {
    const sent = 10_001 + (now - 300_000);
    const sample = { ...closed, acknowledgement: sent, sequence: sent, packets: now };
    assert.equal(watch.observe(sample, now), "proven");
  }
});

Deno.test("an upload whose acknowledgements do not reach the client is noticed by what the client sends again", () => {
  const watch = new ProgressWatch(SAMPLE, 0);
  const at = (now: number, clientResent: number, packets: number) =>
    watch.observe({ ...SAMPLE, clientSequence: 5_000, clientResent, packets }, now);
  assert.equal(at(900, 0, 5), "none");
  assert.equal(at(1_200, 1, 5), "suspect");
  assert.equal(at(1_600, 2, 6), "suspect");
  assert.equal(at(1_800, 3, 6), "suspect");
  assert.equal(at(2_000, 3, 7), "unheard");
  assert.equal(watch.stillMs(2_000), 800);
});

Deno.test("a client that sends again while the server is silent says nothing of the direct path", () => {
  const watch = new ProgressWatch(SAMPLE, 0);
  for (let now = 200; now < 20_000; now += 200) {
    const sample = { ...SAMPLE, clientResent: Math.min(255, now / 200), packets: 5 };
    assert.notEqual(watch.observe(sample, now), "unheard");
  }
});

Deno.test("a client's retransmissions that succeed say nothing of the direct path", () => {
  const watch = new ProgressWatch(SAMPLE, 0);
  for (let now = 100; now < 20_000; now += 100) {
    const clientSequence = 500 + 1448 * Math.floor(now / 600);
    const sample = { ...SAMPLE, clientSequence, clientResent: now % 600 / 100, packets: now };
    assert.notEqual(watch.observe(sample, now), "unheard");
  }
});

Deno.test("a router's word that a packet cannot be delivered counts when nothing shows the contrary", () => {
  const watch = new ProgressWatch(SAMPLE, 0);
  const lost = { ...SAMPLE, sequence: 11_449, packets: 2 };
  assert.equal(watch.observe(lost, 100), "none");
  watch.reported(110);
  assert.equal(watch.observe(lost, 150), "suspect");
  assert.equal(watch.observe(lost, 400), "stalled");
  // Acknowledged meanwhile: the error was about another moment.
  const arrived = { ...lost, acknowledgement: 11_449 };
  assert.equal(watch.observe(arrived, 450), "proven");
  assert.equal(watch.observe({ ...arrived, sequence: 12_897 }, 1_450), "none");
  assert.equal(watch.observe({ ...arrived, sequence: 12_897 }, 2_450), "none");
});

Deno.test("what happened while nobody watched says nothing", () => {
  const watch = new ProgressWatch(SAMPLE, 0);
  const lost = { ...SAMPLE, sequence: 11_449, packets: 2 };
  watch.observe(lost, 100);
  const later = { ...lost, packets: 9, resent: 6, resentAgain: 5 };
  watch.resume(later, 60_000);
  assert.equal(watch.observe(later, 60_100), "none");
  assert.equal(watch.observe({ ...later, resent: 7, resentAgain: 6 }, 60_300), "suspect");
  assert.equal(watch.observe({ ...later, resent: 8, resentAgain: 7 }, 60_900), "stalled");
});

Deno.test("only what did not pass the NAT machine proves the direct path, also where numbers wrap", () => {
  const base = { ...SAMPLE, acknowledgement: -10, natSequence: -10, sequence: -10 };
  const watch = new ProgressWatch(base, 0);
  // Sent again by way of the NAT machine.
  const repaired = { ...base, acknowledgement: 1_438, natSequence: 1_438, sequence: 1_438 };
  assert.equal(watch.observe(repaired, 100), "none");
  assert.equal(
    watch.observe({ ...repaired, acknowledgement: 2_886, sequence: 2_886 }, 200),
    "proven",
  );
  // A FIN counts one, and no counter of data has it.
  const fin = { ...repaired, acknowledgement: 2_887, natSequence: 2_886, sequence: 2_887 };
  assert.equal(watch.observe(fin, 300), "none");
});

Deno.test("acknowledgements of what nobody has sent are no progress, and prove nothing", () => {
  const watch = new ProgressWatch(SAMPLE, 0);
  const lost = { ...SAMPLE, sequence: 11_449, packets: 2 };
  const judgements = new Set<string>();
  let now = 100;
  for (; now < 3_000 && !judgements.has("stalled"); now += 100) {
    const resent = Math.floor(now / 300);
    // Somebody guesses, ever higher, and says that the client has no room either.
    const acknowledgement = (now * 1_000_000) | 0;
    const guess = { ...lost, acknowledgement, zeroWindow: now % 200 === 0 };
    judgements.add(watch.observe({ ...guess, resent, resentAgain: Math.max(0, resent - 1) }, now));
  }
  assert.deepEqual([...judgements].sort(), ["none", "stalled", "suspect"]);
  assert.ok(now < 1_600, `${now} ms`);
});

Deno.test("acknowledgements of what the agent sent since its last report are progress", () => {
  const watch = new ProgressWatch(SAMPLE, 0);
  // A gigabyte a second after a beginning of 500 kB; reports are a second old when the next one comes.
  let sent = 10_001;
  for (let now = 1_000; now < 60_000; now += 1_000) {
    const told = sent | 0;
    sent += now === 1_000 ? 500_000 : 1_000_000_000;
    const sample = { ...SAMPLE, sequence: told, packets: now, acknowledgement: (sent - 1_000) | 0 };
    const early = watch.observe({ ...sample, acknowledgement: told - 1_000 | 0 }, now);
    const late = watch.observe(sample, now + 500);
    if (now > 3_000) assert.deepEqual([early, late], ["none", "proven"], `${now} ms`);
  }
});

const MSS = 1448;

function generator(seed: number): () => number {
  return () => (seed = (seed * 16807) % 2147483647) / 2147483647;
}
