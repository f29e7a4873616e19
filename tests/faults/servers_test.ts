/** Servers that answer wrongly, not at all, or are no longer configured, with real traffic. */
import assert from "node:assert/strict";
import { BypathLab } from "../../lab/bypath_lab.ts";
import { HTTP_PORT, listenArguments, type NatYaml, SERVER_NAMES } from "../../lab/lab_files.ts";
import type { LabProcess } from "../../lab/lab_process.ts";
import { ADDRESSES } from "../../lab/topology.ts";
import { waitFor } from "../../lab/wait.ts";
import type { ServerRow } from "../../lib/nat/server_views.ts";
import { Together } from "../support/together.ts";

const together = new Together(3);

const NEEDS = {
  capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"],
  tools: ["curl"],
} as const;
const PATIENCE = { timeoutMs: 30_000 };
const S1 = `${ADDRESSES.s1}:${HTTP_PORT}`, S2 = `${ADDRESSES.s2}:${HTTP_PORT}`;

type Service = NatYaml["services"][number];

function web(changes: Partial<Service> = {}): Service {
  return {
    name: "web",
    vip: ADDRESSES.vip,
    port: 80,
    scheduler: "round-robin",
    servers: SERVER_NAMES.map((name) => ({ address: ADDRESSES[name], port: HTTP_PORT })),
    ...changes,
  };
}

async function startHttp(lab: BypathLab): Promise<Record<"s1" | "s2", LabProcess>> {
  const [s1, s2] = SERVER_NAMES.map((name) =>
    lab.startTraffic(name, "http-server", ...listenArguments(name, HTTP_PORT))
  );
  const listens = (line: string) => line.includes('"event":"listening"');
  await Promise.all([s1!.waitForLine(listens), s2!.waitForLine(listens)]);
  return { s1: s1!, s2: s2! };
}

async function rows(lab: BypathLab): Promise<ServerRow[]> {
  return await lab.ask<ServerRow[]>("servers");
}

/** Waits until the server of a service is so. */
async function becomes(
  lab: BypathLab,
  [service, address]: [string, string],
  wanted: Partial<ServerRow>,
): Promise<ServerRow> {
  let last: ServerRow | undefined;
  try {
    return await waitFor(`${service} ${address} to be so`, async () => {
      last = (await rows(lab)).find((it) => it.service === service && it.address === address);
      const isSo = Object.entries(wanted).every(([key, value]) =>
        last?.[key as keyof ServerRow] === value
      );
      return isSo && last;
    }, PATIENCE);
  } catch (cause) {
    throw new Error(`wanted ${JSON.stringify(wanted)}, but ${JSON.stringify(last)}`, { cause });
  }
}

async function reload(lab: BypathLab, services: Service[]): Promise<void> {
  await lab.writeNatConfig((config) => config.services = services);
  const { code, stderr } = await lab.runSelf("nat", [
    "nat",
    "reload",
    "--socket",
    `${lab.folder}/nat.sock`,
  ]);
  assert.equal(code, 0, stderr);
}

/** What a client at this address hears from the VIP: the server that answered. */
async function ask(lab: BypathLab, client: string, seconds = 15): Promise<string> {
  const url = `http://${ADDRESSES.vip}/`;
  const command = ["curl", "-sS", "--max-time", `${seconds}`, "--interface", client, url];
  const { stdout, stderr } = await lab.lab.run("client", command);
  return stdout.trim() || stderr.trim();
}

async function eventTypes(lab: BypathLab): Promise<string[]> {
  const events = await lab.ask<{ type: string; server?: string }[]>("events");
  return events.map(({ type, server }) => `${type} ${server ?? ""}`);
}

together.test(
  "checks by HTTP and by agents tell who is up, and a reload changes what is asked",
  NEEDS,
  async () => {
    await using lab = await BypathLab.up("faults-servers-checks");
    const timing = { interval: "200ms", timeout: "150ms", rise: 1, fall: 2 };
    const http = (path: string) => web({ health: { http: { path }, ...timing } });
    const app = web({ name: "app", port: 81, health: { agent: {}, ...timing } });
    const programs = await startHttp(lab);
    await lab.startNat((config) => config.services = [http("/"), app]);
    await lab.startAgents();
    await becomes(lab, ["web", S2], { health: "up", healthReason: "HTTP status 200" });
    await becomes(lab, ["app", S2], { health: "up", healthReason: "agent: connected" });

    await reload(lab, [http("/missing"), app]);
    const wrong = { health: "down", healthReason: "HTTP status 404, not 200-399", share: 0 };
    await becomes(lab, ["web", S1], wrong);
    await becomes(lab, ["web", S2], wrong);
    assert.match(await ask(lab, "198.51.100.2"), /^curl: \(7\)/);
    // What did not change was not asked again, and is not unknown meanwhile.
    assert.equal(
      (await becomes(lab, ["app", S2], { health: "up" })).healthReason,
      "agent: connected",
    );
    await reload(lab, [http("/"), app]);
    await becomes(lab, ["web", S1], { health: "up" });
    await becomes(lab, ["web", S2], { health: "up" });

    await programs.s2.stop();
    await becomes(lab, ["web", S2], { health: "down", healthReason: "connection refused" });
    await becomes(lab, ["app", S2], { health: "down", healthReason: "agent: connection refused" });
    for (let n = 0; n < 4; n++) assert.match(await ask(lab, "198.51.100.2"), new RegExp(S1));
    const packet = "tcp 198.51.100.2:4000 > 203.0.113.10:80";
    const explained = (await lab.inspectText("nat", "explain", packet)).join("\n");
    assert.match(explained, /not eligible +10\.0\.0\.12:8080: health down \(connection refused\)/);
    assert.match(explained, /a new session with 10\.0\.0\.11:8080/);

    // An agent that is away says nothing: what was up stays able, what was down stays down.
    await lab.stopAgent("s1");
    await lab.stopAgent("s2");
    await becomes(lab, ["app", S1], {
      health: "unknown",
      healthReason: "its agent is not connected",
      share: 1,
    });
    await becomes(lab, ["app", S2], {
      health: "down",
      healthReason: "agent: connection refused; its agent is not connected",
    });
  },
);

