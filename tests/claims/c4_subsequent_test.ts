/**
 * C4: once stored, the instructions serve all subsequent response packets of that session, sent
 * directly: the NAT machine sees no response packet of it any more.
 */
import assert from "node:assert/strict";
import { rootTest } from "../support/root_test.ts";
import { datagramService, NEEDS, sharedLab } from "./support/claim_lab.ts";
import { hashOf } from "./support/nginx.ts";

const CRITERION_BYTES = 1024 * 1024;
const CRITERION_PACKETS = 100;

const lab = sharedLab({
  services: [
    { name: "web", port: 80, start: { bytes: CRITERION_BYTES } },
    datagramService({ packets: CRITERION_PACKETS }),
  ],
});

rootTest(
  "C4: the NAT machine's count of a TCP session's responses stays still",
  NEEDS,
  async () => {
    const claim = await lab();
    const { large, small } = claim.files;
    // Several requests over one connection, to its very end: all of them are the same session.
    const files = [large, small, small, large];
    await using curl = claim.curl({ paths: files.map(({ path }) => path) });
    await curl.readTo(4 * CRITERION_BYTES);
    const { server, nat, packets } = await claim.takes("bypass", curl.client);
    const seen = await claim.flows.intoNat(server, nat, "tcp");
    const before = await claim.responses(curl.client);
    assert.ok(seen.bytes >= CRITERION_BYTES, `${seen.bytes} bytes before the instruction`);

    const result = await curl.result();
    assert.equal(result.sha256, hashOf(...files));
    assert.equal(result.connections, 1);
    assert.deepEqual(await claim.flows.intoNat(server, nat, "tcp"), seen);
    const { viaNat, direct } = await claim.responses(curl.client);
    assert.deepEqual(viaNat, before.viaNat);
    assert.ok(direct.bytes > large.content.length, `${direct.bytes} bytes directly`);
    // The program's own count agrees with the kernel's.
    assert.equal((await claim.session(curl.client)).packets.viaNat, packets.viaNat);
  },
);

rootTest("C4: likewise of a UDP session's", { tools: ["nft"] }, async () => {
  const claim = await lab();
  await using udp = claim.datagrams();
  await udp.more(CRITERION_PACKETS);
  const { server, nat } = await claim.takes("bypass", udp.client);
  const seen = await claim.flows.intoNat(server, nat, "udp");
  assert.equal(seen.packets, CRITERION_PACKETS);

  await udp.more(3_000);
  assert.deepEqual(await claim.flows.intoNat(server, nat, "udp"), seen);
  const { direct } = await claim.responses(udp.client, "udp");
  assert.equal(direct.packets, 3_000);
});
