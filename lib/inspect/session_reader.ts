/**
 * Sessions straight out of the mapped table: nothing is asked of the packet workers, so looking costs
 * them nothing, however many sessions there are.
 *
 * @module
 */
import { AdminError } from "../control/admin_protocol.ts";
import { mapFile, type Mapping } from "../linux/memory.ts";
import { INSTRUCTION, RECORD_BYTES, U16, U8 } from "../session/layout.ts";
import { SessionRecords } from "../session/session_records.ts";
import {
  type SessionView,
  SessionViewer,
  usedSlots,
  type ViewContext,
} from "../session/session_view.ts";
import { STATE } from "../session/tcp_state.ts";
import { protocolName } from "../wire/protocol.ts";
import type { SessionsAnswer } from "./answers.ts";
import type { EndpointFilter } from "../wire/endpoint_filter.ts";
import { SessionRow } from "./session_row.ts";

/** Which sessions are wanted; what is absent does not matter. */
export interface SessionFilter {
  readonly service?: string;
  readonly server?: EndpointFilter;
  readonly client?: EndpointFilter;
  readonly path?: "nat" | "bypass";
}

/** The session table of a running NAT machine, mapped read-only until disposed of. */
export class SessionReader implements Disposable {
  readonly #mapping: Mapping;
  readonly records: SessionRecords;
  readonly #context: ViewContext;

  /** @throws {AdminError} when the file cannot be read or is no session table of this version */
  constructor(answer: SessionsAnswer) {
    this.#mapping = mapTable(answer.state);
    try {
      this.records = new SessionRecords(this.#mapping.buffer);
    } catch (error) {
      this.#mapping[Symbol.dispose]();
      throw unreadable(answer.state, error);
    }
    this.#context = this.contextAt(answer);
  }

  /** What views of sessions need, as of another answer of the same daemon. */
  contextAt(answer: SessionsAnswer): ViewContext {
    const names = new Map(
      answer.services.map(({ name, protocol, vip }) => [`${protocol} ${vip}`, name]),
    );
    return {
      nowMs: answer.nowMs,
      serviceName: (vip, protocol) => names.get(`${protocol} ${vip}`) ?? vip,
      leaseMs: (server) => answer.leases[server] ?? 0,
    };
  }

  /** The sessions in these slots, as of a boot time; those that have ended are left out. */
  *at(slots: Iterable<number>, nowMs: number): Generator<SessionView> {
    const viewer = new SessionViewer(this.records);
    for (const slot of slots) {
      const view = viewer.view(slot, { ...this.#context, nowMs });
      if (view !== null) yield view;
    }
  }

  /** The sessions that match, in the order of the table. Only these are put into words. */
  *sessions(filter: SessionFilter): Generator<SessionView> {
    const viewer = new SessionViewer(this.records);
    const wanted = this.#matcher(filter, viewer);
    for (const slot of usedSlots(this.records)) {
      if (!wanted(slot)) continue;
      const view = viewer.view(slot, this.#context);
      if (view !== null) yield view;
    }
  }

  /** The same, of which only what is asked for is read. */
  *rows(filter: SessionFilter): Generator<SessionRow> {
    const viewer = new SessionViewer(this.records);
    const wanted = this.#matcher(filter, viewer);
    const viewAt = (slot: number) => viewer.view(slot, this.#context);
    for (const slot of usedSlots(this.records)) {
      const state = this.records.getU8(slot, U8.state);
      if (state === STATE.quarantine || !wanted(slot)) continue;
      yield new SessionRow(this.records, slot, viewAt);
    }
  }

  [Symbol.dispose](): void {
    this.#mapping[Symbol.dispose]();
  }

  #matcher(filter: SessionFilter, viewer: SessionViewer): (slot: number) => boolean {
    const { service, server, client, path } = filter;
    const records = this.records;
    const isOfServer = remembered((entry) =>
      server!.matchesWords(records.dictionary, entry * 8, records.dictionaryPort(entry))
    );
    // A VIP's dictionary entry and the protocol, in one number.
    const isOfService = remembered((key) => {
      const vip = viewer.endpointText(key >>> 8);
      return vip === service ||
        this.#context.serviceName(vip, protocolName(key & 0xff)) === service;
    });
    return (slot) => {
      if (path !== undefined) {
        const bypasses = records.getU8(slot, U8.instruction) === INSTRUCTION.installed;
        if (bypasses !== (path === "bypass")) return false;
      }
      if (client !== undefined) {
        const port = records.getU16(slot, U16.clientPort);
        if (!client.matchesWords(records.i32, slot * (RECORD_BYTES / 4), port)) return false;
      }
      if (server !== undefined && !isOfServer(records.getU16(slot, U16.server))) return false;
      if (service === undefined) return true;
      return isOfService(records.getU16(slot, U16.vip) << 8 | records.getU8(slot, U8.protocol));
    };
  }
}

function mapTable(path: string): Mapping {
  try {
    return mapFile(path, { writable: false });
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): AdminError {
  const why = error instanceof Error ? error.message : String(error);
  return new AdminError(`Cannot read the sessions in ${path}: ${why}`);
}

/** Asks once for each number. */
function remembered(ask: (key: number) => boolean): (key: number) => boolean {
  const answers = new Map<number, boolean>();
  return (key) => {
    let answer = answers.get(key);
    if (answer === undefined) answers.set(key, answer = ask(key));
    return answer;
  };
}
