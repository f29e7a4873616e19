import { FLAG, U16, U8 } from "../session/layout.ts";
import type { SessionTable } from "../session/session_table.ts";
import { STATE } from "../session/tcp_state.ts";
import { PROTOCOL_TCP } from "../wire/protocol.ts";
import type { RebuiltEndpoint, RebuiltSession } from "./instruction_rebuild.ts";
import type { NatEndpoints } from "./nat_endpoints.ts";

/**
 * What became of a session that an agent remembered. `known`: it is there already; `conflict`: one of its endpoints
 * belongs to another session by now, or is none of ours any more; `full`: the table has no room.
 */
export type RebuildOutcome = "rebuilt" | "known" | "conflict" | "full";

/** Writes sessions of a lost table into the new one, where nothing speaks against it. */
export class SessionRebuilder {
  readonly #table: SessionTable;

  constructor(table: SessionTable) {
    this.#table = table;
  }

  /** The slot of the session, with its NAT endpoint not reserved yet, or why there is none. */
  insert(
    session: RebuiltSession,
    endpoints: NatEndpoints,
    nowMs: number,
  ): number | Exclude<RebuildOutcome, "rebuilt"> {
    const table = this.#table;
    const { protocol, client } = session;
    const vip = this.#find(session.vip);
    const server = this.#find(session.server);
    const natAddress = this.#find({ words: session.nat.words, port: 0 });
    if (vip === 0 || server === 0 || !endpoints.isNatAddress(natAddress)) return "conflict";
    const addresses = Int32Array.from(client.words);
    const inbound = table.findInbound(addresses, 0, client.port, vip, protocol);
    const outbound = table.findOutbound(server, natAddress, session.nat.port, protocol);
    if (inbound !== 0 || outbound !== 0) return inbound === outbound ? "known" : "conflict";
    if (table.full) return "full";
    const isClosing = protocol === PROTOCOL_TCP && session.serverFin;
    const slot = table.insert({
      addresses,
      clientOffset: 0,
      clientPort: client.port,
      vip,
      server,
      natAddress,
      natPort: session.nat.port,
      protocol,
      state: isClosing ? STATE.closing : STATE.established,
    }, nowMs);
    if (isClosing) table.setU8(slot, U8.flags, table.getU8(slot, U8.flags) | FLAG.serverFin);
    table.setU16(slot, U16.pathMtu, session.pathMtu);
    return slot;
  }

  #find({ words, port }: RebuiltEndpoint): number {
    return this.#table.findEndpoint(Int32Array.from(words), 0, port);
  }
}
