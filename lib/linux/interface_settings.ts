/**
 * Settings of network interfaces under /proc/sys/net (Documentation/networking/ip-sysctl.rst of the kernel), of the namespace
 * that this process is in.
 *
 * @module
 */

/**
 * The value of rp_filter that counts for an interface: the larger one of `all` and its own; 1 is
 * strict. 0 where the host does not tell.
 */
export function reversePathFilter(interfaceName: string): number {
  return Math.max(
    read("ipv4/conf/all/rp_filter"),
    read(`ipv4/conf/${interfaceName}/rp_filter`),
  );
}

/** Whether the kernel keeps IPv6 off an interface, or has none at all. */
export function isIpv6Off(interfaceName: string): boolean {
  return read(`ipv6/conf/${interfaceName}/disable_ipv6`, 1) !== 0;
}

/** Lets an interface carry IPv6, whatever the host's default for new ones is; false when it cannot. */
export function turnIpv6On(interfaceName: string): boolean {
  if (!isIpv6Off(interfaceName)) return true;
  try {
    Deno.writeTextFileSync(`/proc/sys/net/ipv6/conf/${interfaceName}/disable_ipv6`, "0");
    return true;
  } catch {
    return false;
  }
}

/** Mbit/s of an interface; 1000 where the kernel does not know (sysfs-class-net: speed). */
export function linkSpeed(interfaceName: string): number {
  try {
    const speed = Number(Deno.readTextFileSync(`/sys/class/net/${interfaceName}/speed`));
    return speed > 0 ? speed : 1000;
  } catch {
    return 1000;
  }
}

function read(path: string, otherwise = 0): number {
  try {
    return Number(Deno.readTextFileSync(`/proc/sys/net/${path}`));
  } catch {
    return otherwise;
  }
}
