/**
 * Several packet workers: each carries its sessions, and no packet is lost to another one, also when
 * their number changes while sessions live.
 */
import assert from "node:assert/strict";
import { BypathLab } from "../../lab/bypath_lab.ts";
import type { InspectedStatus } from "../../lab/inspect_json.ts";
import type { NatYaml } from "../../lab/lab_files.ts";
import { waitFor } from "../../lab/wait.ts";
import { rootTest } from "../support/root_test.ts";

const NEEDS = { capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"] } as const;
const FLOWS = 6;

let shared: Promise<BypathLab> | null = null;

/** One lab for all tests of this file. "never" is the same as "web", always via NAT. */
function theLab(): Promise<BypathLab> {
  shared ??= (async () => {
    const lab = await BypathLab.up("faults-workers");
    await lab.startServers();
    await lab.startNat(withWorkers(2));
    await lab.startAgents((config) => config.workers = 2);
    return lab;
  })();
  return shared;
}

function withWorkers(workers: number): (config: NatYaml) => void {
  return (config) => {
    const web = config.services.find(({ name }) => name === "web")!;
    const bypass = { start: { never: true } } as const;
    config.services.push({ ...web, name: "never", port: 81, bypass });
    config.workers = workers;
  };
}

/** CPU time of each packet worker of a process, as the kernel counts it, in nanoseconds. */
async function cpuTimes(pid: number): Promise<number[]> {
  const times: number[] = [];
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    const task = `/proc/${pid}/task/${name}`;
    const worker = /^packets (\d+)$/m.exec(await Deno.readTextFile(`${task}/comm`))?.[1];
    if (worker === undefined) continue;
    times[Number(worker)] = Number((await Deno.readTextFile(`${task}/schedstat`)).split(" ")[0]);
  }
  return times;
}

/** Downloads over both paths, and numbered datagrams of these sizes: 2000 bytes do not fit a packet. */
async function traffic(
  lab: BypathLab,
  { bytes, rate }: { bytes: number; rate: number },
  sizes: readonly number[],
) {
  const downloads = Array.from({ length: FLOWS }, (_, i) => {
    const url = i % 2 === 0 ? "http://203.0.113.10" : "http://203.0.113.10:81";
    return lab.download({ bytes, rate, url });
  });
  const streams = sizes.map((sizeBytes) => lab.stream({ count: 2000, rate: 500, sizeBytes }));
  await Promise.all(downloads.map((download) => download.reached(200_000)));
  await waitFor(
    "a bypass",
    async () => (await lab.sessions("--path", "bypass")).length >= FLOWS / 2,
  );
  return {
    /** Every byte and every datagram is looked for. */
    async isWhole(): Promise<void> {
      for (const [i, stream] of streams.entries()) {
        const { missing, duplicates, corrupted } = await stream.result();
        const found = { sizeBytes: sizes[i], missing, duplicates, corrupted };
        const wanted = { sizeBytes: sizes[i], missing: 0, duplicates: 0, corrupted: 0 };
        assert.deepEqual(found, wanted);
      }
      for (const download of downloads) {
        const result = await download.finish();
        assert.ok(result.ok, `${result.bytes} of ${bytes} bytes`);
      }
    },
  };
}

/** Of the sessions that live; what is over goes away in its own time. */
const endpoints = async (lab: BypathLab) =>
  (await lab.sessions()).filter(({ state }) => state === "established")
    .map(({ id, nat }) => `${id} ${nat}`).sort();

rootTest("two workers carry traffic, each its own sessions, on both machines", NEEDS, async () => {
  const lab = await theLab();
  const before = { nat: await cpuTimes(lab.nat.pid), s1: await cpuTimes(lab.agent("s1").pid) };
  assert.deepEqual([before.nat.length, before.s1.length], [2, 2]);
  const flows = await traffic(lab, { bytes: 8_000_000, rate: 2_000_000 }, [1000, 2000]);
  const ports = (await lab.sessions()).map(({ nat }) => Number(nat.split(":").at(-1)));
  assert.deepEqual(new Set(ports.map((port) => port % 2)), new Set([0, 1]), `${ports}`);
  await flows.isWhole();
  const after = { nat: await cpuTimes(lab.nat.pid), s1: await cpuTimes(lab.agent("s1").pid) };
  for (const machine of ["nat", "s1"] as const) {
    // The kernel's count: milliseconds of work each, where an idle one takes microseconds.
    const workedMs = after[machine].map((ns, i) => (ns - before[machine][i]!) / 1e6);
    assert.ok(workedMs.every((ms) => ms > 5), `${machine} worked ${workedMs} ms`);
  }
  const { workers, packets } = await lab.status();
  assert.equal(workers.length, 2);
  assert.ok(workers.every(({ received }) => received > 500), JSON.stringify(workers));
  assert.equal(packets.dropped.handover, 0);
  // The kernel steered all but fragments, which have no ports, as the workers would have.
  const handedOver = workers.reduce((sum, worker) => sum + worker.handedOver, 0);
  assert.ok(handedOver > 500 && handedOver < 2 * 2000 + 100, `${handedOver} were handed over`);
});

rootTest("the number of workers changes while sessions live, by takeover", NEEDS, async () => {
  const lab = await theLab();
  const flows = await traffic(lab, { bytes: 60_000_000, rate: 600_000 }, [1000]);
  const before = await endpoints(lab);
  for (const workers of [3, 1, 2]) {
    await lab.writeNatConfig(withWorkers(workers));
    const old = lab.nat;
    await lab.takeOverNat();
    assert.equal((await old.ended).code, 0);
    await waitFor("the agents", async () => await lab.isAble("s1") && await lab.isAble("s2"));
    assert.equal((await lab.status()).workers.length, workers);
    assert.deepEqual(await endpoints(lab), before, `with ${workers}`);
  }
  await flows.isWhole();
  const { packets }: InspectedStatus = await lab.status();
  assert.equal(packets.dropped.handover, 0);
  assert.ok((await lab.download({ bytes: 1_000_000 }).result()).ok, "new sessions work");
});

rootTest(
  "a killed NAT machine's sessions go on with another number of workers",
  NEEDS,
  async () => {
    const lab = await theLab();
    const bytes = 60_000_000;
    const downloads = Array.from(
      { length: FLOWS },
      () => lab.download({ bytes, rate: 600_000, url: "http://203.0.113.10:81" }),
    );
    await Promise.all(downloads.map((download) => download.reached(200_000)));
    const before = await endpoints(lab);
    lab.nat.kill("SIGKILL");
    await lab.nat.ended;
    await lab.writeNatConfig(withWorkers(3));
    await lab.restartNat();
    const after = await endpoints(lab);
    assert.ok(before.every((it) => after.includes(it)), `${before}, then ${after}`);
    for (const download of downloads) assert.ok((await download.finish()).ok);
  },
);

rootTest("what several workers share is left when they end", NEEDS, async () => {
  const lab = await theLab();
  await lab.stopAgent("s1");
  await lab.stopNat();
  await lab[Symbol.asyncDispose]();
});
