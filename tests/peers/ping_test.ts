/** `ping` and `tracepath` of iputils, against the VIPs and through them. */
import assert from "node:assert/strict";
import { ADDRESSES, ADDRESSES6 } from "../../lab/topology.ts";
import { rootTest } from "../support/root_test.ts";
import { run, sharedLab } from "./support/peer_lab.ts";

const lab = sharedLab(async (lab) => {
  await lab.startNat();
});

for (
  const { family, vip } of [{ family: 4, vip: ADDRESSES.vip }, { family: 6, vip: ADDRESSES6.vip }]
) {
  for (
    const { bytes, options, words } of [
      { bytes: 56, options: [], words: "" },
      { bytes: 1400, options: ["-M", "do"], words: ", not to be fragmented" },
      { bytes: 20_000, options: [], words: ", in fragments" },
      { bytes: 60_000, options: [], words: ", in fragments" },
    ]
  ) {
    const name = `ping: an IPv${family} VIP answers echo requests of ${bytes} bytes${words}`;
    rootTest(name, { tools: ["ping"] }, async () => {
      const { lab: network } = await lab();
      const pattern = "a7513c";
      const told = await network.mustRun("client", [
        ...["ping", "-n", `-${family}`, "-c", "5", "-i", "0.05", "-W", "5"],
        ...["-s", `${bytes}`, "-p", pattern, ...options, vip],
      ]);
      assert.match(told, /5 packets transmitted, 5 received, 0% packet loss/);
      assert.equal(
        told.match(new RegExp(`^${bytes + 8} bytes from ${vip}: `, "gm"))?.length,
        5,
        told,
      );
      // What came back other than it was sent; ping lists those bytes.
      assert.doesNotMatch(told, /wrong data byte|DUP|corrupt|BAD|truncated/i);
    });
  }

  rootTest(`tracepath: the way to an IPv${family} VIP ends at it, full size`, {
    tools: ["tracepath"],
  }, async () => {
    const told = await run(await lab(), "client", `tracepath -${family} -n -m 5 -p 33434 ${vip}`);
    assert.match(told, new RegExp(`^ *2: +${vip} .*reached$`, "m"), told);
    assert.match(told, /pmtu 1500 hops 2 back 2/);
  });
}
