import { readEndpointFilter } from "../wire/endpoint_filter.ts";
import { AdminError, type AdminRequest } from "./admin_protocol.ts";
import type { LoggedEvent } from "./event_log.ts";

/** Which events are wanted; what is absent does not matter. */
export interface EventFilter {
  /** `bypass-started`, or `bypass` for all that begin with it. */
  readonly types?: readonly string[];
  readonly session?: string;
  readonly service?: string;
  /** `ADDRESS`, `PREFIX/LENGTH`, `ADDRESS:PORT` or `:PORT`. */
  readonly client?: string;
  readonly server?: string;
  readonly agent?: string;
}

/**
 * Whether an event is what a request asks for. An event that does not say what is asked about is not.
 * @throws {AdminError} when the request cannot be read
 */
export function eventFilter(request: AdminRequest): (event: LoggedEvent) => boolean {
  const { types, ...named } = request as AdminRequest & EventFilter;
  const tests: ((event: LoggedEvent) => boolean)[] = [];
  if (types !== undefined) {
    if (!Array.isArray(types)) throw new AdminError("Cannot select events: types is no list", 2);
    tests.push(({ type }) => types.some((it) => type === it || type.startsWith(`${it}-`)));
  }
  for (const name of ["session", "service", "agent"] as const) {
    const wanted = named[name];
    if (wanted !== undefined) tests.push((event) => event[name] === wanted);
  }
  for (const name of ["client", "server"] as const) {
    const wanted = named[name];
    if (wanted !== undefined) tests.push(isEndpoint(name, String(wanted)));
  }
  return (event) => tests.every((isMet) => isMet(event));
}

function isEndpoint(name: "client" | "server", text: string): (event: LoggedEvent) => boolean {
  try {
    const filter = readEndpointFilter(text);
    return (event) => {
      const value = event[name];
      if (typeof value !== "string") return false;
      try {
        return filter.matches(value);
      } catch {
        // Some events are about an address of all ports.
        return value === text;
      }
    };
  } catch (error) {
    throw new AdminError(
      `Cannot select events by ${name} "${text}": ${(error as Error).message}`,
      2,
    );
  }
}
