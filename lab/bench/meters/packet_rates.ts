import { parseKernelCounters } from "../../counters.ts";
import { waitFor } from "../../wait.ts";

/** Packets between two looks that are no load. */
const FEW = 100;

/** What the kernel has counted at both ends of a load, at a moment. */
interface Counts {
  readonly atMs: number;
  readonly offered: number;
  readonly carried: number;
}

/** Packets a second. */
export interface Rates {
  readonly offered: number;
  readonly carried: number;
}

/**
 * The rates of a load of UDP, counted by the kernels of sender and receiver while it goes on: neither
 * a queue that is emptied afterwards nor a receiving program that is slow changes them.
 */
export class PacketRates {
  readonly #offered: () => number;
  readonly #carried: () => number;
  readonly #first: Counts;

  /**
   * Begins to count.
   * @param sender a process at the sender, by its id, and the device that the load leaves by
   * @param receiver a process at the receiver
   */
  constructor(sender: { readonly pid: number; readonly device: string }, receiver: number) {
    const read = (pid: number, file: string) => Deno.readTextFileSync(`/proc/${pid}/net/${file}`);
    this.#offered = () => packetsOut(read(sender.pid, "dev"), sender.device);
    this.#carried = () => datagramsIn(read(receiver, "snmp"));
    this.#first = this.#counts();
  }

  /** Since it began. */
  now(): Rates {
    const last = this.#counts();
    const seconds = (last.atMs - this.#first.atMs) / 1000;
    return {
      offered: (last.offered - this.#first.offered) / seconds,
      carried: (last.carried - this.#first.carried) / seconds,
    };
  }

  /** Settles when next to nothing arrives any more: what waits on the way takes a slow host seconds. */
  async ended(): Promise<void> {
    let before = -Infinity;
    await waitFor("what was offered to have been carried", () => {
      const carried = this.#carried();
      const few = carried - before < FEW;
      before = carried;
      return few;
    });
  }

  #counts(): Counts {
    const [carried, offered] = [this.#carried(), this.#offered()];
    return { atMs: performance.now(), offered, carried };
  }
}

/** Of proc_net(5), `dev`: packets that were to leave by a device, those included that the next one had no room for. Pure. */
export function packetsOut(text: string, device: string): number {
  const line = text.split("\n").find((line) => line.trimStart().startsWith(`${device}:`));
  const fields = line?.split(":")[1]?.trim().split(/\s+/).map(Number) ?? [];
  const [packets, dropped] = [fields[9], fields[11]];
  if (packets === undefined || dropped === undefined) {
    throw new RangeError(`Cannot count the packets of ${device}: the kernel does not name it`);
  }
  return packets + dropped;
}

/** Of proc_net(5), `snmp`: datagrams that came for a socket, also those that it had no room for. Pure. */
export function datagramsIn(text: string): number {
  const counters = parseKernelCounters(text);
  return (counters.get("Udp.InDatagrams") ?? NaN) + (counters.get("Udp.RcvbufErrors") ?? NaN);
}
