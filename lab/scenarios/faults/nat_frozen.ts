import { checkSessionsKept, faultScenario, liveSessions, pause } from "./fault_story.ts";

/** Nothing passes meanwhile: every client's packet is for the NAT machine. */
export const natFrozen = faultScenario({
  name: "nat-frozen",
  description: "SIGSTOP of the NAT machine for 15 s, longer than a lease: every session goes on",
  configureNat(config, { brief }) {
    if (brief && config.control) config.control.lease = "3s";
    // Timers run on while nothing is received: no session may end for that.
    if (config.timeouts) config.timeouts.udp = brief ? "6s" : "25s";
  },
  async fault(scene) {
    const { nat } = scene.lab;
    const before = await liveSessions(scene);
    const frozenAt = performance.now();
    nat.kill("SIGSTOP");
    await pause(scene.brief ? 3_500 : 15_000);
    nat.kill("SIGCONT");
    const frozenMs = performance.now() - frozenAt;
    await checkSessionsKept(scene, before);
    return { blockedMs: () => frozenMs };
  },
});
