/**
 * A reload in a running lab: sessions of what did not change notice nothing, what fails changes
 * nothing, and what cannot be reloaded says so.
 */
import assert from "node:assert/strict";
import { BypathLab } from "../../lab/bypath_lab.ts";
import type { NatYaml } from "../../lab/lab_files.ts";
import { ADDRESSES } from "../../lab/topology.ts";
import { waitFor } from "../../lab/wait.ts";
import { ask } from "../../lib/control/admin_client.ts";
import { issueKeys } from "../../lib/control/keys.ts";
import { rootTest } from "../support/root_test.ts";

const NEEDS = { capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"] } as const;

interface Answer {
  readonly message: string;
  readonly changes: readonly string[];
}

let shared: Promise<BypathLab> | null = null;

/** One lab for all tests of this file, with its configuration as it was at the start. */
async function freshLab(): Promise<BypathLab> {
  shared ??= (async () => {
    const lab = await BypathLab.up("faults-reload");
    await lab.startServers();
    await lab.startNat();
    await lab.startAgents();
    return lab;
  })();
  const lab = await shared;
  await reload(lab, () => {});
  await waitFor("the agents", async () => await lab.isAble("s1") && await lab.isAble("s2"));
  return lab;
}

async function reload(lab: BypathLab, change: (config: NatYaml) => void): Promise<Answer> {
  await lab.writeNatConfig(change);
  return await ask(lab.socketOf("nat"), { verb: "reload" }) as Answer;
}

/** A download that bypasses, and what is known of its session. */
async function bypassing(lab: BypathLab) {
  const download = lab.download({ bytes: 60_000_000, rate: 2_000_000 });
  await download.reached(200_000);
  const client = await download.connected();
  const session = async () => (await lab.sessionOf(client))!;
  await waitFor("a bypass", async () => (await session()).path === "bypass");
  const before = await session();
  return {
    session,
    generation: before.instruction!.generation,
    server: before.server,
    async isOk() {
      const { ok } = await download.finish();
      return ok;
    },
  };
}

/** What the configuration in force says of the services, as far as it is shown. */
async function servicesOf(lab: BypathLab): Promise<unknown> {
  const services = await lab.ask<Record<string, unknown>[]>("services");
  return services.map(({ name, vip, scheduler, servers, start, stop }) => [
    ...[name, vip, scheduler, servers, start, stop],
  ]);
}

async function instructionEvents(lab: BypathLab): Promise<number> {
  const events = await ask(lab.socketOf("nat"), { verb: "events", limit: 4000 });
  return (events as { type: string }[]).filter(({ type }) =>
    type === "bypass-started" || type === "bypass-stopped"
  ).length;
}

const web = (config: NatYaml) => config.services.find(({ name }) => name === "web")!;

rootTest(
  "sessions of a service that does not change notice nothing of a reload",
  NEEDS,
  async () => {
    const lab = await freshLab();
    const flow = await bypassing(lab);
    const before = await instructionEvents(lab);
    const { changes } = await reload(lab, (config) => {
      config.services.find(({ name }) => name === "stream")!.bypass = { start: { never: true } };
      config.services.push({ ...web(config), name: "more", port: 81 });
      config.snat.addresses.push("10.0.1.9");
      config.timeouts = { udp: "60s" };
    });
    assert.deepEqual([...changes].sort(), [
      "SNAT addresses 10.0.1.9 added",
      "service more (tcp 203.0.113.10:81) added",
      "service stream: bypass.start.never true added",
      "service stream: bypass.start.packets 100 removed",
      "timeouts.udp 5m is now 1m",
    ]);
    const { path, instruction } = await flow.session();
    assert.deepEqual([path, instruction?.generation], ["bypass", flow.generation]);
    assert.equal(await instructionEvents(lab), before, "nothing was sent to an agent");
    assert.ok(await flow.isOk());
    assert.ok((await lab.download({ bytes: 100_000, url: "http://203.0.113.10:81" }).result()).ok);
  },
);

rootTest(
  "a server that a reload takes away has its bypass stopped, and its session lives on",
  NEEDS,
  async () => {
    const lab = await freshLab();
    const [first, second] = [await bypassing(lab), await bypassing(lab)];
    assert.notEqual(first.server, second.server, "one download on each server");
    const { changes } = await reload(lab, (config) => {
      const service = web(config);
      service.servers = service.servers.filter(({ address, port }) =>
        `${address}:${port}` !== first.server
      );
    });
    assert.deepEqual(changes, [`service web: server ${first.server} removed`]);
    await waitFor("the way via NAT", async () => (await first.session()).path === "nat");
    assert.equal((await first.session()).reason, "the configuration changed");
    const { path, instruction } = await second.session();
    assert.deepEqual([path, instruction?.generation], ["bypass", second.generation]);
    assert.deepEqual([await first.isOk(), await second.isOk()], [true, true]);
  },
);

rootTest("other criteria are decided anew, other stop criteria are not", NEEDS, async () => {
  const lab = await freshLab();
  const flow = await bypassing(lab);
  await reload(
    lab,
    (config) => web(config).bypass = { start: { bytes: "64KiB" }, stop: { idle: "20s" } },
  );
  assert.equal((await flow.session()).instruction?.generation, flow.generation);
  await reload(lab, (config) => web(config).bypass = { start: { bytes: "80KiB" } });
  await waitFor("another instruction", async () => {
    const { instruction } = await flow.session();
    return instruction?.state === "installed" && instruction.generation > flow.generation;
  });
  assert.equal((await flow.session()).reason, "bytes 81920 reached");
  await reload(lab, (config) => web(config).bypass = { start: { never: true } });
  await waitFor("the way via NAT", async () => (await flow.session()).path === "nat");
  assert.ok(await flow.isOk());
});

rootTest(
  "a SNAT address that a reload takes away has its bypass stopped once and for all",
  NEEDS,
  async () => {
    const lab = await freshLab();
    const flow = await bypassing(lab);
    await reload(lab, (config) => config.snat.addresses = ["10.0.1.200", "2001:db8:1::1"]);
    await waitFor("the way via NAT", async () => (await flow.session()).path === "nat");
    assert.equal((await flow.session()).reason, "the configuration changed");
    assert.ok(await flow.isOk());
    assert.ok((await lab.download({ bytes: 100_000 }).result()).ok);
  },
);

const FAILURES: readonly [what: string, change: (config: NatYaml) => void, message: RegExp][] = [
  ["a wrong value", (config) => web(config).port = 0, /port/],
  [
    "certificates that are not there",
    (config) => config.control!.certificate = "no.pem",
    /no\.pem/,
  ],
  ["a VIP that the host has", (config) => web(config).vip = ADDRESSES.nat, /10\.0\.0\.1/],
  [
    "a port that somebody else has",
    (config) => config.control!.listen = `${ADDRESSES.nat}:7401`,
    /Cannot listen for agents on 10\.0\.0\.1:7401/,
  ],
  ["other interfaces", (config) => config.interfaces = ["eth1"], /interfaces .*--takeover/],
  ["another capacity", (config) => config.capacity = 4096, /capacity .*--takeover/],
  ["no control section", (config) => void delete config.control, /control .*--takeover/],
];
for (const [what, change, message] of FAILURES) {
  rootTest(`a reload that fails for ${what} changes nothing`, NEEDS, async () => {
    const lab = await freshLab();
    const flow = await bypassing(lab);
    await using other = lab.startSelf("nat", [
      ...["lab", "traffic", "http-server", "--listen", `${ADDRESSES.nat}:7401`],
    ]);
    await other.waitForLine((line) => line.includes('"event":"listening"'));
    const services = await servicesOf(lab);
    await assert.rejects(
      reload(lab, (config) => {
        config.services.push({ ...web(config), name: "more", port: 81 });
        change(config);
      }),
      (error: Error) => /^Nothing was changed: /.test(error.message) && message.test(error.message),
    );
    assert.deepEqual(await servicesOf(lab), services);
    const { path, instruction } = await flow.session();
    assert.deepEqual([path, instruction?.generation], ["bypass", flow.generation]);
    assert.ok(await flow.isOk());
    const refused = await lab.download({ bytes: 1000, url: "http://203.0.113.10:81" }).result()
      .catch(() => null);
    assert.notEqual(refused?.ok, true, "the other service is not there");
    await lab.writeNatConfig();
    assert.deepEqual(await ask(lab.socketOf("nat"), { verb: "reload" }), {
      message: "Nothing to change",
      changes: [],
    });
  });
}

rootTest(
  "the control channel moves, and agents with it when they do; certificates are replaced",
  NEEDS,
  async () => {
    const lab = await freshLab();
    const flow = await bypassing(lab);
    // Another authority would keep the agents out; another certificate of the same one does not.
    await Deno.mkdir(`${lab.folder}/renewed`);
    for (const file of ["ca.pem", "ca.key"]) {
      await Deno.copyFile(`${lab.folder}/${file}`, `${lab.folder}/renewed/${file}`);
    }
    await issueKeys(`${lab.folder}/renewed`, {
      name: "nat",
      addresses: [ADDRESSES.nat],
      role: "nat",
    });
    const { changes } = await reload(lab, (config) => {
      config.control!.certificate = "renewed/nat.pem";
      config.control!.key = "renewed/nat.key";
    });
    assert.equal(
      changes.filter((line) => line.startsWith("control")).length,
      3,
      changes.join("; "),
    );
    assert.ok(await lab.isAble("s1"), "connections that are there stay");
    assert.equal((await flow.session()).instruction?.generation, flow.generation);
    await lab.stopAgent("s2");
    await lab.startAgent("s2");
    await reload(lab, (config) => config.control!.lease = "20s");
    await waitFor("the agents", async () => await lab.isAble("s1") && await lab.isAble("s2"));
    const { leaseMs } = (await flow.session()).instruction!;
    assert.ok(leaseMs > 10_000, `a lease of ${leaseMs} ms`);
    assert.ok(await flow.isOk());
  },
);

rootTest("a rehearsal says what a reload would do, and does none of it", NEEDS, async () => {
  const lab = await freshLab();
  await lab.writeNatConfig((config) => web(config).servers.pop());
  const rehearse = ["nat", "reload", "--dry-run", "--socket", lab.socketOf("nat")];
  const { code, stdout } = await lab.runSelf("nat", rehearse);
  assert.deepEqual([code, stdout], [
    0,
    "service web: server 10.0.0.12:8080 removed\nWould change 1\n",
  ]);
  assert.equal((await lab.servers()).filter(({ service }) => service === "web").length, 2);
});

Deno.test.afterAll(async () => {
  await (await shared)?.down();
});
