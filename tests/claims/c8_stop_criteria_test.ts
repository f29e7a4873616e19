/**
 * C8, by itself: the criteria that take a bypass back, and the limit of an agent, with traffic that
 * loses nothing on the way from one path to the other.
 */
import assert from "node:assert/strict";
import { waitFor } from "../../lab/wait.ts";
import { rootTest } from "../support/root_test.ts";
import { datagramService, PATIENCE_MS, sharedLab } from "./support/claim_lab.ts";

const RATE = 9_001, AGE = 9_002, LIMIT = 9_003;

const lab = sharedLab({
  services: [
    {
      ...datagramService({ packets: 5 }),
      name: "rate",
      port: RATE,
      stop: { rate: "50/s", for: "2s" },
    },
    { ...datagramService({ packets: 5 }), name: "age", port: AGE, stop: { age: "3s" } },
    { ...datagramService({ packets: 5 }), name: "limit", port: LIMIT },
  ],
  agents: ["s1"],
  instructions: 2,
});

rootTest("C8: a session whose rate stays low returns, and bypasses again once it is fast", {
  tools: ["nft"],
}, async () => {
  const claim = await lab();
  await using udp = claim.datagrams({ port: RATE });
  await udp.flowDuring(claim.takes("bypass", udp.client));
  const slow = await claim.takes("nat", udp.client);
  assert.equal(slow.reason, "rate below 50 packets/s");
  const { direct } = await claim.responses(udp.client, "udp");
  await udp.more(1);
  assert.equal((await claim.responses(udp.client, "udp")).direct.packets, direct.packets);
  await udp.flowDuring(claim.takes("bypass", udp.client));
  const { viaNat, direct: all } = await claim.responses(udp.client, "udp");
  assert.equal(viaNat.packets + all.packets, udp.total);
});

rootTest(
  "C8: an instruction of its age ends, in the middle of traffic",
  { tools: ["nft"] },
  async () => {
    const claim = await lab();
    await using udp = claim.datagrams({ port: AGE });
    await udp.flowDuring(claim.takes("bypass", udp.client));
    const stopped = await udp.flowDuring(claim.takes("nat", udp.client));
    assert.equal(stopped.reason, "instruction age 3000 ms reached");
    await udp.flowDuring(claim.takes("bypass", udp.client));
    const { viaNat, direct } = await claim.responses(udp.client, "udp");
    assert.equal(viaNat.packets + direct.packets, udp.total);
  },
);

rootTest(
  "C8: at the limit of an agent the busiest sessions bypass",
  { tools: ["nft"] },
  async () => {
    const claim = await lab();
    // What the tests before have left is over.
    await waitFor("the agent to have no instructions", async () => {
      for (const { session } of await claim.bypath.instructions("nat")) {
        await claim.bypath.bypass("stop", "--session", session);
      }
      return (await claim.bypath.instructions("nat")).length === 0;
    }, { timeoutMs: PATIENCE_MS });
    await using one = claim.datagrams({ port: LIMIT });
    await using two = claim.datagrams({ port: LIMIT });
    await using busy = claim.datagrams({ port: LIMIT });
    for (const udp of [one, two]) {
      await udp.more(10);
      await claim.takes("bypass", udp.client);
    }
    await busy.more(10);
    const { path, reason } = await claim.session(busy.client);
    assert.deepEqual([path, reason], ["nat", "the agent has its 2 instructions"]);

    await busy.flowDuring(claim.takes("bypass", busy.client));
    const sessions = await Promise.all([one, two].map((it) => claim.session(it.client)));
    const paths = sessions.map((it) => it.path);
    assert.deepEqual(paths.toSorted(), ["bypass", "nat"]);
    assert.equal(
      sessions.find((it) => it.path === "nat")!.reason,
      "a busier session needed one of the agent's 2 places",
    );
    for (const udp of [one, two, busy]) {
      await udp.more(5);
      const { viaNat, direct } = await claim.responses(udp.client, "udp");
      assert.equal(viaNat.packets + direct.packets, udp.total);
    }
  },
);
