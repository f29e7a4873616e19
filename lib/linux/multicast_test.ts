import assert from "node:assert/strict";
import { rootTest } from "../../tests/support/root_test.ts";
import { ROOT } from "./_test_end.ts";
import { inNamespace, makeVethPair, run } from "../../tests/support/namespace.ts";
import { LinuxError } from "./error.ts";
import { listenToGroups } from "./multicast.ts";

/** The group of all addresses that end in 01:0203 (RFC 4291 section 2.7.1), and its MAC address. */
const GROUP = group(0x01, 0x02, 0x03);
const GROUP_MAC = "33:33:ff:01:02:03";

function group(a: number, b: number, c: number): Uint8Array {
  return Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c);
}

async function state(): Promise<{ groups: string; flags: string }> {
  const groups = await run("ip maddress show dev va");
  // "allmulti" is the number of those who ask for it.
  const [link] = JSON.parse(await run("ip -d -j link show va"));
  return { groups, flags: String(link.allmulti) };
}

rootTest("an interface listens to a group until the descriptor is closed", ROOT, async () => {
  await inNamespace(async () => {
    const [index] = await makeVethPair("va", "vb");
    const fd = listenToGroups({ interfaceIndex: index, groups: [GROUP] });
    assert.ok((await state()).groups.includes(GROUP_MAC));
    assert.equal((await state()).flags, "0");
    fd.close();
    assert.ok(!(await state()).groups.includes(GROUP_MAC));
  });
});

rootTest("too many groups make the interface take every multicast frame", ROOT, async () => {
  await inNamespace(async () => {
    const [index] = await makeVethPair("va", "vb");
    const groups = Array.from({ length: 200 }, (_, i) => group(0, 0, i));
    const fd = listenToGroups({ interfaceIndex: index, groups });
    assert.equal((await state()).flags, "1");
    fd.close();
    assert.equal((await state()).flags, "0");
  });
});

rootTest("an interface that is not there is an error, and nothing stays open", ROOT, async () => {
  await inNamespace(() => {
    assert.throws(() => listenToGroups({ interfaceIndex: 9999, groups: [GROUP] }), LinuxError);
  });
});