together.test(
  "a server whose answers get lost is noticed by its sessions alone, and comes back by a trial",
  NEEDS,
  async () => {
    await using lab = await BypathLab.up("faults-servers-silent");
    await startHttp(lab);
    const service = web({
      health: {
        tcp: {},
        interval: "500ms",
        timeout: "400ms",
        passive: { failures: 3, within: "20s" },
      },
      slowStart: "2s",
    });
    await lab.startNat((config) => config.services = [service]);
    await becomes(lab, ["web", S2], { health: "up" });
    const blackhole = ["ip", "route", "replace", "blackhole", "10.0.1.0/24"];
    const before = await lab.lab.mustRun("s2", ["ip", "route", "show", "10.0.1.0/24"]);
    await lab.lab.mustRun("s2", blackhole);

    // The checks go on to be good, as they come from another address.
    const clients = [2, 3, 4, 5, 6, 7, 8, 9].map((n) => `198.51.100.${n}`);
    const asked = Promise.all(clients.map((client) => ask(lab, client)));
    const down = await becomes(lab, ["web", S2], { health: "down" });
    assert.match(down.healthReason!, /^[34] sessions in a row failed .* 0 refused with RST/);
    // Who was waiting for it repeats the SYN, and another server answers.
    for (const answer of await asked) assert.match(answer, new RegExp(S1));

    await lab.lab.mustRun("s2", [
      "ip",
      "route",
      "replace",
      ...before.trim().split(/\s+/).filter((word) => word !== ""),
    ]);
    await becomes(lab, ["web", S2], { health: "unknown" });
    await waitFor("the trial to be over", async () => {
      await ask(lab, "198.51.100.2");
      return (await rows(lab)).find(({ address }) => address === S2)?.health === "up";
    }, PATIENCE);
    await becomes(lab, ["web", S2], { health: "up", share: 1 });
    const types = await eventTypes(lab);
    const ofS2 = types.filter((type) => type.endsWith(S2) && type.startsWith("server-"));
    assert.deepEqual(ofS2, ["up", "down", "unknown", "up"].map((type) => `server-${type} ${S2}`));
  },
);

together.test(
  "a server that a reload removes keeps its sessions until they end, and is shown until then",
  NEEDS,
  async () => {
    await using lab = await BypathLab.up("faults-servers-removed");
    await startHttp(lab);
    await lab.startNat((config) =>
      config.services = [web({ bypass: { start: { bytes: "64KiB" } } })]
    );
    await lab.startAgents();
    const downloads = [1, 2].map((seed) =>
      lab.download({ bytes: 60_000_000, rate: 1_000_000, seed })
    );
    await Promise.all(downloads.map((download) => download.reached(1_000_000)));
    const only = web({ servers: [{ address: ADDRESSES.s1, port: HTTP_PORT }] });
    await reload(lab, [only]);
    await becomes(lab, ["web", S2], {
      removed: true,
      draining: true,
      weight: 0,
      sessions: 1,
      healthReason: "no longer in the configuration",
    });
    await waitFor(
      "the session to return to the NAT machine",
      async () =>
        (await lab.sessions()).some(({ server, path, reason }) =>
          server === S2 && path === "nat" && reason !== "start criteria not met"
        ),
      PATIENCE,
    );
    for (let n = 0; n < 4; n++) {
      assert.match(await ask(lab, "198.51.100.2"), new RegExp(S1));
    }
    for (const download of downloads) {
      assert.ok((await download.finish()).ok);
    }
    await waitFor("nothing of it to be left", async () => {
      const types = await eventTypes(lab);
      return types.includes(`server-removed ${S2}`) && types.includes(`server-drained ${S2}`);
    }, PATIENCE);
  },
);
