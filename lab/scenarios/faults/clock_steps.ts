import { WallClock } from "../../wall_clock.ts";
import { CONTROL_PORT } from "../../ports.ts";
import { formatDuration } from "../../terminal.ts";
import { waitFor } from "../../wait.ts";
import {
  checkAllViaNat,
  faultScenario,
  type FaultScene,
  liveSessions,
  pause,
} from "./fault_story.ts";

const HOUR_MS = 3_600_000;

/**
 * Leases, timers and pauses are measured by clocks that nobody sets. The wall clock is for the
 * times of events and for the validity of certificates, which TLS looks at when a connection begins
 * and never again.
 */
export const clockSteps = faultScenario({
  name: "clock-steps",
  description: "the daemons' wall clocks step by hours, then by 20 years, and back",
  needs: ["faketime"],
  prepare: (lab) => WallClock.install(lab),
  configureNat(config, { brief }) {
    if (brief && config.control) config.control.lease = "3s";
  },
  async fault(scene, clock: WallClock) {
    for (const offset of ["+5h", "-3h"]) await checkUnnoticed(scene, clock, offset);
    await checkReconnects(scene, clock);
    await checkOutOfValidity(scene, clock);
  },
});

/** The very same instructions stay in force. */
async function checkUnnoticed(scene: FaultScene, clock: WallClock, offset: string): Promise<void> {
  const instructions = async () =>
    new Set(
      (await liveSessions(scene)).filter((each) => each.path === "bypass")
        .map(({ id, instruction }) => `${id}/${instruction?.generation}`),
    );
  const before = await instructions();
  await clock.step(offset);
  await pause(scene.brief ? 1_500 : 15_000);
  const after = await instructions();
  const gone = [...before].filter((each) => !after.has(each));
  scene.report.check(
    `the clocks step to ${offset}: all ${before.size} instructions stay in force`,
    before.size > 0 && gone.length === 0,
    `${gone.length} of ${before.size} were stopped or replaced`,
  );
}

/** Within the validity of certificates a new connection works whatever the time is. */
async function checkReconnects(scene: FaultScene, clock: WallClock): Promise<void> {
  await clock.step("+5h");
  await cutControlConnection(scene);
  const event = await waitFor("the agent to come back", async () => {
    return (await agentEvents(scene, "nat")).find(({ type, agent, time }) =>
      type === "agent-connected" && agent === "s1" && time > Date.now() + HOUR_MS
    );
  }, { timeoutMs: 40_000 });
  const aheadHours = (event.time - Date.now()) / HOUR_MS;
  scene.report.check(
    `a control connection that breaks while the clocks are 5 h ahead comes back ` +
      `(the event's time is ${aheadHours.toFixed(1)} h ahead)`,
    Math.abs(aheadHours - 5) < 0.1,
  );
  await scene.traffic.bypassing();
}

/** Outside of it the connection stays, but one that breaks does not come back before the clock does. */
async function checkOutOfValidity(scene: FaultScene, clock: WallClock): Promise<void> {
  const { report, traffic, brief } = scene;
  await checkUnnoticed(scene, clock, "+20y");
  await cutControlConnection(scene);
  await checkAllViaNat(scene, "s1", 15_000);
  const events = [...await agentEvents(scene, "nat"), ...await agentEvents(scene, "s1")];
  const refused = events.filter(({ reason }) => /ended on|expired/.test(reason ?? ""));
  report.check(
    `20 years ahead no agent is let in, and the reason is told: ${refused.at(-1)?.reason}`,
    refused.length > 0 && !await scene.lab.isAble("s1"),
    JSON.stringify(events.slice(-3)),
  );
  await pause(brief ? 500 : 10_000);
  await clock.step("+0");
  const rightAt = performance.now();
  await waitFor("the agent to come back", () => scene.lab.isAble("s1"), { timeoutMs: 40_000 });
  report.say(
    `With the right time the agent is back by itself after ` +
      formatDuration(performance.now() - rightAt),
  );
  await traffic.bypassing();
}

/** What `inspect events` tells, oldest first. */
async function agentEvents({ lab }: FaultScene, target: "nat" | "s1"): Promise<Event[]> {
  return await lab.ask<Event[]>("events", target);
}

interface Event {
  readonly time: number;
  readonly type: string;
  readonly agent?: string;
  readonly reason?: string;
}

/** By the kernel, as when a firewall between them forgets it and answers with RST. */
async function cutControlConnection({ lab }: FaultScene): Promise<void> {
  await lab.lab.mustRun("s1", ["ss", "-K", "dport", "=", `:${CONTROL_PORT}`]);
}
