/** Whether the kernel has IPv6. Where it has none, the lab and its services do without. */
export function haveIpv6(): boolean {
  try {
    Deno.statSync("/proc/net/if_inet6");
    return true;
  } catch {
    return false;
  }
}
