/**
 * For announcer_test.ts: two kernels and an announcer.
 *
 * ```text
 *   router ── eth0 ───────────── eth0 ── nat (with the announcer)
 *             192.0.2.1          192.0.2.2
 *             on this link too: 203.0.113.0/24, 10.0.1.0/24, 2001:db8:f::/64, 2001:db8:1::/64
 * ```
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

export const NAT_MAC = "02:00:00:00:00:01";
export const ROUTER_MAC = "02:00:00:00:00:02";
const NOBODYS_MAC = "02:00:00:00:00:99";
const PREFIXES = ["203.0.113.0/24", "10.0.1.0/24", "2001:db8:f::/64", "2001:db8:1::/64"];

/** What the announcer's process says after each command. */
export interface Answer {
  readonly answered: number;
  readonly conflicts: readonly string[];
  readonly failures: readonly string[];
}

export class Link implements AsyncDisposable {
  readonly #router = `bypath-announcer-${Deno.pid}-router`;
  readonly #nat = `bypath-announcer-${Deno.pid}-nat`;
  #program: Deno.ChildProcess | null = null;
  #commands: WritableStreamDefaultWriter<Uint8Array> | null = null;
  #answers: ReadableStreamDefaultReader<string> | null = null;

  /** With an announcer that answers for these ranges. */
  static async up(ranges: readonly string[]): Promise<Link> {
    const link = new Link();
    try {
      await link.#build();
      await link.#start(ranges);
      return link;
    } catch (error) {
      await link[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #build(): Promise<void> {
    await run(`ip netns add ${this.#router}`);
    await run(`ip netns add ${this.#nat}`);
    const router = `netns ${this.#router} address ${ROUTER_MAC}`;
    const nat = `netns ${this.#nat} address ${NAT_MAC}`;
    await run(`ip link add eth0 ${router} type veth peer name eth0 ${nat}`);
    // Failures shall come soon, and what is announced shall count at once.
    await this.set("ipv4/neigh/eth0/retrans_time_ms", 50);
    await this.set("ipv6/neigh/eth0/retrans_time_ms", 50);
    await this.set("ipv4/neigh/eth0/locktime", 0);
    for (const [namespace, host] of [[this.#router, 1], [this.#nat, 2]] as const) {
      await run(`ip -n ${namespace} address add 192.0.2.${host}/24 dev eth0`);
      await run(`ip -n ${namespace} address add 2001:db8:2::${host}/64 dev eth0 nodad`);
      await run(`ip -n ${namespace} link set eth0 up`);
    }
    for (const prefix of PREFIXES) await this.router(`ip route add ${prefix} dev eth0`);
    await eventually("both ends to have a link-local address", async () => {
      const addresses = await this.router("ip -6 address") + await this.nat("ip -6 address");
      return addresses.match(/fe80:/g)?.length === 2 && !addresses.includes("tentative");
    });
  }

  async #start(ranges: readonly string[]): Promise<void> {
    const path = fileURLToPath(new URL("_test_announcer.ts", import.meta.url));
    this.#program = new Deno.Command("ip", {
      args: ["netns", "exec", this.#nat, Deno.execPath(), "run", "-A", path, ...ranges],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#commands = this.#program.stdin.getWriter();
    this.#answers = this.#program.stdout.pipeThrough(new TextDecoderStream()).getReader();
    await this.#answers.read();
  }

  /** Has the announcer do something, or nothing: `announce`, `set RANGE…`, `close`, `look`. */
  async tell(command: string): Promise<Answer> {
    await this.#commands!.write(new TextEncoder().encode(`${command}\n`));
    const { value } = await this.#answers!.read();
    return JSON.parse(value!);
  }

  /** Runs a program at the router. */
  async router(command: string): Promise<string> {
    return await run(`ip netns exec ${this.#router} ${command}`);
  }

  /** Runs a program at the NAT machine. */
  async nat(command: string): Promise<string> {
    return await run(`ip netns exec ${this.#nat} ${command}`);
  }

  /** Writes to the router's /proc/sys/net. */
  async set(path: string, value: number): Promise<void> {
    await this.#bash(`echo ${value} > /proc/sys/net/${path}`);
  }

  /** Makes the router forget all neighbours. */
  async forget(): Promise<void> {
    await this.router("ip neighbour flush dev eth0");
  }

  /** The MAC address that the router's kernel finds for an address; null when nobody answers. */
  async find(address: string): Promise<string | null> {
    await this.#bash(`echo > /dev/udp/${address}/9`);
    let entry = await this.#remembered(address);
    await eventually(`the search for ${address} to end`, async () => {
      entry = await this.#remembered(address);
      return entry !== null && !entry.state.includes("INCOMPLETE");
    });
    return entry?.lladdr ?? null;
  }

  /** Makes the router remember that an address is elsewhere. */
  async mislead(address: string): Promise<void> {
    const where = `lladdr ${NOBODYS_MAC} dev eth0 nud stale`;
    await this.router(`ip neighbour replace ${address} ${where}`);
  }

  /** Until the router remembers that an address is there, without having asked. */
  async waitForMac(address: string, mac: string): Promise<void> {
    await eventually(
      `the router to be told that ${address} is at ${mac}`,
      async () => (await this.#remembered(address))?.lladdr === mac,
    );
  }

  async #remembered(address: string): Promise<{ lladdr?: string; state: string[] } | null> {
    return JSON.parse(await this.router(`ip -j neighbour show to ${address}`))[0] ?? null;
  }

  async #bash(script: string): Promise<void> {
    await runArgv(["ip", "netns", "exec", this.#router, "bash", "-c", script]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#commands?.close();
      await this.#answers?.cancel();
      await this.#program?.status;
    } finally {
      for (const name of [this.#router, this.#nat]) {
        await new Deno.Command("ip", { args: ["netns", "delete", name], stderr: "null" }).output();
      }
    }
  }
}

/** Waits ten seconds for a condition at most. */
export async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!await holds()) {
    assert.ok(performance.now() < deadline, `Waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function run(command: string): Promise<string> {
  return await runArgv(command.split(" "));
}

async function runArgv([program, ...args]: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program!, { args }).output();
  assert.ok(success, `${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
