import { reversePathFilter } from "../linux/interface_settings.ts";

const RP_FILTER_STRICT = 1;

/**
 * Why responses of a family cannot be captured on their way out of this interface, or null. With
 * strict reverse-path filtering the kernel drops the requests of a session as soon as the route
 * back to their source leads into the tun device. It has no such filter for IPv6.
 */
export function captureObstacle(interfaceName: string, family: 4 | 6): string | null {
  if (family === 6 || reversePathFilter(interfaceName) !== RP_FILTER_STRICT) return null;
  return `rp_filter is strict on ${interfaceName}: set net.ipv4.conf.${interfaceName}.rp_filter and net.ipv4.conf.all.rp_filter to 2 or 0`;
}
