import type { ServiceConfig } from "../config/nat_config.ts";
import type { SchedulerName } from "../policy/scheduler.ts";
import type { SessionView } from "../session/session_view.ts";
import { type Endpoint, formatEndpoint, parseEndpoint } from "../wire/address.ts";
import type { ExplainContext, ExplainStep } from "./explain.ts";

const SCHEDULED: Readonly<Record<SchedulerName, string>> = {
  maglev: "by the client's address and port",
  "source-hash": "by the client's address",
  "round-robin": "the next in turn, as far as nobody comes before",
  "least-sessions": "the fewest sessions for its weight, or one of those",
};

/** Which server a new session of this client would get now, step by step; null: none. */
export function explainChoice(
  client: Endpoint,
  service: ServiceConfig,
  context: ExplainContext,
): { readonly steps: ExplainStep[]; readonly server: string | null } {
  const steps = service.servers.map(({ address, weight }): ExplainStep => {
    const name = formatEndpoint(address);
    const { health, healthReason, draining, share, sessions } = context.server(service.name, name);
    const takes = share > 0 && weight > 0;
    const details = [
      `${name}: health ${health}${healthReason === null ? "" : ` (${healthReason})`}`,
      `weight ${weight}${share > 0 && share < 1 ? `, of which ${percent(share)} count yet` : ""}`,
      `${sessions} sessions`,
      ...(draining ? ["draining"] : []),
    ];
    return {
      step: "server",
      result: takes ? "eligible" : "not eligible",
      detail: details.join(", "),
    };
  });
  const kept = context.keptFor(client, service);
  if (service.affinity !== undefined) {
    const isListed = kept !== null &&
      service.servers.some(({ address, weight }) => weight > 0 && formatEndpoint(address) === kept);
    const takes = isListed && context.server(service.name, kept).share > 0;
    steps.push({
      step: "affinity",
      result: kept ?? "none",
      detail: kept === null
        ? "no earlier session of this client is remembered"
        : takes
        ? "the server of this client's earlier sessions"
        : "the server of this client's earlier sessions takes none now",
    });
    if (takes) return { steps, server: kept };
  }
  const server = context.scheduled(client, service);
  steps.push({
    step: "scheduler",
    result: server ?? "none",
    detail: server === null
      ? `${service.scheduler}: no server takes sessions`
      : `${service.scheduler}: ${SCHEDULED[service.scheduler]}`,
  });
  return { steps, server };
}

/** Why a session is with its server, and what speaks against it by now. */
export function keptStep(
  session: SessionView,
  service: ServiceConfig,
  context: ExplainContext,
): ExplainStep {
  const { health, healthReason, draining, removed } = context.server(
    session.service,
    session.server,
  );
  const now = removed
    ? "no longer in the configuration"
    : `health ${health}${healthReason === null ? "" : ` (${healthReason})`}${
      draining ? ", draining" : ""
    }`;
  const how = context.byAffinity(session)
    ? "chosen by affinity: the client's earlier sessions were there"
    : `chosen by ${service.scheduler} when the session began${other()}`;
  return { step: "server", result: session.server, detail: `${how}; ${now}` };

  function other(): string {
    // Only these decide by the client alone.
    if (service.scheduler !== "maglev" && service.scheduler !== "source-hash") return "";
    const today = context.scheduled(parseEndpoint(session.client), service);
    return today === session.server ? "" : `, which would choose ${today ?? "none"} now`;
  }
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
