import assert from "node:assert/strict";
import { hostState, leftBehind } from "./host_state.ts";
import { rootTest } from "./root_test.ts";

rootTest("hostState() shows a namespace and an interface that were not there before", {
  capabilities: ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"],
  tools: ["ip"],
}, async () => {
  const namespace = `t-p-${Deno.pid}`;
  const before = await hostState();
  await ip("netns", "add", namespace);
  try {
    await ip("link", "add", "t-p-a", "type", "veth", "peer", "name", "eth0", "netns", namespace);
    const left = leftBehind(before, await hostState());
    assert.ok(left.includes(`network namespace ${namespace}`), left.join());
    assert.ok(left.includes("interface t-p-a"), left.join());
  } finally {
    await ip("netns", "delete", namespace);
  }
});

async function ip(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("ip", { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}
