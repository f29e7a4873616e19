/**
 * C2: the server decides per packet: are translation instructions stored here for it? If yes it
 * translates. So one server at one moment has a session that bypasses and one that does not.
 */
import assert from "node:assert/strict";
import { rootTest } from "../support/root_test.ts";
import { type ClaimLab, datagramService, NEEDS, sharedLab } from "./support/claim_lab.ts";
import type { Curl } from "./support/curl.ts";
import { type Responses, since } from "./support/flow_counters.ts";
import { hashOf } from "./support/nginx.ts";

const MIB = 1024 * 1024;
const CRITERION_BYTES = 8 * MIB;
const CRITERION_PACKETS = 100;

const lab = sharedLab({
  services: [
    { name: "web", port: 80, servers: ["s1"], start: { bytes: CRITERION_BYTES } },
    { name: "now", port: 81, servers: ["s1"], start: { immediately: true } },
    datagramService({ packets: CRITERION_PACKETS }),
  ],
  agents: ["s1"],
});

rootTest("C2: the server translates for the session with an instruction alone", NEEDS, async () => {
  const claim = await lab();
  await using bypassing = claim.curl();
  await using other = claim.curl();
  await bypassing.readTo(CRITERION_BYTES + 2 * MIB);
  await other.readTo(MIB);
  await claim.takes("bypass", bypassing.client);
  const { path, instruction } = await claim.session(other.client);
  assert.deepEqual([path, instruction], ["nat", null]);

  const moment = await during(claim, [bypassing, other], async () => {
    await Promise.all([bypassing.readMore(8 * MIB), other.readMore(3 * MIB)]);
  });
  const [first, second] = moment.responses;
  assert.equal(first.viaNat.packets, 0);
  assert.equal(second.direct.packets, 0);
  assertCarried(moment.roads.direct, first.direct.bytes, "directly");
  assertCarried(moment.roads.overNat, second.viaNat.bytes, "by the NAT machine");
  assert.ok(first.direct.bytes > 6 * MIB && second.viaNat.bytes > 2 * MIB);
});

rootTest("C2: of two equal downloads the one that was stopped goes via NAT", NEEDS, async () => {
  const claim = await lab();
  const { large } = claim.files;
  await using one = claim.curl({ port: 81 });
  await using other = claim.curl({ port: 81 });
  await Promise.all([one.readTo(MIB), other.readTo(MIB)]);
  const [stays, goes] = [
    await claim.takes("bypass", one.client),
    await claim.takes("bypass", other.client),
  ];
  assert.equal(stays.server, goes.server);
  await claim.bypath.bypass("stop", "--session", goes.id);

  const results: string[] = [];
  const { responses: [first, second], roads } = await during(claim, [one, other], async () => {
    for (const { sha256 } of await Promise.all([one.result(), other.result()])) {
      results.push(sha256);
    }
  });
  assert.deepEqual(results, [hashOf(large), hashOf(large)]);
  assert.equal(first.viaNat.packets, 0);
  assert.equal(second.direct.packets, 0);
  assertCarried(roads.direct, first.direct.bytes, "directly");
  assertCarried(roads.overNat, second.viaNat.bytes, "by the NAT machine");
  assert.ok(first.direct.bytes > 16 * MIB && second.viaNat.bytes > 16 * MIB);
});

rootTest("C2: two UDP sessions of one server take two ways", { tools: ["nft"] }, async () => {
  const claim = await lab();
  await using bypassing = claim.datagrams();
  await using other = claim.datagrams();
  await Promise.all([bypassing.more(CRITERION_PACKETS), other.more(1)]);
  await claim.takes("bypass", bypassing.client);
  const before = await claim.responses(bypassing.client, "udp");
  await Promise.all([bypassing.more(1_000), other.more(CRITERION_PACKETS - 2)]);

  const first = since(before, await claim.responses(bypassing.client, "udp"));
  const second = await claim.responses(other.client, "udp");
  assert.deepEqual([first.viaNat.packets, first.direct.packets], [0, 1_000]);
  assert.deepEqual([second.viaNat.packets, second.direct.packets], [CRITERION_PACKETS - 1, 0]);
});

/** What came to the router from two downloads while something was done. */
async function during(claim: ClaimLab, [a, b]: [Curl, Curl], run: () => Promise<void>) {
  const before = [await claim.responses(a.client), await claim.responses(b.client)] as const;
  const roads = await claim.watchRoads();
  await run();
  const responses: [Responses, Responses] = [
    since(before[0], await claim.responses(a.client)),
    since(before[1], await claim.responses(b.client)),
  ];
  return { responses, roads: await roads() };
}

/** The interface carried the session's bytes, and nothing else worth mentioning. */
function assertCarried(roadBytes: number, sessionBytes: number, way: string): void {
  const words = `${roadBytes} bytes ${way}, ${sessionBytes} of them the session's`;
  assert.ok(roadBytes > sessionBytes * 0.9 && roadBytes < sessionBytes * 1.1, words);
}
