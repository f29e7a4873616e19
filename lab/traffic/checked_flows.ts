import type { Flow, FlowPlan, FlowState } from "./flow.ts";
import { announce } from "./program.ts";
import { StreamFlow } from "./stream_flow.ts";
import { Download, Idle, KeptRequests, Upload } from "./tcp_flows.ts";

/** What `checked-flows` prints, one a line. */
export interface FlowsEvent {
  /** `open`: all have begun. `progress`: now and then. `marked`: asked for. `done`: the last one. */
  readonly event: "open" | "progress" | "marked" | "done";
  readonly flows: readonly FlowState[];
}

const PROGRESS_MS = 200;
/** More flows than this are told of only when somebody asks. */
const TOLD_UNASKED = 50;
/** Servers hold a limited number of connections that they have not accepted yet. */
const OPENED_AT_ONCE = 50;

/**
 * `checked-flows FILE`: the flows of the plan in that file, a JSON array, until SIGUSR2 ends them in order. Every
 * byte is compared with what it should be. SIGUSR1 tells how they stand, and begins to measure
 * pauses anew. Fails unless every flow was right and complete.
 */
export async function checkedFlows(file: string): Promise<number> {
  const plan = JSON.parse(await Deno.readTextFile(file)) as FlowPlan[];
  const flows = plan.map(openFlow);
  const tell = (event: FlowsEvent["event"]) => {
    announce<FlowsEvent>({ event, flows: flows.map((flow) => flow.state()) });
  };
  Deno.addSignalListener("SIGUSR1", () => {
    tell("marked");
    for (const flow of flows) flow.mark();
  });
  Deno.addSignalListener("SIGUSR2", () => flows.forEach((flow) => flow.finish()));
  const runs: Promise<void>[] = [];
  for (let at = 0; at < flows.length; at += OPENED_AT_ONCE) {
    const next = flows.slice(at, at + OPENED_AT_ONCE);
    runs.push(...next.map((flow) => flow.run()));
    await Promise.all(next.map((flow) => flow.open));
  }
  const over = Promise.all(runs);
  tell("open");
  const timer = setInterval(() => {
    if (flows.length <= TOLD_UNASKED) tell("progress");
  }, PROGRESS_MS);
  await over;
  clearInterval(timer);
  tell("done");
  const right = flows.every((flow) => flow.state().complete && flow.state().wrong === 0);
  // Signals are still listened to: nothing else would end the program.
  Deno.exit(right ? 0 : 1);
}

function openFlow(plan: FlowPlan): Flow {
  switch (plan.kind) {
    case "download":
      return new Download(plan);
    case "upload":
      return new Upload(plan);
    case "requests":
      return new KeptRequests(plan);
    case "idle":
      return new Idle(plan);
    case "datagrams":
      return new StreamFlow(plan);
  }
}
