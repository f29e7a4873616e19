/**
 * C5: each of the criteria, and each restriction of them, with real traffic: what does not meet it
 * stays via NAT, what does bypasses, and each session says why.
 */
import assert from "node:assert/strict";
import { waitFor } from "../../lab/wait.ts";
import { rootTest } from "../support/root_test.ts";
import {
  type ClaimLab,
  type ClaimService,
  datagramService,
  NEEDS,
  PATIENCE_MS,
  sharedLab,
} from "./support/claim_lab.ts";
import { hashOf } from "./support/nginx.ts";

const AGE = 9_001, RATE = 9_002, ALL = 9_003, CLIENTS = 9_004, LOAD = 9_005, WHERE = 9_006;
const MIB = 1024 * 1024;

function datagrams(port: number, name: string, start: ClaimService["start"]): ClaimService {
  return { ...datagramService(start), name, port };
}

const lab = sharedLab({
  services: [
    datagrams(AGE, "age", { age: "3s", clients: ["198.51.100.0/24"] }),
    datagrams(RATE, "rate", { rate: "100/s" }),
    datagrams(ALL, "all", { all: [{ packets: 20 }, { age: "3s" }] }),
    datagrams(CLIENTS, "clients", { packets: 5, clients: ["192.0.2.0/24", "198.51.100.3"] }),
    datagrams(LOAD, "load", { packets: 5, load: "20Mbit/s" }),
    datagrams(WHERE, "where", { packets: 5, where: "clientPort % 2 == 0 && bytes > 100" }),
    { name: "servers", port: 80, start: { bytes: "64KiB", servers: ["10.0.0.11"] } },
    { name: "never", port: 81, start: { never: true } },
  ],
});

const WAITING = ["nat", "start criteria not met"];

async function now(claim: ClaimLab, client: string): Promise<string[]> {
  const { path, reason } = await claim.session(client);
  return [path, reason];
}

/** What `inspect explain` says of a session under one heading. */
async function explained(claim: ClaimLab, client: string, step: string): Promise<string> {
  const { protocol, vip } = await claim.session(client);
  const { steps } = await claim.bypath.inspect<
    { steps: { step: string; result: string; detail: string }[] }
  >("nat", "explain", `${protocol} ${client} > ${vip}`);
  const found = steps.filter((it) => it.step === step);
  return found.map(({ result, detail }) => `${result}: ${detail}`).join("\n");
}

/** The events of one kind that are about a session. */
async function told(claim: ClaimLab, type: string, client: string) {
  const events = await claim.bypath.inspect<{ type: string; client?: string; reason?: string }[]>(
    "nat",
    "events",
  );
  return events.filter((event) => event.type === type && event.client === client);
}

rootTest("C5: age, also of a session that goes on slowly", { tools: ["nft"] }, async () => {
  const claim = await lab();
  await using udp = claim.datagrams({ port: AGE });
  await udp.more(1);
  assert.deepEqual(await now(claim, udp.client), WAITING);
  await waitFor("the session to be old enough", async () => {
    return (await claim.session(udp.client)).ageMs >= 3000;
  }, { timeoutMs: PATIENCE_MS, everyMs: 100 });
  assert.deepEqual(await now(claim, udp.client), WAITING);
  await udp.more(1);
  assert.equal((await claim.takes("bypass", udp.client)).reason, "age 3000 ms reached");
  assert.equal((await claim.responses(udp.client, "udp")).viaNat.packets, 2);
});

rootTest("C5: rate, which a burst is not", { tools: ["nft"] }, async () => {
  const claim = await lab();
  await using burst = claim.datagrams({ port: RATE });
  await using stream = claim.datagrams({ port: RATE });
  await burst.more(30);
  await stream.flowDuring(claim.takes("bypass", stream.client));
  assert.deepEqual(await now(claim, stream.client), ["bypass", "rate 100 packets/s reached"]);
  await burst.more(1);
  assert.deepEqual(await now(claim, burst.client), WAITING);
  assert.match(
    await explained(claim, burst.client, "start criteria"),
    /^rate 100 packets\/s: rate \d+ of 100 packets\/s: not met; 31 packets/,
  );
});

