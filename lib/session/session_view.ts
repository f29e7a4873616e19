import { type Endpoint, formatEndpoint, IpAddress } from "../wire/address.ts";
import { protocolName } from "../wire/protocol.ts";
import {
  DIRECT,
  F64,
  I32,
  INSTRUCTION,
  INSTRUCTION_NAMES,
  RECORD_BYTES,
  U16,
  U8,
} from "./layout.ts";
import { REASON, reasonText } from "./path_reason.ts";
import { formatSessionId } from "./session_id.ts";
import type { SessionRecords } from "./session_records.ts";
import { STATE, STATE_NAMES } from "./tcp_state.ts";

/** One session as `inspect sessions --json` shows it. Times in ms, sizes in bytes. */
export interface SessionView {
  readonly id: string;
  readonly service: string;
  readonly protocol: string;
  readonly client: string;
  readonly vip: string;
  readonly nat: string;
  readonly server: string;
  readonly state: string;
  readonly path: "nat" | "bypass";
  readonly reason: string;
  readonly packets: { fromClient: number; viaNat: number; viaBypass: number };
  readonly bytes: { fromClient: number; viaNat: number; viaBypass: number };
  readonly ageMs: number;
  readonly idleMs: number;
  /** TCP: IP packets to the client larger than this leave in smaller segments; null: its path takes all. */
  readonly pathMtu: number | null;
  readonly instruction:
    | { generation: number; state: "sent" | "installed" | "stopping"; leaseMs: number }
    | null;
}

/** What a view needs besides the record. */
export interface ViewContext {
  /** Boot time. */
  readonly nowMs: number;
  /** Name of the service at a VIP; absent from the configuration: its endpoint. */
  serviceName(vip: string, protocol: string): string;
  /** What is left of the lease of the agent that speaks for a server. */
  leaseMs(server: string): number;
}

/** Formats records; remembers the texts of dictionary entries. */
export class SessionViewer {
  readonly #records: SessionRecords;
  readonly #texts = new Map<number, string>();
  readonly #addresses = new Map<number, string>();

  constructor(records: SessionRecords) {
    this.#records = records;
  }

  /** The session in a slot, or null when there is none (any more). */
  view(slot: number, context: ViewContext): SessionView | null {
    const records = this.#records;
    const id = records.getF64(slot, F64.id);
    const state = records.getU8(slot, U8.state);
    if (state === STATE.free || state === STATE.quarantine) return null;
    const protocol = protocolName(records.getU8(slot, U8.protocol));
    const vip = this.endpointText(records.getU16(slot, U16.vip));
    const server = this.endpointText(records.getU16(slot, U16.server));
    const instruction = records.getU8(slot, U8.instruction);
    const view: SessionView = {
      id: formatSessionId(records.epoch, id),
      service: context.serviceName(vip, protocol),
      protocol,
      client: formatEndpoint(this.client(slot)),
      vip,
      nat: this.natText(slot),
      server,
      state: STATE_NAMES[state] ?? "unknown",
      path: instruction === INSTRUCTION.installed ? "bypass" : "nat",
      reason: instruction === INSTRUCTION.unheard
        ? reasonText(REASON.agentSilent, 0)
        : reasonText(records.getU8(slot, U8.reason), records.getReasonValue(slot)),
      packets: {
        fromClient: records.getF64(slot, F64.packetsFromClient),
        viaNat: records.getF64(slot, F64.packetsViaNat),
        viaBypass: records.getDirect(slot, DIRECT.packets),
      },
      bytes: {
        fromClient: records.getF64(slot, F64.bytesFromClient),
        viaNat: records.getF64(slot, F64.bytesViaNat),
        viaBypass: records.getDirect(slot, DIRECT.bytes),
      },
      ageMs: Math.max(0, Math.round(context.nowMs - records.getF64(slot, F64.createdMs))),
      idleMs: Math.max(0, Math.round(context.nowMs - records.lastActivityMs(slot))),
      pathMtu: records.getU16(slot, U16.pathMtu) || null,
      instruction: instruction === INSTRUCTION.none ? null : {
        generation: records.getU32(slot, I32.generation),
        state: INSTRUCTION_NAMES[instruction] as "sent" | "installed" | "stopping",
        leaseMs: Math.max(0, Math.round(context.leaseMs(server))),
      },
    };
    // The slot may have been given to another session while it was read.
    return records.getF64(slot, F64.id) === id ? view : null;
  }

  client(slot: number): Endpoint {
    const at = slot * (RECORD_BYTES / 4);
    const words = this.#records.i32;
    return {
      address: IpAddress.fromWords(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!),
      port: this.#records.getU16(slot, U16.clientPort),
    };
  }

  nat(slot: number): Endpoint {
    return {
      address: this.#address(this.#records.getU16(slot, U16.natAddress)),
      port: this.#records.getU16(slot, U16.natPort),
    };
  }

  natText(slot: number): string {
    return this.joined(
      this.#records.getU16(slot, U16.natAddress),
      this.#records.getU16(slot, U16.natPort),
    );
  }

  /** `address:port` of a dictionary entry that is an endpoint. */
  endpointText(entry: number): string {
    let text = this.#texts.get(entry);
    if (text === undefined) {
      text = this.joined(entry, this.#records.dictionaryPort(entry));
      this.#texts.set(entry, text);
    }
    return text;
  }

  /** `address:port` of a dictionary entry's address and a port. */
  joined(entry: number, port: number): string {
    const address = this.addressText(entry);
    return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  }

  /** The address of a dictionary entry. */
  addressText(entry: number): string {
    let address = this.#addresses.get(entry);
    if (address === undefined) {
      address = String(this.#address(entry));
      this.#addresses.set(entry, address);
    }
    return address;
  }

  #address(entry: number): IpAddress {
    const words = this.#records.dictionary;
    const at = entry * 8;
    return IpAddress.fromWords(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!);
  }
}

/** Slots of all sessions in a table; quarantined ones are left out by {@linkcode SessionViewer}. */
export function* usedSlots(records: SessionRecords): Generator<number> {
  for (let slot = 1; slot <= records.highWater; slot++) {
    if (records.getU8(slot, U8.state) !== STATE.free) yield slot;
  }
}
