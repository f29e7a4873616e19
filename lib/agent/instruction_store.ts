/**
 * The instructions that an agent holds: takes or refuses what NAT machines send, and answers. Pure: time is an argument,
 * and what is to be done in the datapath goes out as effects that it confirms.
 *
 * ```
 *   install                  added()            stop, lease over, new epoch, policy, ...
 *   --------> adding ----------------> live ----------------------------+
 *             (effect: add)  | answer: installed                        v
 *                            +-------------------------------------> removing (effect: remove)
 *                                                                       | removed()
 *                                                                       v
 *                                                             gone      answer: stopped, with the last counters
 * ```
 *
 * An answer goes out only after the datapath has confirmed: whoever reads `stopped` knows that no packet will be
 * translated any more. That holds whatever the order of messages within a connection, and if they come twice or never;
 * it relies on messages of one connection never arriving on another. What was lost is mended by the next connection.
 *
 * The lease is one time per NAT machine, which the datapath compares for every packet. It counts from the sending of the
 * report whose nonce came back, so a grant that was long on its way grants nothing.
 *
 * @module
 */

import {
  type AgentMessage,
  asReason,
  type Counters,
  inBatches,
  type Instruction,
  type InstructionKey,
  type NatMessage,
  type RefusalReason,
  type StoppedEntry,
  type TableEntry,
  type UnableFamilies,
  type Welcome,
} from "../control/messages.ts";
import { familyName } from "../wire/address.ts";
import { type CounterSource, takeChanged, takeCounters } from "./instruction_counters.ts";
import {
  countersAt,
  type Held,
  newHeld,
  newPeer,
  type Peer,
  sameContent,
  type Successor,
  tableEntry,
  unknownEntry,
} from "./instruction_held.ts";
import {
  InstructionRules,
  matchKey,
  type ParsedInstruction,
  parseInstruction,
} from "./instruction_rules.ts";

export type { ParsedInstruction } from "./instruction_rules.ts";

const FAMILIES = ["ipv4", "ipv6"] as const;

/** How long a session is offered for rebuilding after its instruction has lapsed. */
const OFFER_MS = 600_000;

/**
 * What the datapath has to do.
 *
 * - `add`: translate with this instruction while `now` is before that lease's end; then call `added` (or `rejected`).
 * - `remove`: stop using it, then call `removed`, when no packet found with it is still on its way.
 * - `lease`: from now on that lease ends at `untilMs` (0: at once).
 *
 * `id` is between 1 and the capacity and given out again only after `removed`; `lease` counts the NAT machines from 0.
 * Confirming from within `apply` is allowed.
 */
export type StoreEffect =
  | {
    readonly kind: "add";
    readonly id: number;
    readonly lease: number;
    readonly instruction: ParsedInstruction;
  }
  | { readonly kind: "remove"; readonly id: number }
  | { readonly kind: "lease"; readonly lease: number; readonly untilMs: number };

/** All times in milliseconds of one clock that goes on while the machine sleeps. */
export interface StoreOptions {
  /** Those of the agent's certificate, in canonical form. */
  readonly addresses: readonly string[];
  /** The most instructions held at once. */
  readonly capacity: number;
  /** The most instructions taken within a second; the others are refused as `busy`. Default: no limit. */
  readonly installsPerSecond?: number;
  apply(effect: StoreEffect): void;
  /** Sends on that NAT machine's connection, at once. Does nothing when there is none. */
  send(nat: string, message: AgentMessage): void;
  /** A report was answered, so long after it was sent. */
  answered?(nat: string, afterMs: number): void;
}

/** One instruction as people see it. */
export interface HeldView extends Instruction {
  readonly id: number;
  readonly nat: string;
  readonly state: "adding" | "live" | "removing";
  readonly packets: number;
  readonly bytes: number;
  /** Time of the last packet; null when there was none. */
  readonly lastUsedMs: number | null;
  /** What is left of the lease, in milliseconds. */
  readonly leaseMs: number;
}

/** The instructions of one agent, from all of its NAT machines. A NAT machine is named by the address that was dialled. */
export class InstructionStore {
  readonly #options: StoreOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #byId = new Map<number, Held>();
  readonly #byKey = new Map<string, Held>();
  readonly #freeIds: number[] = [];
  #usedIds = 0;
  #nonce = 0;
  #able = true;
  #reason: string | null = null;
  #unable: UnableFamilies = {};
  #second = 0;
  #installsInSecond = 0;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  /** How many instructions the datapath may be using. */
  get capacity(): number {
    return this.#options.capacity;
  }

