import type { ServerHealth } from "./health_server.ts";

/**
 * Whether signs in the traffic may take this server down: at most half of a service's servers at a time, and never the
 * last one that is able. Signs are made by packets, and packets by anybody: whatever a flood looks like, and also when the
 * network between us and all servers is at fault, half of them stay.
 *
 * @param servers those of the service with weight, `server` among them
 */
export function mayTakeDown(server: ServerHealth, servers: readonly ServerHealth[]): boolean {
  let paused = 0, able = 0;
  for (const other of servers) {
    if (other === server) continue;
    if (other.isPaused) paused++;
    else if (other.able) able++;
  }
  return able > 0 && paused + 1 <= servers.length / 2;
}
