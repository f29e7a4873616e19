/**
 * What `--client` and `--server` take: an address, a prefix, an address with a port, or `:port`.
 *
 * @module
 */
import { AdminError } from "../control/admin_protocol.ts";
import { type EndpointFilter, readEndpointFilter } from "../wire/endpoint_filter.ts";

/** Reads the value of `--client` or `--server`. @throws {AdminError} */
export function parseEndpointFilter(option: string, text: string): EndpointFilter {
  try {
    return readEndpointFilter(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new AdminError(
      `Cannot use --${option} ${text}: need ADDRESS, PREFIX/LENGTH, ADDRESS:PORT or :PORT` +
        (text.includes("/") ? ` (${error.message})` : ""),
      2,
    );
  }
}
