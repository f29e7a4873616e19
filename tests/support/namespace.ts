/** For tests: a network namespace of their own, without another process. */
import assert from "node:assert/strict";
import { Fd } from "../../lib/linux/fd.ts";
import { inNetworkNamespace } from "../../lib/linux/network_namespace.ts";

/** As {@link inNetworkNamespace}; checks that `fn` closed what it opened. */
export async function inNamespace(fn: () => void | Promise<void>): Promise<void> {
  const before = new Set(Fd.open);
  await inNetworkNamespace(fn);
  const left = Fd.open.filter((fd) => !before.has(fd)).map((fd) => fd.label);
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
