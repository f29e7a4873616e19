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
