import type { BypathLab } from "../../lab/bypath_lab.ts";
import { ask } from "../../lib/control/admin_client.ts";
import type { SessionsAnswer } from "../../lib/inspect/answers.ts";
import { SessionReader } from "../../lib/inspect/session_reader.ts";
import type { SessionView } from "../../lib/session/session_view.ts";
import { readEndpointFilter } from "../../lib/wire/endpoint_filter.ts";

/**
 * The session of a client endpoint as `inspect sessions` would show it, or null, without a program that has to start
 * first: for what is judged by the clock on a busy host.
 */
export async function sessionNow(lab: BypathLab, client: string): Promise<SessionView | null> {
  const answer = await ask(lab.socketOf("nat"), { verb: "sessions" }) as SessionsAnswer;
  using reader = new SessionReader(answer);
  const sessions = [...reader.sessions({ client: readEndpointFilter(client) })];
  // A port used again leaves the older session to be seen for a while.
  return sessions.find(({ state }) => state !== "closed") ?? sessions[0] ?? null;
}
