/**
 * hping3 floods the VIP with SYNs of false sources, and nmap scans it, while ordinary clients are at
 * work: established sessions live, new ones succeed, the program's memory stays what it was.
 */
import assert from "node:assert/strict";
import type { BypathLab } from "../../lab/bypath_lab.ts";
import type { InspectedStatus } from "../../lab/inspect_json.ts";
import { HTTP_PORT } from "../../lab/lab_files.ts";
import type { LabProcess } from "../../lab/lab_process.ts";
import { ADDRESSES } from "../../lab/topology.ts";
import { rootTest } from "../support/root_test.ts";
import { run, serviceOf, sharedLab } from "./support/peer_lab.ts";

const PORTS = { bypass: 80, never: 81 } as const;
const IDLE_SESSIONS = 300;
const CAPACITY = 4_096;
const FLOOD_S = 2;
/** What a flood may add to the memory of the NAT machine's process: caches that fill once. */
const GROWTH_BYTES = 96 * 1024 * 1024;

const lab = sharedLab(async (lab) => {
  await lab.startServers();
  await lab.startNat((config) => {
    config.capacity = CAPACITY;
    config.services = Object.entries(PORTS).map(([name, port]) =>
      serviceOf({
        name,
        port,
        serverPort: HTTP_PORT,
        bypass: name === "never" ? { never: true } : { bytes: "64KiB" },
      })
    );
  });
  await lab.startAgent("s1");
});

rootTest("hping3: a SYN flood of false sources harms neither old sessions nor new ones", {
  tools: ["hping3"],
}, async () => {
  const bypath = await lab();
  const idle = bypath.openSessions(IDLE_SESSIONS);
  await idle.waitForLine((line) => line.includes(`"open":${IDLE_SESSIONS},"failed":0`));
  const before = residentBytes(bypath.nat);

  await aliveDuring(bypath, async () => {
    const { stderr } = await bypath.lab.run("client", [
      ...["timeout", "--signal", "INT", `${FLOOD_S}`],
      ...[
        "hping3",
        "-q",
        "-S",
        "-p",
        "80",
        "--rand-source",
        "--flood",
        "-I",
        "eth0",
        ADDRESSES.vip,
      ],
    ]);
    const sent = Number(/^(\d+) packets transmitted/m.exec(stderr)?.[1]);
    assert.ok(sent > 2 * CAPACITY, stderr);
  });

  const grownBytes = residentBytes(bypath.nat) - before;
  assert.ok(grownBytes < GROWTH_BYTES, `grown by ${grownBytes} bytes`);
  const { sessions } = await bypath.ask<InspectedStatus>("status");
  assert.ok(sessions.total <= CAPACITY, `${sessions.total} sessions`);
  await answerAgain(idle);
  const result = await bypath.download({ bytes: 1_000_000 }).result();
  assert.ok(result.ok, JSON.stringify(result));
  await idle.stop();
});

rootTest("nmap finds the services' ports open and nothing else, and harms nothing", {
  tools: ["nmap"],
}, async () => {
  const bypath = await lab();
  const before = residentBytes(bypath.nat);
  await aliveDuring(bypath, async () => {
    const options = "-n -Pn -T5 --max-retries 1 --host-timeout 15s -oG -";
    const scan = (what: string) =>
      run(bypath, "client", `nmap ${options} ${what} ${ADDRESSES.vip}`);
    assert.deepEqual(openPorts(await scan("-sS -p 1-300")), ["80/open/tcp", "81/open/tcp"]);
    for (const odd of ["-sN", "-sF", "-sX", "-sA"]) {
      const found = openPorts(await scan(`${odd} -p 79-82`));
      assert.deepEqual(found, [], odd);
    }
    assert.deepEqual(openPorts(await scan("-sU -p 53,80,81,161,500")), []);
    await scan("-sO -p 1,2,6,17,47,50,132");
    await scan("-sS -f -p 80");
    await scan("-sS --badsum -p 80");
  });
  const grownBytes = residentBytes(bypath.nat) - before;
  assert.ok(grownBytes < GROWTH_BYTES, `grown by ${grownBytes} bytes`);
});

/** Downloads of both ways that began before succeed. */
async function aliveDuring(lab: BypathLab, attack: () => Promise<void>): Promise<void> {
  const established = Object.values(PORTS).map((port) =>
    lab.download({ bytes: 60_000_000, rate: 1_000_000, url: `http://${ADDRESSES.vip}:${port}` })
  );
  await Promise.all(established.map((each) => each.reached(500_000)));
  await attack();
  for (const each of established) {
    const result = await each.finish();
    assert.ok(result.ok, JSON.stringify(result));
  }
}

/** Each idle session has another request answered. */
async function answerAgain(sessions: LabProcess): Promise<void> {
  const after = sessions.stdout.seen;
  sessions.kill("SIGUSR2");
  const told = await sessions.waitForLine((line) => line.includes('"event":"checked"'), { after });
  assert.deepEqual(JSON.parse(told), { event: "checked", ok: IDLE_SESSIONS, failed: 0 });
}

function residentBytes({ pid }: LabProcess): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** `80/open/tcp` of nmap's grepable output. */
function openPorts(told: string): string[] {
  return told.match(/\b\d+\/open\/\w+/g) ?? [];
}