  get size(): number {
    return this.#byId.size;
  }

  /**
   * A NAT machine has welcomed this agent. Sends the table, as soon as the datapath has let go of what an earlier epoch
   * left, and then a report.
   *
   * @throws SyntaxError when the welcome announces what cannot be read: end the connection
   */
  connected(nat: string, welcome: Welcome, now: number): void {
    const rules = new InstructionRules(welcome, this.#options.addresses);
    const peer = this.#peer(nat);
    this.lost(nat);
    peer.forgotten = false;
    peer.leaseMs = welcome.leaseMs;
    this.#lapse(peer, now);
    if (peer.epoch !== welcome.epoch) {
      peer.epoch = welcome.epoch;
      peer.tombstones.clear();
      this.#letGo(peer, "the session table is a new one");
    }
    this.#follow(peer, rules);
    peer.connected = true;
    this.#sendTable(peer, now);
  }

  /** The connection is gone: what is held lives on for its lease. */
  lost(nat: string): void {
    const peer = this.#peers.get(nat);
    if (!peer) return;
    peer.connected = false;
    peer.tableSent = false;
    peer.nonces.clear();
  }

  /** This NAT machine is no longer configured, and its connection is closed: everything of it is removed. */
  forget(nat: string): void {
    const peer = this.#peers.get(nat);
    if (!peer) return;
    this.lost(nat);
    peer.forgotten = true;
    this.#letGo(peer, "the NAT machine is no longer configured");
    this.#bury(peer);
  }

  /**
   * Something that a NAT machine sent after its welcome.
   *
   * @throws SyntaxError when a policy announces what cannot be read: end the connection
   */
  message(nat: string, message: NatMessage, now: number): void {
    const peer = this.#peers.get(nat);
    if (!peer?.connected) return;
    if (message.type === "install") {
      for (const entry of message.entries) {
        this.#install(peer, { nonce: message.nonce, instruction: entry }, now);
      }
    } else if (message.type === "stop") {
      for (const key of message.entries) this.#stop(peer, key, now);
    } else if (message.type === "grant") {
      this.#grant(peer, message.nonce, now);
    } else if (message.type === "policy") {
      this.#follow(peer, new InstructionRules(message, this.#options.addresses));
    }
  }

  /** The datapath uses the instruction from now on. */
  added(id: number): void {
    const held = this.#byId.get(id);
    if (held?.state !== "adding") return;
    held.state = "live";
    this.#sendInstalled(held);
  }

  /** The datapath could not take the instruction. */
  rejected(id: number, reason: string, now: number): void {
    const held = this.#byId.get(id);
    if (!held) return;
    this.#drop(held);
    this.#refuse(held.peer, held.text, { reason: "full", detail: reason, now });
    this.#afterwards(held, now);
  }

  /**
   * The datapath no longer uses the instruction: it was asked to remove it, or does so of its own accord, for that
   * reason. These are the last counters.
   */
  removed(id: number, counters: Counters, options: { now: number; reason?: string }): void {
    const held = this.#byId.get(id);
    if (!held) return;
    const { now } = options;
    held.counters = counters;
    held.countedMs = now;
    this.#drop(held);
    const { peer, text } = held;
    const { session, generation } = text;
    const reason = options.reason === undefined ? held.reason : asReason(options.reason);
    if (held.epoch === peer.epoch) {
      const known = { session, generation, known: true, reason };
      const answer: StoppedEntry = { ...known, ...countersAt(held, now) };
      peer.tombstones.add(text, answer, now + 2 * peer.leaseMs);
      this.#sendStopped(peer, answer);
      if (held.alsoStopped > generation) {
        this.#answerUnknown(peer, { session, generation: held.alsoStopped }, now);
      }
    }
    const isOffer = held.lapsed || held.epoch !== peer.epoch;
    if (isOffer && peer.offers.size < this.#options.capacity) {
      peer.offers.set(session, { entry: tableEntry(held, now), untilMs: now + OFFER_MS });
    }
    this.#afterwards(held, now);
  }

  /** What was counted for an instruction, to go out with the next report. */
  count(id: number, counters: Counters, now: number): void {
    const held = this.#byId.get(id);
    if (held) takeCounters(held, counters, now);
  }

  /**
   * Takes over what the datapath has counted: of all instructions, or of a part of them, those whose id
   * leaves `part` when divided by `parts`, so that a great many need not be gone through at once.
   */
  recount(source: CounterSource, now: number, { part, parts } = { part: 0, parts: 1 }): void {
    for (let id = part === 0 ? parts : part; id <= this.#usedIds; id += parts) {
      const held = this.#byId.get(id);
      if (held?.state !== "live" || held.counters.packets === source.packets(id)) continue;
      takeCounters(held, source.counters(id), now);
    }
  }

  /** Is there anything to report besides that this agent lives? */
  get hasNews(): boolean {
    for (const peer of this.#peers.values()) if (peer.changed.length > 0) return true;
    return false;
  }

  /** Ends one instruction for a reason of the agent's own. */
  remove(id: number, reason: string): void {
    const held = this.#byId.get(id);
    if (held) this.#remove(held, reason);
  }

  /** Whether this agent can bypass at all. When it cannot, it lets go of everything and refuses more. */
  setAble(able: boolean, reason: string | null): void {
    this.#able = able;
    this.#reason = reason === null ? null : asReason(reason);
    this.#letGoOfUnable();
  }

  /** Which families this agent cannot bypass, though it is able: the same for their instructions. */
  setUnable(unable: UnableFamilies): void {
    this.#unable = {};
    for (const family of FAMILIES) {
      const reason = unable[family];
      if (reason !== undefined) this.#unable[family] = asReason(reason);
    }
    this.#letGoOfUnable();
  }

  #letGoOfUnable(): void {
    for (const held of this.#byId.values()) {
      const obstacle = this.#obstacle(held.parsed);
      if (obstacle !== null) this.#remove(held, `unable: ${obstacle}`);
    }
  }

  /** Why an instruction cannot be followed here, or null. */
  #obstacle({ match }: ParsedInstruction): string | null {
    if (!this.#able) return this.#reason ?? "";
    return this.#unable[familyName(match.source.address)] ?? null;
  }

  /** Sends each NAT machine its heartbeat and what changed. To be called every `reportMs`, and at once when it matters. */
  report(now: number): void {
    for (const peer of this.#peers.values()) {
      if (peer.tableSent) this.#report(peer, now);
    }
  }

  /** To be called a few times a second at least: lets go of what has lapsed, forgets what no longer matters. */
  tick(now: number): void {
    for (const peer of this.#peers.values()) {
      this.#lapse(peer, now);
      peer.tombstones.prune(now);
      for (const [nonce, sentMs] of peer.nonces) {
        if (sentMs + peer.leaseMs > now) break;
        peer.nonces.delete(nonce);
      }
      for (const [session, { untilMs }] of peer.offers) {
        if (untilMs > now) break;
        peer.offers.delete(session);
      }
    }
  }

  /** What the instruction with this number says; undefined: there is none any more. */
  textOf(id: number): Instruction | undefined {
    return this.#byId.get(id)?.text;
  }

  /** Every instruction that the datapath may be using. */
  *instructions(now: number): Generator<HeldView> {
    for (const { id, peer, state, epoch, text, counters, countedMs } of this.#byId.values()) {
      yield {
        ...text,
        id,
        nat: peer.nat,
        state,
        packets: counters.packets,
        bytes: counters.bytes,
        lastUsedMs: counters.packets === 0 ? null : countedMs - counters.idleMs,
        leaseMs: epoch === peer.epoch ? Math.max(0, peer.leaseEndMs - now) : 0,
      };
    }
  }

  #install(peer: Peer, request: Successor, now: number): void {
    const { nonce, instruction } = request;
    const { session, generation } = instruction;
    const refuse = (reason: RefusalReason, detail: string) =>
      this.#refuse(peer, instruction, { reason, detail, now });
    const own = peer.held.get(session);
    if (own?.text.generation === generation) return this.#repeated(own, instruction);
    if (own && own.text.generation > generation) return refuse("stale", "a later one is held");
    if (peer.tombstones.isOver(session, generation)) return refuse("stale", "it is over");
    const sentMs = peer.nonces.get(nonce);
    if (!peer.tableSent || sentMs === undefined || sentMs + peer.leaseMs <= now) {
      return refuse("expired", "its lease had ended when it came");
    }
    let parsed: ParsedInstruction;
    try {
      parsed = parseInstruction(instruction);
    } catch (error) {
      return refuse("malformed", (error as Error).message);
    }
    const obstacle = this.#obstacle(parsed);
    if (obstacle !== null) return refuse("unable", obstacle);
    const problem = peer.rules!.problem(parsed);
    if (problem) return refuse("forbidden", problem);
    const key = matchKey(parsed);
    const rival = this.#byKey.get(key);
    if (rival && (rival.peer !== peer || rival.text.generation >= generation)) {
      return refuse("conflict", `one of ${rival.peer.nat} matches the same packets`);
    }
    const before = own ?? rival;
    if (before) return this.#succeed(before, request);
    if (this.#byId.size >= this.#options.capacity) {
      return refuse("full", `the limit is ${this.#options.capacity}`);
    }
    if (this.#isBusy(now)) return refuse("busy", "too many instructions within a second");
    this.#raise(peer, sentMs + peer.leaseMs, now);
    this.#add({ peer, key, text: instruction, parsed });
  }

  /** A second copy of what is held gets the same answer. One that says something else ends both. */
  #repeated(held: Held, instruction: Instruction): void {
    if (!sameContent(held.text, instruction)) this.#remove(held, "contradicted by its own copy");
    else if (held.state === "live") this.#sendInstalled(held);
  }