rootTest("C5: all of several criteria, met only together", { tools: ["nft"] }, async () => {
  const claim = await lab();
  await using many = claim.datagrams({ port: ALL });
  await using few = claim.datagrams({ port: ALL });
  await many.more(20);
  await few.more(1);
  assert.deepEqual(await now(claim, many.client), WAITING);
  await waitFor("the sessions to be old enough", async () => {
    return (await claim.session(few.client)).ageMs >= 3000;
  }, { timeoutMs: PATIENCE_MS, everyMs: 100 });
  await few.more(1);
  await many.more(1);
  assert.equal((await claim.takes("bypass", many.client)).reason, "all 2 criteria met");
  assert.deepEqual(await now(claim, few.client), WAITING);
  assert.match(
    await explained(claim, few.client, "would change"),
    /^to bypass: packets 20 \(now 2\)$/,
  );
});

rootTest("C5: clients that are not allowed never bypass", { tools: ["nft"] }, async () => {
  const claim = await lab();
  await using udp = claim.datagrams({ port: CLIENTS });
  await udp.more(50);
  const why = "the client is not among those allowed";
  await waitFor("the session to be declined", async () => {
    return (await now(claim, udp.client))[1] === why;
  }, { timeoutMs: PATIENCE_MS });
  await udp.more(50);
  assert.deepEqual((await claim.responses(udp.client, "udp")).direct.packets, 0);
  assert.deepEqual((await told(claim, "bypass-declined", udp.client)).map((it) => it.reason), [
    why,
  ]);
  assert.equal(
    await explained(claim, udp.client, "would change"),
    `to bypass: another configuration: ${why}`,
  );
});

rootTest("C5: only sessions with the servers that are named bypass", NEEDS, async () => {
  const claim = await lab();
  await using one = claim.curl();
  await using two = claim.curl();
  await Promise.all([one.readTo(2 * MIB), two.readTo(2 * MIB)]);
  const sessions = await Promise.all([one, two].map(({ client }) => claim.session(client)));
  const [named, other] = sessions[0]!.server.startsWith("10.0.0.11:") ? [one, two] : [two, one];
  await claim.takes("bypass", named.client);
  assert.deepEqual(await now(claim, other.client), [
    "nat",
    "the server is not among those allowed",
  ]);
  for (const curl of [one, two]) {
    assert.equal((await curl.result()).sha256, hashOf(claim.files.large));
  }
  assert.equal((await claim.responses(other.client)).direct.packets, 0);
});

rootTest("C5: a service with a load bypasses only while the NAT machine carries more", {
  tools: NEEDS.tools,
}, async () => {
  const claim = await lab();
  await using udp = claim.datagrams({ port: LOAD });
  await udp.more(1);
  await waitFor("the load of earlier tests to be over", async () => {
    return /below the configured one: load \d+ bytes\/s, needs more than 20Mbit\/s$/.test(
      await explained(claim, udp.client, "restrictions"),
    );
  }, { timeoutMs: PATIENCE_MS, everyMs: 200 });
  await udp.more(50);
  assert.deepEqual(await now(claim, udp.client), WAITING);
  const bulk = (async () => {
    while ((await now(claim, udp.client))[0] === "nat") {
      await using curl = claim.curl({ port: 81 });
      assert.equal((await curl.result()).sha256, hashOf(claim.files.large));
    }
  })();
  await udp.flowDuring(claim.takes("bypass", udp.client));
  await bulk;
  assert.deepEqual(await now(claim, udp.client), ["bypass", "packets 5 reached"]);
});

rootTest("C5: an expression decides session by session", { tools: ["nft"] }, async () => {
  const claim = await lab();
  await using one = claim.datagrams({ port: WHERE });
  await using two = claim.datagrams({ port: WHERE });
  const [even, odd] = Number(one.client.split(":")[1]) % 2 === 0 ? [one, two] : [two, one];
  await Promise.all([even.more(50), odd.more(50)]);
  assert.equal((await claim.takes("bypass", even.client)).reason, "packets 5 reached");
  assert.deepEqual(await now(claim, odd.client), ["nat", "the where expression is false"]);
  assert.match(
    await explained(claim, odd.client, "would change"),
    /^to bypass: once this changes: the where expression is false(, asked again in [\d.]+m?s)?$/,
  );
  assert.match(await explained(claim, even.client, "would change"), /^to nat: idle 60000 ms, /);
});
