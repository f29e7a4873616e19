import type { Endpoint } from "../lib/wire/address.ts";
import type { Refusing } from "./command.ts";

/** The value of an option that is `ADDRESS:PORT`; ends in a usage error when it is not. */
export async function endpointOf(
  command: Refusing,
  option: string,
  text: string,
): Promise<Endpoint> {
  const { parseEndpoint } = await import("../lib/wire/address.ts");
  try {
    return parseEndpoint(text);
  } catch (error) {
    command.error(`${option}: ${(error as Error).message}`);
  }
}

/** Ends in a usage error unless the server of a verb is an address, in brackets or not, or an endpoint. */
export async function checkServer(command: Refusing, server: string): Promise<void> {
  const { IpAddress, parseEndpoint } = await import("../lib/wire/address.ts");
  const parses = (parse: (text: string) => unknown) => {
    try {
      parse(server);
      return true;
    } catch {
      return false;
    }
  };
  const parseAddress = (text: string) => IpAddress.parse(text.replace(/^\[(.*:.*)\]$/, "$1"));
  if (!parses(parseAddress) && !parses(parseEndpoint)) {
    command.error(`"${server}" is neither ADDRESS nor ADDRESS:PORT`);
  }
}

/** Ends in a usage error, whether or not anything runs that could be asked, when a filter cannot be read. */
export async function checkFilters(
  command: Refusing,
  filters: { readonly server?: string; readonly client?: string },
): Promise<void> {
  const { parseEndpointFilter } = await import("../lib/inspect/endpoint_filter.ts");
  for (const option of ["server", "client"] as const) {
    const text = filters[option];
    if (text === undefined) continue;
    try {
      parseEndpointFilter(option, text);
    } catch (error) {
      command.error((error as Error).message);
    }
  }
}
