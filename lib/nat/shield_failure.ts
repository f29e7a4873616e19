import { EPERM } from "../linux/constants.ts";
import { LinuxError } from "../linux/error.ts";

const ACTION = "keep packets from this host's own kernel";

/** Why there is no host shield, though this process has CAP_BPF. @param errno 0: it is not known */
export function shieldFailure(errno: number): string {
  if (errno === 0) return `Cannot ${ACTION}`;
  return new LinuxError(ACTION, errno, {
    call: "bpf",
    ...(errno === EPERM && { hint: "is bpf kept away by a filter of system calls?" }),
  }).message;
}
