/**
 * C8: the NAT machine transmits instructions to stop; the server then transmits its response packets
 * to the NAT machine again. In the middle of a download no byte is lost.
 */
import assert from "node:assert/strict";
import type { InspectedSession } from "../../lab/inspect_json.ts";
import { waitFor } from "../../lab/wait.ts";
import { ask } from "../../lib/control/admin_client.ts";
import { rootTest } from "../support/root_test.ts";
import {
  type ClaimLab,
  datagramService,
  NEEDS,
  PATIENCE_MS,
  serverOf,
  sharedLab,
} from "./support/claim_lab.ts";
import { since } from "./support/flow_counters.ts";
import { hashOf } from "./support/nginx.ts";

const MIB = 1024 * 1024;
const NOTHING = { packets: 0, bytes: 0 };

const lab = sharedLab({
  services: [
    { name: "web", port: 80, servers: ["s1"], start: { immediately: true } },
    datagramService({ immediately: true }),
  ],
  agents: ["s1"],
});

rootTest("C8: stop in the middle of a download: the rest flows via NAT", NEEDS, async () => {
  const claim = await lab();
  const { large } = claim.files;
  await using curl = claim.curl();
  await curl.readTo(2 * MIB);
  const { id } = await claim.takes("bypass", curl.client);

  await curl.flowDuring(claim.bypath.bypass("stop", "--session", id), 12 * MIB);
  const stopped = await claim.responses(curl.client);
  const roads = await claim.watchRoads();
  const { path, reason, instruction } = await claim.session(curl.client);
  const { sha256 } = await curl.result();
  const { overNat, direct } = await roads();
  const rest = since(stopped, await claim.responses(curl.client));

  assert.equal(sha256, hashOf(large));
  assert.deepEqual([path, reason, instruction], ["nat", "stopped by the operator", null]);
  assert.deepEqual(rest.direct, NOTHING);
  assert.ok(rest.viaNat.bytes > 10 * MIB, `${rest.viaNat.bytes} bytes via NAT after the stop`);
  assert.ok(overNat > rest.viaNat.bytes * 0.9, `${overNat} bytes over the NAT machine's link`);
  assert.ok(direct < rest.viaNat.bytes / 100, `${direct} bytes directly`);
});

rootTest("C8: stop and start, by each of their targets, switch one download", NEEDS, async () => {
  const claim = await lab();
  const { large } = claim.files;
  await using curl = claim.curl({ paths: [large.path, large.path] });
  await curl.readTo(MIB);
  const session = await claim.takes("bypass", curl.client);
  const targets = [
    ["--session", session.id],
    ["--server", session.server],
    ["--service", "web"],
    ["--all"],
  ];
  for (const target of targets) {
    await curl.flowDuring(claim.bypath.bypass("stop", ...target), curl.bytes + MIB);
    const stopped = await passing(claim, session, () => curl.readMore(2 * MIB));
    assert.deepEqual(stopped.direct, NOTHING, `after stop ${target.join(" ")}`);
    assert.ok(stopped.viaNat.bytes > MIB);

    await claim.bypath.bypass("start", ...target);
    const start = claim.takes("bypass", curl.client);
    await curl.flowDuring(start, curl.bytes + MIB);
    const started = await passing(claim, session, () => curl.readMore(2 * MIB));
    assert.deepEqual(started.viaNat, NOTHING, `after start ${target.join(" ")}`);
    assert.ok(started.direct.bytes > MIB);
  }
  assert.equal((await curl.result()).sha256, hashOf(large, large));
});

rootTest(
  "C8: stop is answered when the agent has acknowledged, and not before",
  NEEDS,
  async () => {
    const claim = await lab();
    await using curl = claim.curl();
    await curl.readTo(2 * MIB);
    const session = await claim.takes("bypass", curl.client);
    const agent = claim.bypath.agent(serverOf(session));
    const socket = claim.bypath.socketOf("nat");

    agent.kill("SIGSTOP");
    let answered = false;
    const stop = ask(socket, { verb: "bypass", action: "stop", session: session.id })
      .finally(() => answered = true);
    try {
      // The NAT machine answers other questions meanwhile: it is not for want of time.
      await waitFor("the stop to be on its way", async () => await isStopping(socket, session.id), {
        timeoutMs: PATIENCE_MS,
        everyMs: 1,
      });
      for (let i = 0; i < 20; i++) assert.ok(await isStopping(socket, session.id));
      assert.equal(answered, false);
    } finally {
      agent.kill("SIGCONT");
      await stop;
    }
    assert.equal(await claim.instruction(serverOf(session), session.id), undefined);
    const rest = await passing(claim, session, async () => {
      assert.equal((await curl.result()).sha256, hashOf(claim.files.large));
    });
    assert.deepEqual(rest.direct, NOTHING);
  },
);

rootTest(
  "C8: stop and start in the middle of UDP traffic lose no datagram",
  { tools: ["nft"] },
  async () => {
    const claim = await lab();
    await using udp = claim.datagrams();
    await udp.more(1);
    const { id } = await claim.takes("bypass", udp.client);
    await udp.flowDuring(claim.bypath.bypass("stop", "--session", id));
    const stopped = await claim.responses(udp.client, "udp");
    await udp.more(1_000);
    const rest = since(stopped, await claim.responses(udp.client, "udp"));
    assert.deepEqual([rest.viaNat.packets, rest.direct.packets], [1_000, 0]);

    await claim.bypath.bypass("start", "--session", id);
    await udp.flowDuring(claim.takes("bypass", udp.client));
    const started = await claim.responses(udp.client, "udp");
    await udp.more(1_000);
    const again = since(started, await claim.responses(udp.client, "udp"));
    assert.deepEqual([again.viaNat.packets, again.direct.packets], [0, 1_000]);
    const { viaNat, direct } = await claim.responses(udp.client, "udp");
    assert.equal(viaNat.packets + direct.packets, udp.total);
  },
);

async function isStopping(socket: string, session: string): Promise<boolean> {
  const instructions = await ask(socket, { verb: "instructions" });
  return (instructions as { session: string; state: string }[])
    .some((each) => each.session === session && each.state === "stopping");
}

/** What came to the router of a session while something was done. */
async function passing(claim: ClaimLab, { client }: InspectedSession, run: () => Promise<void>) {
  const before = await claim.responses(client);
  await run();
  return since(before, await claim.responses(client));
}
