import { lastErrno, LinuxError } from "./error.ts";
import { openLibc } from "./libc.ts";

/** The names of linux/capability.h; the position is the bit. */
const NAMES = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_LINUX_IMMUTABLE",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_BROADCAST",
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_IPC_LOCK",
  "CAP_IPC_OWNER",
  "CAP_SYS_MODULE",
  "CAP_SYS_RAWIO",
  "CAP_SYS_CHROOT",
  "CAP_SYS_PTRACE",
  "CAP_SYS_PACCT",
  "CAP_SYS_ADMIN",
  "CAP_SYS_BOOT",
  "CAP_SYS_NICE",
  "CAP_SYS_RESOURCE",
  "CAP_SYS_TIME",
  "CAP_SYS_TTY_CONFIG",
  "CAP_MKNOD",
  "CAP_LEASE",
  "CAP_AUDIT_WRITE",
  "CAP_AUDIT_CONTROL",
  "CAP_SETFCAP",
  "CAP_MAC_OVERRIDE",
  "CAP_MAC_ADMIN",
  "CAP_SYSLOG",
  "CAP_WAKE_ALARM",
  "CAP_BLOCK_SUSPEND",
  "CAP_AUDIT_READ",
  "CAP_PERFMON",
  "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
] as const;

export type Capability = typeof NAMES[number];

/** The capabilities that this process has in force (capabilities(7)). */
export function effectiveCapabilities(): Capability[] {
  return parseCapabilities(Deno.readTextFileSync("/proc/self/status"));
}

/** Whether this process has one in force. */
export function hasCapability(name: Capability): boolean {
  return effectiveCapabilities().includes(name);
}

/** Those of `wanted` that this process lacks. */
export function missingCapabilities(wanted: readonly Capability[]): Capability[] {
  const present = effectiveCapabilities();
  return wanted.filter((name) => !present.includes(name));
}

/** _LINUX_CAPABILITY_VERSION_3: the sets have 64 bits, in two structs. */
const CAPABILITY_VERSION = 0x20080522;

/**
 * Gives up every capability of this thread but these, for good; those that it lacks stay lacking.
 *
 * Throws LinuxError.
 */
export function keepCapabilities(kept: readonly Capability[]): void {
  const present = effectiveCapabilities();
  const bits = kept.filter((name) => present.includes(name))
    .reduce((sum, name) => sum | 1n << BigInt(NAMES.indexOf(name)), 0n);
  const low = Number(bits & 0xffffffffn);
  const high = Number(bits >> 32n);
  // struct __user_cap_header_struct { u32 version; int pid; }, 0: this thread
  const header = Uint32Array.of(CAPABILITY_VERSION, 0);
  // struct __user_cap_data_struct { u32 effective, permitted, inheritable; }, twice
  const sets = Uint32Array.of(low, low, 0, high, high, 0);
  const result = openLibc().capset(header, sets);
  const errno = lastErrno();
  if (result < 0) throw new LinuxError("give up capabilities", errno, { call: "capset" });
}

/**
 * The effective set of a /proc/PID/status text. Pure.
 *
 * Throws SyntaxError when the text has none.
 */
export function parseCapabilities(status: string): Capability[] {
  const hex = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (hex === undefined) throw new SyntaxError("Cannot read the capabilities: no line CapEff");
  const bits = BigInt(`0x${hex}`);
  return NAMES.filter((_, bit) => ((bits >> BigInt(bit)) & 1n) !== 0n);
}
