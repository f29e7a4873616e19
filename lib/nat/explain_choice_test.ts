import assert from "node:assert/strict";
import type { ServiceConfig } from "../config/nat_config.ts";
import { parseEndpoint } from "../wire/address.ts";
import { explainChoice } from "./explain_choice.ts";
import type { ExplainContext } from "./explain.ts";

const CLIENT = parseEndpoint("198.51.100.2:40000");
const [KEPT, OTHER] = ["10.0.0.11:80", "10.0.0.12:80"] as const;

/** What is told of a client whose earlier sessions were with a server of this weight and share. */
function choose(weight: number, share: number) {
  const service = {
    name: "web",
    scheduler: "round-robin",
    affinity: { ipv4: 32, ipv6: 128, timeoutMs: 1000 },
    servers: [
      { address: parseEndpoint(KEPT), weight },
      { address: parseEndpoint(OTHER), weight: 1 },
    ],
  } as unknown as ServiceConfig;
  const context = {
    server: (_service: string, address: string) => ({
      health: "up",
      healthReason: null,
      draining: false,
      share: address === KEPT ? share : 1,
      sessions: 0,
    }),
    keptFor: () => KEPT,
    scheduled: () => OTHER,
  } as unknown as ExplainContext;
  const { server, steps } = explainChoice(CLIENT, service, context);
  return [server, steps.find(({ step }) => step === "affinity")?.detail];
}

Deno.test("a client's earlier server keeps it as long as it takes sessions, whatever keeps it from that", () => {
  const kept = "the server of this client's earlier sessions";
  assert.deepEqual(choose(1, 1), [KEPT, kept]);
  assert.deepEqual(choose(1, 0), [OTHER, `${kept} takes none now`]);
  assert.deepEqual(choose(0, 1), [OTHER, `${kept} takes none now`]);
});
