import { checkSessionsKept, faultScenario, keepDatagrams, liveSessions } from "./fault_story.ts";

/** What agents hold comes with them: so long may one wait before it dials again. */
const DIAL_MS = 1_000;

/** As when the NAT machine's host was restarted: what agents hold is all that is known. */
export const tableLost = faultScenario({
  name: "table-lost",
  description: "kill -9 of the NAT machine, its table deleted: sessions that bypass are rebuilt",
  configureNat: keepDatagrams,
  async fault(scene) {
    const { lab } = scene;
    const bypassing = (await liveSessions(scene)).filter((session) => session.path === "bypass");
    const killedAt = performance.now();
    lab.nat.kill("SIGKILL");
    await lab.nat.ended;
    await Deno.remove(`${lab.folder}/nat.sessions`);
    await lab.restartNat();
    const downMs = performance.now() - killedAt;
    // Those of flows that bypass; the others' are known to nobody.
    await scene.traffic.bypassing();
    await checkSessionsKept(scene, bypassing);
    return { blockedMs: () => downMs + DIAL_MS, mayBreak: (flow) => !flow.bypasses };
  },
});
