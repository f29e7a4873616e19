import type { NatConfig } from "../config/nat_config.ts";
import { REASON } from "../session/path_reason.ts";
import { isNatEndpoint } from "./instruction_rebuild.ts";
import type { OperatorState } from "./operator_state.ts";
import type { SessionNotes } from "./session_notes.ts";
import type { SessionPauses } from "./session_pauses.ts";
import type { StartRestrictions } from "./start_restrictions.ts";

/** Why a session that meets the criteria stays via NAT for now. */
export interface Objection {
  /** One of REASON, and the number that it names. */
  readonly reason: number;
  readonly value: number;
  /** After so long the criteria decide again; absent: when something changes. */
  readonly retryMs?: number;
  /** More than the reason can say, for the events. */
  readonly detail?: string;
}

/** Asked before an instruction goes out; null: nothing speaks against it. */
export type Obstacle = (slot: number) => Objection | null;

/** What an agent says of itself, as far as decisions need it. */
export interface AgentState {
  readonly name: string;
  readonly able: boolean;
  /** It gives no sign of life. */
  readonly silent?: boolean;
  /** Boot time of its newest report. */
  readonly lastReportMs?: number | null;
}

export interface ObstaclesOptions {
  readonly notes: SessionNotes;
  readonly operator: OperatorState;
  readonly restrictions: StartRestrictions;
  readonly pauses: SessionPauses;
  /** The connected agent that speaks for a server (`address:port`), if any. */
  readonly agentFor: (server: string) => AgentState | undefined;
  readonly snat: () => NatConfig["snat"];
}

/** Before a restriction is asked about again; what may stay false for long is asked less and less. */
const RETRY_MS = 1_000;

/** What may always speak against a bypass, in the order in which it is asked. */
export function usualObstacles(options: ObstaclesOptions): Obstacle[] {
  const { notes, operator, restrictions, pauses, agentFor, snat } = options;
  return [
    function ofOperator(slot) {
      const server = notes.server(slot);
      const service = notes.service(slot)?.name ?? "";
      if (operator.stops(notes.session(slot), service, server)) {
        return { reason: REASON.operator, value: 0 };
      }
      return operator.drains(server) ? { reason: REASON.draining, value: 0 } : null;
    },
    function ofAgent(slot) {
      const agent = agentFor(notes.server(slot));
      if (agent === undefined) return { reason: REASON.noAgent, value: 0 };
      if (agent.silent) return { reason: REASON.agentSilent, value: 0 };
      return agent.able ? null : { reason: REASON.agentUnable, value: 0 };
    },
    // A session whose NAT endpoint or server was taken out of the configuration lives on via NAT.
    function ofConfiguration(slot) {
      const isAllowed = isNatEndpoint(snat(), notes.nat(slot)) && notes.isServed(slot);
      return isAllowed ? null : { reason: REASON.policyChanged, value: 0 };
    },
    function ofCriteria(slot) {
      const restriction = restrictions.look(slot);
      if (restriction === null) return null;
      const { reason, value, mayChange, error } = restriction;
      if (!mayChange) return { reason, value };
      const retryMs = reason === REASON.where
        ? pauses.grow(slot, notes.id(slot), RETRY_MS)
        : RETRY_MS;
      return { reason, value, retryMs, ...(error !== undefined && { detail: error }) };
    },
  ];
}
