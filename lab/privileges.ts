import { missingCapabilities } from "../lib/linux/capabilities.ts";
import { LabError } from "./namespace.ts";

/** @throws {LabError} naming the capabilities that the lab needs and this process lacks */
export function requireLabPrivileges(): void {
  const lacking = missingCapabilities(["CAP_NET_ADMIN", "CAP_SYS_ADMIN"]);
  if (lacking.length === 0) return;
  throw new LabError(
    `Cannot use network namespaces: needs ${lacking.join(" and ")}, run it as root`,
  );
}
