/**
 * C5: the NAT machine determines whether predetermined criteria are satisfied, and only then sends
 * the instructions to that server. Sessions below the criteria never bypass; one that crosses them
 * does, and the reason is recorded with the session.
 */
import assert from "node:assert/strict";
import { DATAGRAM_BYTES, DATAGRAM_PORT } from "./support/datagrams.ts";
import { rootTest } from "../support/root_test.ts";
import { type ClaimLab, datagramService, NEEDS, sharedLab } from "./support/claim_lab.ts";
import { hashOf } from "./support/nginx.ts";

const MIB = 1024 * 1024;
const PACKETS = 100;
const BYTES_PORT = 9_001;

const lab = sharedLab({
  services: [
    { name: "bytes", port: 80, start: { bytes: MIB } },
    { name: "packets", port: 81, start: { packets: PACKETS } },
    { name: "immediately", port: 82, start: { immediately: true } },
    { name: "never", port: 83, start: { never: true } },
    datagramService({ packets: PACKETS }),
    {
      ...datagramService({ bytes: PACKETS * DATAGRAM_BYTES }),
      name: "datagrams-bytes",
      port: BYTES_PORT,
    },
  ],
});

interface BypassStart {
  readonly session: string;
  readonly reason: string;
}

/** Every start of a bypass so far, as `inspect events` tells it. */
async function starts(claim: ClaimLab): Promise<BypassStart[]> {
  const events = await claim.bypath.inspect<(BypassStart & { type: string })[]>("nat", "events");
  return events.filter(({ type }) => type === "bypass-started");
}

async function reasonsOf(claim: ClaimLab, session: string): Promise<string[]> {
  return (await starts(claim)).filter((each) => each.session === session)
    .map(({ reason }) => reason);
}

rootTest("C5: sessions below the criterion never bypass", NEEDS, async () => {
  const claim = await lab();
  const { small } = claim.files;
  const clients = await Promise.all(Array.from({ length: 20 }, async () => {
    await using curl = claim.curl({ paths: [small.path] });
    assert.equal((await curl.result()).sha256, hashOf(small));
    return curl.client;
  }));
  const sessions = await claim.bypath.sessions("--service", "bytes");
  for (const client of clients) {
    const session = sessions.find((each) => each.client === client);
    assert.ok(session, client);
    assert.deepEqual(
      [session.path, session.reason, session.instruction, session.packets.viaBypass],
      ["nat", "start criteria not met", null, 0],
    );
    assert.equal((await claim.responses(client)).direct.packets, 0);
  }
  assert.deepEqual(await starts(claim), []);
});

for (
  const { service, port, reason, leastBytes, leastPackets } of [
    {
      service: "bytes",
      port: 80,
      reason: `bytes ${MIB} reached`,
      leastBytes: MIB,
      leastPackets: 0,
    },
    {
      service: "packets",
      port: 81,
      reason: `packets ${PACKETS} reached`,
      leastBytes: 0,
      leastPackets: PACKETS,
    },
    { service: "immediately", port: 82, reason: "immediately", leastBytes: 0, leastPackets: 1 },
  ]
) {
  rootTest(
    `C5: a session that meets the criterion ${service} bypasses, and says why`,
    NEEDS,
    async () => {
      const claim = await lab();
      await using curl = claim.curl({ port });
      // So much is more than 100 super-packets of 64 KiB.
      await curl.readTo(8 * MIB);
      const session = await claim.takes("bypass", curl.client);
      assert.deepEqual([session.service, session.reason], [service, reason]);
      assert.equal((await curl.result()).sha256, hashOf(claim.files.large));
      const { viaNat, direct } = await claim.responses(curl.client);
      assert.ok(viaNat.bytes >= leastBytes, `${viaNat.bytes} bytes via NAT`);
      assert.ok(viaNat.packets >= leastPackets, `${viaNat.packets} packets via NAT`);
      assert.ok(direct.bytes > 12 * MIB, `${direct.bytes} bytes directly`);
      assert.deepEqual(await reasonsOf(claim, session.id), [reason]);
    },
  );
}

rootTest("C5: with `never` no session bypasses, whatever its size", NEEDS, async () => {
  const claim = await lab();
  await using curl = claim.curl({ port: 83 });
  const roads = await claim.watchRoads();
  assert.equal((await curl.result()).sha256, hashOf(claim.files.large));
  const { direct } = await roads();
  const session = await claim.session(curl.client);
  assert.deepEqual(
    [session.path, session.reason, session.instruction],
    ["nat", "never, by configuration", null],
  );
  assert.equal((await claim.responses(curl.client)).direct.packets, 0);
  assert.ok(direct < MIB / 4, `${direct} bytes directly`);
  assert.deepEqual(await reasonsOf(claim, session.id), []);
});

for (
  const [criterion, port] of [["packets", DATAGRAM_PORT], ["bytes", BYTES_PORT]] as const
) {
  rootTest(`C5: the criterion ${criterion} is met by the very packet that reaches it`, {
    tools: ["nft"],
  }, async () => {
    const claim = await lab();
    await using below = claim.datagrams({ port });
    await using crossing = claim.datagrams({ port });
    await below.more(PACKETS - 1);
    await crossing.more(PACKETS);
    const crossed = await claim.takes("bypass", crossing.client);
    const expected = criterion === "packets" ? PACKETS : PACKETS * DATAGRAM_BYTES;
    assert.equal(crossed.reason, `${criterion} ${expected} reached`);
    assert.equal((await claim.responses(crossing.client, "udp")).viaNat.packets, PACKETS);

    // Everything about the earlier session is decided by now.
    const session = await claim.session(below.client);
    assert.deepEqual(
      [session.path, session.reason, session.instruction],
      ["nat", "start criteria not met", null],
    );
    assert.deepEqual(await reasonsOf(claim, session.id), []);
    const { viaNat, direct } = await claim.responses(below.client, "udp");
    assert.deepEqual([viaNat.packets, direct.packets], [PACKETS - 1, 0]);
  });
}
