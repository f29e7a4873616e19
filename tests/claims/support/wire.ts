import { fileURLToPath } from "node:url";
import type { Lab } from "../../../lab/lab.ts";
import type { LabProcess } from "../../../lab/lab_process.ts";
import type { NodeName } from "../../../lab/topology.ts";
import { type Ends, endsOf } from "./ip_packet.ts";
import type { TappedPacket } from "./wire_tap.ts";

export type { TappedPacket } from "./wire_tap.ts";

/** The packets that pass a device of the lab. Disposal ends it. */
export class Tap implements AsyncDisposable {
  readonly #process: LabProcess;

  private constructor(process: LabProcess) {
    this.#process = process;
  }

  /** Sees every packet from now on. */
  static async open(
    lab: Lab,
    place: { readonly node: NodeName; readonly device: string; readonly direction?: "in" | "out" },
  ): Promise<Tap> {
    const { node, device, direction = "in" } = place;
    const process = lab.start(node, program("wire_tap.ts", device, direction));
    await process.waitForLine((line) => line === '"tapping"');
    return new Tap(process);
  }

  /** What has passed so far from one endpoint to another. */
  packets(ends: Ends): TappedPacket[] {
    return this.all().filter(({ hex }) => {
      const { source, destination } = endsOf(Uint8Array.fromHex(hex));
      return source === ends.source && destination === ends.destination;
    });
  }

  all(): TappedPacket[] {
    return this.#process.stdout.lines
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as TappedPacket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
  }
}

/** Sends packets, as they are, out of a device without link-layer headers. */
export async function sendOut(
  lab: Lab,
  { node, device }: { readonly node: NodeName; readonly device: string },
  packets: readonly Uint8Array[],
): Promise<void> {
  const input = packets.map((packet) => packet.toHex()).join("\n");
  await lab.mustRun(node, program("wire_send.ts", device), input);
}

/** The agent's device on a server, into which the kernel routes what goes to a NAT endpoint. */
export async function tunOf(lab: Lab, node: NodeName): Promise<string> {
  const text = await lab.mustRun(node, ["ip", "-json", "link", "show", "type", "tun"]);
  const links = JSON.parse(text) as { ifname?: string }[];
  const name = links.find(({ ifname }) => ifname !== undefined)?.ifname;
  if (name === undefined) throw new Error(`No tun device on ${node}`);
  return name;
}

function program(name: string, ...args: string[]): string[] {
  const path = fileURLToPath(new URL(name, import.meta.url));
  return [Deno.execPath(), "run", "--allow-all", "--no-check", "--quiet", path, ...args];
}
