import assert from "node:assert/strict";
import { F64, RECORD_BYTES, U16, U8 } from "../../../lib/session/layout.ts";
import { formatSessionId } from "../../../lib/session/session_id.ts";
import type { SessionRecords } from "../../../lib/session/session_records.ts";
import { SessionViewer, usedSlots } from "../../../lib/session/session_view.ts";
import { STATE } from "../../../lib/session/tcp_state.ts";
import { formatEndpoint } from "../../../lib/wire/address.ts";
import { protocolName } from "../../../lib/wire/protocol.ts";
import { PACKET_LIFE_MS, type Protocol } from "./settings.ts";

/** Words of a record that say what session it is; those behind the path MTU change. */
const WORDS = 6;

/** One conversation of a client: every packet of it, in either direction, carries its number. */
export interface Conversation {
  readonly number: number;
  readonly protocol: Protocol;
  readonly client: string;
  readonly vip: string;
  /** Sessions of the NAT machine that packets of it have passed through. */
  readonly sessions: Set<string>;
}

/** One session of the NAT machine; what it is does not change while it lives. */
interface KnownSession {
  readonly name: string;
  readonly epoch: number;
  /** The record's part that says so. */
  readonly words: Int32Array;
  readonly endpoint: string;
  readonly client: string;
  /** Since when its server has nothing more to send. */
  overMs: number | null;
  /** Half-open, or in a table that is lost: with TCP its endpoint may be another's without a rest. */
  displaced: boolean;
}

/** What is true, from outside: who talks to whom, and whose each NAT endpoint is. */
export class Truth {
  readonly conversations: Conversation[] = [];
  readonly #sessions = new Map<string, KnownSession>();
  readonly #byId = new Map<number, Map<number, KnownSession>>();
  readonly #running = new Set<string>();
  #owners = new Map<string, string>();

  begin(protocol: Protocol, client: string, vip: string): Conversation {
    const number = this.conversations.length + 1;
    const conversation = { number, protocol, client, vip, sessions: new Set<string>() };
    this.conversations.push(conversation);
    return conversation;
  }

  conversation(number: number): Conversation {
    const found = this.conversations[number - 1];
    assert.ok(found, `a packet of conversation ${number}, which there is not`);
    return found;
  }

  clientOf(session: string): string | undefined {
    return this.#sessions.get(session)?.client;
  }

  displaced(session: string): void {
    const known = this.#sessions.get(session);
    if (known) known.displaced = true;
  }

  /**
   * The table is lost, and with it who had which NAT endpoint. Only what agents hold is known again: with TCP a
   * server that goes on with any other session may reach another client, who refuses that.
   */
  lost(nowMs: number): void {
    for (const known of this.#sessions.values()) {
      known.overMs = Math.min(known.overMs ?? Infinity, nowMs);
      known.displaced = true;
    }
    this.#running.clear();
  }

  wasDisplaced({ sessions }: Conversation): boolean {
    return [...sessions].some((id) => this.#sessions.get(id)?.displaced);
  }

  /**
   * Looks at the whole table: no two sessions share a NAT endpoint, and none becomes another.
   * @returns the session at each NAT endpoint that is taken
   */
  survey(records: SessionRecords, nowMs: number): Map<string, string> {
    const owners = new Map<string, string>();
    const over = new Set(this.#running);
    for (const slot of usedSlots(records)) {
      const known = this.#known(records, slot);
      const { endpoint, name } = known;
      assert.ok(!owners.has(endpoint), `${endpoint} is of ${name} and of ${owners.get(endpoint)}`);
      owners.set(endpoint, name);
      const words = slot * (RECORD_BYTES / 4);
      for (let i = 0; i < WORDS; i++) {
        if (records.i32[words + i] !== known.words[i]) throw new Error(`${name} became another`);
      }
      // Closed on both sides, nobody has more to say.
      const state = records.getU8(slot, U8.state);
      if (state !== STATE.quarantine && state !== STATE.closed) over.delete(name);
    }
    this.#owners = owners;
    for (const id of over) {
      this.#sessions.get(id)!.overMs = nowMs;
      this.#running.delete(id);
    }
    return owners;
  }

  #known(records: SessionRecords, slot: number): KnownSession {
    const id = records.getF64(slot, F64.id);
    const known = this.#byId.get(records.epoch)?.get(id);
    if (known) return known;
    const viewer = new SessionViewer(records);
    const protocol = protocolName(records.getU8(slot, U8.protocol));
    const server = viewer.endpointText(records.getU16(slot, U16.server));
    const words = slot * (RECORD_BYTES / 4);
    const made = {
      name: formatSessionId(records.epoch, id),
      epoch: records.epoch,
      words: records.i32.slice(words, words + WORDS),
      endpoint: `${protocol} ${server} ${viewer.natText(slot)}`,
      client: formatEndpoint(viewer.client(slot)),
      overMs: null,
      displaced: false,
    };
    // One that is rebuilt after its table was lost goes on with its conversations.
    for (const older of this.#sessions.values()) {
      if (older.endpoint !== made.endpoint || older.client !== made.client) continue;
      if (older.epoch === made.epoch) continue;
      for (const { sessions } of this.conversations) {
        if (sessions.has(older.name)) sessions.add(made.name);
      }
    }
    this.#sessions.set(made.name, made);
    this.#running.add(made.name);
    const ofEpoch = this.#byId.get(records.epoch) ?? new Map<number, KnownSession>();
    this.#byId.set(records.epoch, ofEpoch.set(id, made));
    return made;
  }

  /** May a server still have packets of it to send? */
  isServed(
    connection: { protocol: string; server: string; nat: string; number: number; session: string },
    nowMs: number,
  ): boolean {
    const { protocol, server, nat, number, session } = connection;
    const owner = this.#sessions.get(this.#owners.get(`${protocol} ${server} ${nat}`) ?? "");
    const { sessions } = this.conversation(number);
    if (owner?.overMs === null && sessions.has(owner.name)) return true;
    const known = this.#sessions.get(session);
    return known !== undefined && (known.overMs === null || nowMs - known.overMs < PACKET_LIFE_MS);
  }
}
