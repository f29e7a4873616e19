import { restoreNode } from "../../restore_node.ts";
import { formatDuration } from "../../terminal.ts";
import { waitFor } from "../../wait.ts";
import { faultScenario, pause } from "./fault_story.ts";

const DEVICES = ["eth0", "eth1", "eth2"];

/**
 * Forwarding off, interfaces down, neighbours forgotten; then another router stands in its place,
 * with other link addresses, and says so on its links, as routers do.
 */
export const routerRestart = faultScenario({
  name: "router-restart",
  description: "the router is gone for a moment and comes back with other link addresses",
  async fault(scene) {
    const { lab: { lab }, report, brief } = scene;
    const router = (...command: string[]) => lab.mustRun("router", command);
    const set = (path: string, value: string) =>
      router("sh", "-c", `[ ! -e /proc/sys/${path} ] || echo ${value} > /proc/sys/${path}`);
    const started = performance.now();
    await set("net/ipv4/ip_forward", "0");
    await set("net/ipv6/conf/all/forwarding", "0");
    for (const device of DEVICES) await router("ip", "link", "set", "dev", device, "down");
    await router("ip", "neighbour", "flush", "all");
    await pause(brief ? 500 : 2_000);
    await restoreNode(lab, "router");
    await waitFor(
      "the switch to forward to the router again",
      async () =>
        (await lab.mustRun("switch", ["cat", "/sys/class/net/router/brport/state"])).trim() === "3",
      {
        everyMs: 20,
      },
    );
    for (const [index, device] of DEVICES.entries()) {
      // The change of the address makes the kernel announce it.
      await set(`net/ipv4/conf/${device}/arp_notify`, "1");
      await set(`net/ipv6/conf/${device}/ndisc_notify`, "1");
      await router("ip", "link", "set", "dev", device, "address", `02:00:5e:00:53:0${index}`);
    }
    await set("net/ipv4/ip_forward", "1");
    await set("net/ipv6/conf/all/forwarding", "1");
    const downMs = performance.now() - started;
    report.say(`The router was gone for ${formatDuration(downMs)}`);
    return { blockedMs: () => downMs };
  },
});
