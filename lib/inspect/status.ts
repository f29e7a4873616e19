/**
 * `inspect status`: exits 0 when the daemon is ready, so that scripts can wait for it.
 *
 * @module
 */
import type { Status } from "./answers.ts";
import type { Daemon } from "./daemon.ts";
import type { InspectHost } from "./host.ts";
import type { InspectOptions } from "./options.ts";
import { paintFor } from "./palette.ts";
import { writeJson } from "./print_rows.ts";
import { formatStatus } from "./status_screen.ts";

export async function printStatus(
  daemon: Daemon,
  options: InspectOptions,
  host: InspectHost,
): Promise<number> {
  const status = await daemon.ask<Status>({ verb: "status" });
  if (options.json) {
    await writeJson(status, host);
    return status.ready ? 0 : 1;
  }
  const later = await laterStatus(daemon, status, host);
  const style = { width: host.columns, paint: paintFor(host) };
  await host.write(formatStatus(status, later, style));
  return later.ready ? 0 : 1;
}

/** A second look tells the rates; nothing moves while the daemon is not ready. */
async function laterStatus(daemon: Daemon, status: Status, host: InspectHost): Promise<Status> {
  if (!status.ready) return status;
  await new Promise((resolve) => setTimeout(resolve, host.rateMs));
  return await daemon.ask<Status>({ verb: "status" });
}
