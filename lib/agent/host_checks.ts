/** Strict reverse-path filtering (Documentation/networking/ip-sysctl.rst of the kernel). */
const RP_FILTER_STRICT = 1;

/**
 * The value of rp_filter that counts for an interface: the larger one of `all` and its own.
 * 0 where the host does not tell.
 */
export function reversePathFilter(interfaceName: string): number {
  return Math.max(readSetting("all"), readSetting(interfaceName));
}

/**
 * Why responses through this interface cannot be captured, or null. With strict reverse-path
 * filtering the kernel drops the requests of a session as soon as the route back to their source
 * leads into the tun device.
 */
export function captureObstacle(interfaceName: string): string | null {
  if (reversePathFilter(interfaceName) !== RP_FILTER_STRICT) return null;
  return `rp_filter is strict on ${interfaceName}: set net.ipv4.conf.${interfaceName}.rp_filter and net.ipv4.conf.all.rp_filter to 2 or 0`;
}

function readSetting(name: string): number {
  try {
    return Number(Deno.readTextFileSync(`/proc/sys/net/ipv4/conf/${name}/rp_filter`));
  } catch {
    return 0;
  }
}
