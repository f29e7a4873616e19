/**
 * C6: the instructions identify the header information to be modified: each header field, old value
 * and new.
 */
import assert from "node:assert/strict";
import { ADDRESSES } from "../../lab/topology.ts";
import { waitFor } from "../../lab/wait.ts";
import { rootTest } from "../support/root_test.ts";
import { datagramService, NEEDS, PATIENCE_MS, serverOf, sharedLab } from "./support/claim_lab.ts";

const MIB = 1024 * 1024;
const START = { immediately: true } as const;

const lab = sharedLab({
  services: [{ name: "web", port: 80, start: START }, datagramService(START)],
});

rootTest("C6: an instruction states match and rewrite on both machines", NEEDS, async () => {
  const claim = await lab();
  await using curl = claim.curl();
  await curl.readTo(2 * MIB);
  const session = await claim.takes("bypass", curl.client);
  const server = serverOf(session);
  const atNat = await claim.instruction("nat", session.id);
  const atAgent = await claim.instruction(server, session.id);
  const texts = [
    await claim.bypath.inspectText("nat", "instructions"),
    await claim.bypath.inspectText(server, "instructions"),
  ];
  // Who the two ends are is for nginx and curl to say.
  const { peer, server: from, remote } = await curl.result();

  for (const instruction of [atNat, atAgent]) {
    assert.ok(instruction);
    assert.deepEqual(instruction.match, { source: from, destination: peer });
    assert.deepEqual(instruction.rewrite, { source: remote, destination: curl.client });
    assert.equal(instruction.protocol, "tcp");
    assert.equal(instruction.generation, session.instruction?.generation);
  }
  for (const text of texts) {
    const line = text.find((each) => each.startsWith(session.id)) ?? text.join("\n");
    for (const field of [`${from} > ${peer}`, `${remote} > ${curl.client}`]) {
      assert.ok(line.includes(field), `no "${field}" in: ${line}`);
    }
  }
});

rootTest("C6: the agent's instruction counts what it was used for", NEEDS, async () => {
  const claim = await lab();
  await using curl = claim.curl();
  await curl.readTo(MIB);
  const session = await claim.takes("bypass", curl.client);
  await curl.readMore(4 * MIB);
  // Held: nothing moves but a probe of the window now and then, which the kernel may count meanwhile.
  const counted = await waitFor("the counts to agree", async () => {
    const { direct } = await claim.responses(curl.client);
    const instruction = await claim.instruction(serverOf(session), session.id);
    return instruction?.bytes === direct.bytes && instruction;
  }, { timeoutMs: PATIENCE_MS });
  assert.ok(counted.bytes > 4 * MIB, `${counted.bytes} bytes`);
  assert.ok(counted.packets > 0);
});

rootTest("C6: an instruction for UDP states the same", { tools: ["nft"] }, async () => {
  const claim = await lab();
  await using udp = claim.datagrams();
  await udp.more(1);
  const session = await claim.takes("bypass", udp.client);
  for (const machine of ["nat", "s1"] as const) {
    const instruction = await claim.instruction(machine, session.id);
    assert.ok(instruction);
    assert.equal(instruction.protocol, "udp");
    assert.deepEqual(instruction.match, { source: "10.0.0.11:9100", destination: session.nat });
    assert.deepEqual(instruction.rewrite, {
      source: `${ADDRESSES.vip}:9000`,
      destination: udp.client,
    });
  }
  await udp.more(100);
  const { direct } = await claim.responses(udp.client, "udp");
  assert.ok(direct.packets >= 100);
  assert.equal((await claim.instruction("s1", session.id))?.packets, direct.packets);
});

rootTest("C6: a session without instruction has none on either machine", NEEDS, async () => {
  const claim = await lab();
  await using curl = claim.curl();
  await curl.readTo(MIB);
  const session = await claim.takes("bypass", curl.client);
  await claim.bypath.bypass("stop", "--session", session.id);
  assert.equal(await claim.instruction("nat", session.id), undefined);
  assert.equal(await claim.instruction(serverOf(session), session.id), undefined);
});
