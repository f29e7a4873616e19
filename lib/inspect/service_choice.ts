/**
 * `--service` takes a name that is configured, or the endpoint of a VIP, which also finds what is left
 * of a service that the configuration no longer has.
 *
 * @module
 */
import { closest } from "../config/suggest.ts";
import { AdminError } from "../control/admin_protocol.ts";
import type { ServiceView } from "./answers.ts";
import type { Daemon } from "./daemon.ts";

type Named = Pick<ServiceView, "name" | "protocol" | "vip">;

/**
 * The services that are meant.
 * @throws {AdminError} when there is none of that name: a misspelt name is no empty table
 */
export function chosenServices<Service extends Named>(
  services: readonly Service[],
  wanted: string,
): Service[] {
  const chosen = services.filter(({ name, vip }) => name === wanted || vip === wanted);
  if (chosen.length > 0 || isEndpoint(wanted)) return chosen;
  const names = services.map(({ name }) => name);
  const near = closest(wanted, names);
  const hint = near !== undefined
    ? `did you mean "${near}"?`
    : names.length === 0
    ? "there are none"
    : `there is ${names.join(", ")}`;
  throw new AdminError(`There is no service "${wanted}": ${hint}`, 2);
}

/** Tells whether a VIP is one of the wanted service. @throws {AdminError} */
export async function vipMatcher(
  daemon: Daemon,
  wanted: string | undefined,
): Promise<(protocol: string, vip: string) => boolean> {
  if (wanted === undefined) return () => true;
  if (isEndpoint(wanted)) return (_protocol, vip) => vip === wanted;
  const chosen = chosenServices(await servicesOf(daemon, wanted), wanted);
  return (protocol, vip) => chosen.some((one) => one.protocol === protocol && one.vip === vip);
}

async function servicesOf(daemon: Daemon, wanted: string): Promise<ServiceView[]> {
  try {
    return await daemon.ask<ServiceView[]>({ verb: "services" });
  } catch (error) {
    if (!(error instanceof AdminError) || error.exit !== 2) throw error;
    throw new AdminError(
      `An agent knows no services by name: give the VIP of "${wanted}", ` +
        `such as --service 203.0.113.10:80`,
      2,
    );
  }
}

function isEndpoint(wanted: string): boolean {
  return wanted.includes(":");
}
