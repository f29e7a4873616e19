import type { NatConfig } from "../config/nat_config.ts";
import { totalAddresses } from "../config/nat_checks.ts";

/** How many NAT endpoints there are towards one server endpoint of this family. */
export function natEndpointCapacity(
  { addresses, portFirst, portLast }: NatConfig["snat"],
  family: number,
): number {
  return totalAddresses(addresses.filter(({ first }) => first.family === family)) *
    (portLast - portFirst + 1);
}