  /** The newer generation waits until the datapath has let go of the older one. */
  #succeed(before: Held, next: Successor): void {
    const waiting = before.successor?.instruction.generation ?? 0;
    if (waiting < next.instruction.generation) before.successor = next;
    this.#remove(before, "replaced by a later one");
  }

  #add(what: Pick<Held, "peer" | "key" | "text" | "parsed">): void {
    const id = this.#freeIds.pop() ?? ++this.#usedIds;
    const held = newHeld({ ...what, id });
    this.#byId.set(id, held);
    this.#byKey.set(held.key, held);
    held.peer.held.set(held.text.session, held);
    this.#options.apply({ kind: "add", id, lease: held.peer.lease, instruction: held.parsed });
  }

  #stop(peer: Peer, key: InstructionKey, now: number): void {
    const { session, generation } = key;
    const held = peer.held.get(session);
    if (held && held.epoch === peer.epoch && held.text.generation <= generation) {
      held.alsoStopped = Math.max(held.alsoStopped, generation);
      this.#remove(held, null);
      return;
    }
    const answer = peer.tombstones.answer(session, generation);
    if (answer) this.#sendStopped(peer, answer);
    else this.#answerUnknown(peer, key, now);
  }

  /** What is not held is over from now on, so that an install that comes later than its stop does nothing. */
  #answerUnknown(peer: Peer, key: InstructionKey, now: number): void {
    peer.tombstones.add(key, null, now + 2 * peer.leaseMs);
    this.#sendStopped(peer, unknownEntry(key));
  }

  #grant(peer: Peer, nonce: number, now: number): void {
    const sentMs = peer.nonces.get(nonce);
    if (sentMs === undefined) return;
    this.#options.answered?.(peer.nat, now - sentMs);
    // The NAT machine has read this connection's table: what was offered has served its purpose.
    peer.offers.clear();
    this.#raise(peer, sentMs + peer.leaseMs, now);
  }

  /** What has lapsed stays lapsed, so it must be gone from the datapath before the lease goes up. */
  #raise(peer: Peer, untilMs: number, now: number): void {
    if (untilMs <= now) return;
    this.#lapse(peer, now);
    peer.nextLeaseEndMs = Math.max(peer.nextLeaseEndMs, untilMs);
    this.#applyLease(peer);
  }

  #applyLease(peer: Peer): void {
    if (peer.lapsing > 0 || peer.nextLeaseEndMs === peer.leaseEndMs) return;
    peer.leaseEndMs = peer.nextLeaseEndMs;
    this.#options.apply({ kind: "lease", lease: peer.lease, untilMs: peer.leaseEndMs });
  }

  #lapse(peer: Peer, now: number): void {
    if (now < peer.nextLeaseEndMs) return;
    for (const held of peer.held.values()) {
      if (held.lapsed) continue;
      held.lapsed = true;
      peer.lapsing++;
      this.#remove(held, "its lease is over");
    }
  }

  /** Ends the lease at once, and all that was held under it. */
  #letGo(peer: Peer, reason: string): void {
    peer.leaseEndMs = 0;
    peer.nextLeaseEndMs = 0;
    this.#options.apply({ kind: "lease", lease: peer.lease, untilMs: 0 });
    for (const held of peer.held.values()) this.#remove(held, reason);
  }

  /** Takes the announcement, and lets go of what it no longer allows. */
  #follow(peer: Peer, rules: InstructionRules): void {
    peer.rules = rules;
    for (const held of peer.held.values()) {
      const problem = rules.problem(held.parsed);
      if (problem) this.#remove(held, problem);
    }
  }

  #remove(held: Held, reason: string | null): void {
    if (held.state === "removing") return;
    held.state = "removing";
    held.reason = reason === null ? null : asReason(reason);
    this.#options.apply({ kind: "remove", id: held.id });
  }

  /** The datapath is done with it. */
  #drop(held: Held): void {
    this.#byId.delete(held.id);
    this.#freeIds.push(held.id);
    this.#byKey.delete(held.key);
    held.peer.held.delete(held.text.session);
    held.changed = false;
    if (held.lapsed) held.peer.lapsing--;
  }

  /** What waited for the datapath to let go of this one. */
  #afterwards(held: Held, now: number): void {
    const { peer, successor } = held;
    this.#applyLease(peer);
    if (successor && peer.connected) this.#install(peer, successor, now);
    if (peer.connected) this.#sendTable(peer, now);
    if (peer.forgotten) this.#bury(peer);
  }

  #sendTable(peer: Peer, now: number): void {
    if (peer.tableSent) return;
    const entries: TableEntry[] = [];
    for (const held of peer.held.values()) {
      if (held.epoch !== peer.epoch) return;
      entries.push(tableEntry(held, now));
    }
    for (const { entry } of peer.offers.values()) {
      if (entry.epoch !== peer.epoch) entries.push(entry);
    }
    const batches = entries.length > 0 ? [...inBatches(entries)] : [[]];
    peer.tableSent = true;
    batches.forEach((batch, i) => {
      const last = i === batches.length - 1;
      this.#options.send(peer.nat, { type: "table", entries: batch, last });
    });
    this.#report(peer, now);
  }

  #report(peer: Peer, now: number): void {
    const isPartly = Object.keys(this.#unable).length > 0;
    const ability = {
      able: this.#able,
      reason: this.#reason,
      ...(isPartly && { unable: this.#unable }),
    };
    for (const entries of takeChanged(peer, now)) {
      const nonce = ++this.#nonce;
      peer.nonces.set(nonce, now);
      this.#options.send(peer.nat, { type: "report", nonce, ...ability, entries });
    }
  }

  /** After this the generation is over for good, so that the NAT machine may rely on the refusal. */
  #refuse(
    peer: Peer,
    key: InstructionKey,
    why: { reason: RefusalReason; detail: string; now: number },
  ): void {
    const { session, generation } = key;
    peer.tombstones.add(key, null, why.now + 2 * peer.leaseMs);
    const refused = [{ session, generation, reason: why.reason, detail: asReason(why.detail) }];
    if (peer.tableSent) {
      this.#options.send(peer.nat, { type: "installed", entries: [], refused });
    }
  }

  #sendInstalled(held: Held): void {
    const { session, generation } = held.text;
    if (!held.peer.tableSent) return;
    const entries = [{ session, generation }];
    this.#options.send(held.peer.nat, { type: "installed", entries, refused: [] });
  }

  /** Nothing goes out before the table of a connection: until then the table says it. */
  #sendStopped(peer: Peer, entry: StoppedEntry): void {
    if (peer.tableSent) this.#options.send(peer.nat, { type: "stopped", entries: [entry] });
  }

  #isBusy(now: number): boolean {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) this.#installsInSecond = 0;
    this.#second = second;
    return ++this.#installsInSecond > (this.#options.installsPerSecond ?? Infinity);
  }

  #peer(nat: string): Peer {
    const known = this.#peers.get(nat);
    if (known) return known;
    const taken = new Set([...this.#peers.values()].map((peer) => peer.lease));
    let lease = 0;
    while (taken.has(lease)) lease++;
    const peer = newPeer(nat, lease, this.#options.capacity);
    this.#peers.set(nat, peer);
    return peer;
  }

  /** A forgotten NAT machine's lease number can be another's when nothing refers to it. */
  #bury(peer: Peer): void {
    if (peer.held.size === 0) this.#peers.delete(peer.nat);
  }
}
