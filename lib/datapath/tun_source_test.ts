import assert from "node:assert/strict";
import { inNamespace, run } from "../../tests/support/namespace.ts";
import { rootTest } from "../../tests/support/root_test.ts";
import { mapAnonymous } from "../linux/memory.ts";
import { RouteNetlink } from "../linux/rtnetlink.ts";
import { openTun } from "../linux/tun.ts";
import { DROP } from "../session/drop_reason.ts";
import { BATCH, SLOT_BYTES } from "./packet_source.ts";
import { TunSource } from "./tun_source.ts";

rootTest("what the kernel of an IPv6 router says by itself is not for us", {}, async () => {
  await inNamespace(async () => {
    Deno.writeTextFileSync("/proc/sys/net/ipv6/conf/all/forwarding", "1");
    await run("ip link set lo up");
    await run("ip address add 2001:db8:10::11/128 dev lo");
    using tun = openTun({ name: "bypath%d", vnetHeader: true, offload: true });
    using netlink = new RouteNetlink();
    using memory = mapAnonymous(BATCH * SLOT_BYTES);
    const source = new TunSource(tun.fd.number, memory, 0);
    netlink.setLink({ index: tun.interfaceIndex, ipv6Addresses: "none" });
    netlink.setLink({ index: tun.interfaceIndex, up: true });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const noise = source.receive();
    assert.ok(noise > 0);
    for (let i = 0; i < noise; i++) {
      assert.deepEqual([source.frameBytes(i), source.refusal(i)], [0, DROP.notForUs]);
    }
    await run(`ip route add 2001:db8:1::/64 dev ${tun.name}`);
    await run([Deno.execPath(), "eval", SEND]);
    assert.equal(source.receive(), 1);
    assert.equal(source.frameBytes(0), 14 + 48 + 5);
  });
});

const SEND = `
  import { createSocket } from "node:dgram";
  const socket = createSocket("udp6");
  socket.send("hello", 9, "2001:db8:1::2", () => socket.close());
`;
