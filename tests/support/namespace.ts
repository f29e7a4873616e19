/** For tests: a network namespace of their own, without another process. */
import assert from "node:assert/strict";
import { LinuxError } from "../../lib/linux/error.ts";
import { Fd } from "../../lib/linux/fd.ts";
import { cString, lastErrno, openLibc } from "../../lib/linux/libc.ts";

const CLONE_NEWNET = 0x40000000;

const NAMESPACE_SYMBOLS = {
  // int unshare(int flags);
  unshare: { parameters: ["i32"], result: "i32" },
  // int setns(int fd, int type);
  setns: { parameters: ["i32", "i32"], result: "i32" },
} as const;

/**
 * Runs `fn` while this thread is in a new, empty network namespace.
 *
 * Sockets that this thread opens through FFI and programs that it starts belong to that namespace;
 * it disappears with the last of them, whatever happens. Sockets of `Deno.connect` and the like
 * need not belong to it. Checks that `fn` closed what it opened.
 */
export async function inNamespace(fn: () => void | Promise<void>): Promise<void> {
  const libc = openLibc();
  const library = Deno.dlopen("libc.so.6", NAMESPACE_SYMBOLS);
  const openBefore = Fd.open.length;
  using home = new Fd(libc.open(cString("/proc/thread-self/ns/net"), 0, 0), "namespace");
  if (library.symbols.unshare(CLONE_NEWNET) < 0) {
    throw new LinuxError("make a namespace", lastErrno(), { call: "unshare" });
  }
  try {
    await fn();
  } finally {
    assert.equal(library.symbols.setns(home.number, CLONE_NEWNET), 0);
    library.close();
  }
  const left = Fd.open.slice(openBefore).filter((fd) => fd !== home).map((fd) => fd.label);
  assert.deepEqual(left, []);
}

/** Runs a program in this thread's namespace and returns what it says; fails when it fails. */
export async function run(command: string | string[]): Promise<string> {
  const [program, ...args] = typeof command === "string" ? command.split(" ") : command;
  const { success, stdout, stderr } = await new Deno.Command(program!, { args }).output();
  assert.ok(success, `${program}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/**
 * New interfaces of this thread's namespace get no IPv6, so that the kernel sends nothing by
 * itself, and tests see their own packets alone.
 */
export function disableIpv6(): void {
  Deno.writeTextFileSync("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}

/** A pair of connected interfaces without addresses that are up; answers their indexes. */
export async function makeVethPair(a: string, b: string): Promise<[number, number]> {
  disableIpv6();
  await run(`ip link add ${a} type veth peer name ${b}`);
  await run(`ip link set ${a} up`);
  await run(`ip link set ${b} up`);
  const indexOf = async (name: string): Promise<number> =>
    JSON.parse(await run(`ip -j link show ${name}`))[0].ifindex;
  return [await indexOf(a), await indexOf(b)];
}
