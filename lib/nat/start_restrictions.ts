import type { SessionFields } from "../config/expression.ts";
import type { RateMeter } from "../policy/rate_meter.ts";
import { DIRECT, F64 } from "../session/layout.ts";
import { REASON } from "../session/path_reason.ts";
import { parseEndpoint } from "../wire/address.ts";
import { contains } from "../wire/prefix.ts";
import { isMetered } from "./datapath_config.ts";
import type { LoadGates } from "./load_gates.ts";
import { namesServer } from "./operator_state.ts";
import type { SessionNotes } from "./session_notes.ts";

/** What speaks against a session that meets the criteria. */
export interface Restriction {
  /** One of REASON, and the number that it names. */
  readonly reason: number;
  readonly value: number;
  /** Whether asking again later may have another answer. */
  readonly mayChange: boolean;
  /** Why an expression could not be evaluated. */
  readonly error?: string;
}

/** Values of REASON.notAllowed and REASON.where. */
const CLIENT = 1, SERVER = 2;
const IS_FALSE = 0, IS_ERROR = 1;

export interface StartRestrictionsOptions {
  readonly notes: SessionNotes;
  /** Absent: the load is never enough. */
  readonly gates?: LoadGates | undefined;
  /** As the packet worker measures them. */
  readonly rates?: RateMeter | undefined;
  readonly now: () => number;
}

/** What `bypass.start` asks for beside its criteria: clients, servers, load, an expression. */
export class StartRestrictions {
  readonly #options: StartRestrictionsOptions;

  constructor(options: StartRestrictionsOptions) {
    this.#options = options;
  }

  /** The first restriction that the session does not satisfy; null: it may bypass. */
  look(slot: number): Restriction | null {
    const { notes, gates } = this.#options;
    const service = notes.service(slot);
    if (service === undefined) return null;
    const { clients, servers, load, where } = service.bypass.start;
    if (clients !== undefined) {
      const { address } = notes.client(slot);
      if (!clients.some((prefix) => contains(prefix, address))) {
        return { reason: REASON.notAllowed, value: CLIENT, mayChange: false };
      }
    }
    if (servers !== undefined) {
      const server = notes.server(slot);
      if (!servers.some((name) => namesServer(name, server))) {
        return { reason: REASON.notAllowed, value: SERVER, mayChange: false };
      }
    }
    if (load !== undefined && !gates?.allows(service)) {
      return { reason: REASON.load, value: 0, mayChange: true };
    }
    if (where === undefined) return null;
    const result = where.evaluate(this.fields(slot));
    if (result === true) return null;
    if (result === false) return { reason: REASON.where, value: IS_FALSE, mayChange: true };
    return { reason: REASON.where, value: IS_ERROR, mayChange: true, error: result.error };
  }

  /** What was measured of the session. */
  measures(slot: number): Pick<SessionFields, "packets" | "bytes" | "ageMs" | "rate"> {
    const { notes, now } = this.#options;
    const { records } = notes;
    const count = (nat: number, direct: number) =>
      records.getF64(slot, nat) + records.getDirect(slot, direct);
    return {
      packets: count(F64.packetsViaNat, DIRECT.packets),
      bytes: count(F64.bytesViaNat, DIRECT.bytes),
      ageMs: now() - records.getF64(slot, F64.createdMs),
      rate: this.#rates(slot)?.byteRate(slot) ?? 0,
    };
  }

  /** Where nobody measures, the rates are those of a session that had the slot before. */
  #rates(slot: number): RateMeter | undefined {
    const service = this.#options.notes.service(slot);
    return service !== undefined && isMetered(service.bypass) ? this.#options.rates : undefined;
  }

  /** The session as expressions see it. */
  fields(slot: number): SessionFields {
    const { notes } = this.#options;
    const { records } = notes;
    const client = notes.client(slot);
    const vip = parseEndpoint(notes.vip(slot));
    const server = parseEndpoint(notes.server(slot));
    return {
      ...this.measures(slot),
      service: notes.service(slot)?.name ?? "",
      protocol: notes.protocol(slot),
      client: String(client.address),
      clientPort: client.port,
      vip: String(vip.address),
      vipPort: vip.port,
      server: String(server.address),
      serverPort: server.port,
      packetsFromClient: records.getF64(slot, F64.packetsFromClient),
      bytesFromClient: records.getF64(slot, F64.bytesFromClient),
      packetRate: this.#rates(slot)?.packetRate(slot) ?? 0,
    };
  }
}
