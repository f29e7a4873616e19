/**
 * C3: if no instructions are stored, the response packet goes to the NAT machine, which translates
 * it. With no agent, an agent that is down, or no instruction yet, every byte still arrives.
 */
import assert from "node:assert/strict";
import { rootTest } from "../support/root_test.ts";
import { type ClaimLab, datagramService, NEEDS, serverOf, sharedLab } from "./support/claim_lab.ts";
import { since } from "./support/flow_counters.ts";
import { hashOf } from "./support/nginx.ts";

const MIB = 1024 * 1024;
const MUCH = 1024 * MIB;
const DATAGRAMS = 1_000;

const lab = sharedLab({
  services: [
    { name: "web", port: 80, start: { immediately: true } },
    { name: "later", port: 81, start: { bytes: MUCH } },
    datagramService({ immediately: true }),
  ],
  agents: [],
});

/** Downloads the large file, which has to come whole and by way of the NAT machine alone. */
async function comesViaNat(claim: ClaimLab, port = 80): Promise<string> {
  const { large } = claim.files;
  const roads = await claim.watchRoads();
  await using curl = claim.curl({ port });
  const { sha256 } = await curl.result();
  const { overNat, direct } = await roads();
  const responses = await claim.responses(curl.client);

  assert.equal(sha256, hashOf(large));
  assert.deepEqual(responses.direct, { packets: 0, bytes: 0 });
  assert.ok(responses.viaNat.bytes > large.content.length);
  assert.ok(overNat > large.content.length, `${overNat} bytes by the NAT machine`);
  assert.ok(direct < large.content.length / 100, `${direct} bytes directly`);
  const session = await claim.session(curl.client);
  assert.deepEqual([session.path, session.instruction], ["nat", null]);
  return session.reason;
}

async function datagramsComeViaNat(claim: ClaimLab): Promise<void> {
  await using udp = claim.datagrams();
  await udp.more(DATAGRAMS);
  const { viaNat, direct } = await claim.responses(udp.client, "udp");
  assert.deepEqual([viaNat.packets, direct.packets], [DATAGRAMS, 0]);
}

rootTest("C3: without an agent every byte comes by way of the NAT machine", NEEDS, async () => {
  const claim = await lab();
  assert.equal(await comesViaNat(claim), "no agent connected for the server");
  await datagramsComeViaNat(claim);
});

rootTest("C3: before there is an instruction, likewise", NEEDS, async () => {
  const claim = await lab();
  await claim.bypath.startAgents();
  assert.equal(await comesViaNat(claim, 81), "start criteria not met");
  assert.deepEqual(await claim.bypath.instructions("s1"), []);
  assert.deepEqual(await claim.bypath.instructions("s2"), []);
});

rootTest("C3: an agent killed in the middle of a download costs no byte", NEEDS, async () => {
  const claim = await lab();
  const { large } = claim.files;
  await using curl = claim.curl();
  await curl.readTo(2 * MIB);
  const session = await claim.takes("bypass", curl.client);
  const agent = claim.bypath.agent(serverOf(session));
  const bypassing = await claim.responses(curl.client);
  await curl.readMore(4 * MIB);
  assert.equal(since(bypassing, await claim.responses(curl.client)).viaNat.packets, 0);

  agent.kill("SIGKILL");
  await curl.flowDuring(agent.ended, 20 * MIB);
  const killed = await claim.responses(curl.client);
  const roads = await claim.watchRoads();
  const { sha256 } = await curl.result();
  const { direct } = await roads();
  const rest = since(killed, await claim.responses(curl.client));

  assert.equal(sha256, hashOf(large));
  assert.equal(rest.direct.packets, 0);
  assert.ok(rest.viaNat.bytes > 3 * MIB, `${rest.viaNat.bytes} bytes via NAT after the kill`);
  assert.ok(direct < rest.viaNat.bytes / 100, `${direct} bytes directly after the kill`);
});

rootTest("C3: an agent that is down costs no byte", NEEDS, async () => {
  const claim = await lab();
  await claim.bypath.stopAgent("s1");
  await claim.bypath.stopAgent("s2");
  assert.equal(await comesViaNat(claim), "no agent connected for the server");
  await datagramsComeViaNat(claim);
});
