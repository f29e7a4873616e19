import type { Packet } from "../wire/packet.ts";
import { KeyedHash } from "./hash.ts";
import { KeyIndex } from "./key_index.ts";
import { LinkedLists } from "./linked_lists.ts";

// Owners below 0 say that there is none, and why.
/** The first fragment has not come. */
export const UNSEEN = -1;
/** It has come, and nobody translates it. */
export const REFUSED = -2;
/** A fragment contradicted another one. */
export const POISONED = -3;

// Two lists for all trains and two for those of each source, oldest first: unseen, and the others.
const WAITING = 0;
const OPEN = 1;
const KINDS = 2;

const IPV6_KEY = -1;

export interface FragmentTrainsOptions {
  readonly key: readonly [number, number];
  readonly trains: number;
  readonly trainsPerSource: number;
  readonly waitingMs: number;
  readonly openMs: number;
}

/**
 * The datagrams under way, by key, by age and by source; see `FragmentTracker` for what a train is.
 * A train's age counts from when it started or, if that was later, ceased to be unseen.
 */
export class FragmentTrains {
  readonly owner: Int32Array;
  readonly identification: Int32Array;
  /** An entry of the sources that have trains; 1 to the number of trains. */
  readonly source: Int32Array;

  readonly #options: FragmentTrainsOptions;
  readonly #hash: KeyedHash;
  readonly #key = new Int32Array(10);
  #keyHash = 0;
  readonly #trains: KeyIndex;
  readonly #sinceMs: Float64Array;
  readonly #byAge: LinkedLists;
  readonly #bySource: LinkedLists;

  readonly #sourceKey = new Int32Array(3);
  #sourceHash = 0;
  readonly #sources: KeyIndex;
  readonly #trainsOfSource: Int32Array;

  constructor(options: FragmentTrainsOptions) {
    const { trains } = options;
    this.#options = options;
    this.#hash = new KeyedHash(options.key[0], options.key[1]);
    this.owner = new Int32Array(trains + 1);
    this.identification = new Int32Array(trains + 1);
    this.source = new Int32Array(trains + 1);
    this.#trains = new KeyIndex(trains, this.#key.length);
    this.#sinceMs = new Float64Array(trains + 1);
    this.#byAge = new LinkedLists(KINDS, trains);
    this.#bySource = new LinkedLists((trains + 1) * KINDS, trains);
    this.#sources = new KeyIndex(trains, this.#sourceKey.length);
    this.#trainsOfSource = new Int32Array(trains + 1);
  }

  get used(): number {
    return this.#trains.used;
  }

  /** The train that a fragment belongs to, or 0. */
  find(packet: Packet): number {
    const key = this.#key;
    const hash = this.#hash;
    const isV4 = packet.family === 4;
    for (let i = 0; i < 8; i++) key[i] = packet.addresses[i]!;
    key[8] = packet.identification;
    // In IPv6 only the first fragment tells the protocol for certain.
    key[9] = isV4 ? packet.protocol : IPV6_KEY;
    hash.start();
    if (isV4) {
      hash.add(key[3]!);
      hash.add(key[7]!);
    } else for (let i = 0; i < 8; i++) hash.add(key[i]!);
    hash.add(key[8]!);
    hash.add(key[9]!);
    this.#keyHash = hash.finish();
    return this.#trains.find(key, this.#keyHash);
  }

  /** Reads the source of the packet last looked for, which has no train: `start` is to follow. */
  prepare(packet: Packet): void {
    const key = this.#sourceKey;
    const isV4 = packet.family === 4;
    key[0] = packet.family;
    // One IPv6 host has a whole /64 to pick its addresses from.
    key[1] = isV4 ? packet.addresses[3]! : packet.addresses[0]!;
    key[2] = isV4 ? 0 : packet.addresses[1]!;
    this.#hash.start();
    for (let i = 0; i < 3; i++) this.#hash.add(key[i]!);
    this.#sourceHash = this.#hash.finish();
  }

  /** A train that has to go before another one can start, or 0. */
  inTheWay(): number {
    const source = this.#sources.find(this.#sourceKey, this.#sourceHash);
    if (source !== 0 && this.#trainsOfSource[source]! >= this.#options.trainsPerSource) {
      return this.#oldest(this.#bySource, source * KINDS);
    }
    return this.#trains.full ? this.#oldest(this.#byAge, 0) : 0;
  }

  /** Makes an unseen train. Nothing is in its way. */
  start(nowMs: number): number {
    let source = this.#sources.find(this.#sourceKey, this.#sourceHash);
    if (source === 0) source = this.#sources.insert(this.#sourceKey, this.#sourceHash);
    this.#trainsOfSource[source] = this.#trainsOfSource[source]! + 1;
    const train = this.#trains.insert(this.#key, this.#keyHash);
    this.owner[train] = UNSEEN;
    this.source[train] = source;
    this.#enter(train, WAITING, nowMs);
    return train;
  }

  /** Gives a train another owner. */
  setOwner(train: number, owner: number, nowMs: number): void {
    if (this.owner[train] === UNSEEN) {
      this.#leave(train, WAITING);
      this.#enter(train, OPEN, nowMs);
    }
    this.owner[train] = owner;
  }

  forget(train: number): void {
    this.#leave(train, this.owner[train] === UNSEEN ? WAITING : OPEN);
    this.#trains.remove(train);
    const source = this.source[train]!;
    const left = this.#trainsOfSource[source]! - 1;
    this.#trainsOfSource[source] = left;
    if (left === 0) this.#sources.remove(source);
  }

  isOver(train: number, nowMs: number): boolean {
    const { waitingMs, openMs } = this.#options;
    const limitMs = this.owner[train] === UNSEEN ? waitingMs : openMs;
    return nowMs - this.#sinceMs[train]! >= limitMs;
  }

  /** A train whose time is over, or 0. */
  nextOver(nowMs: number): number {
    const waiting = this.#byAge.first(WAITING);
    if (waiting !== 0 && this.isOver(waiting, nowMs)) return waiting;
    const open = this.#byAge.first(OPEN);
    return open !== 0 && this.isOver(open, nowMs) ? open : 0;
  }

  /** The oldest unseen train other than this one, or 0. */
  oldestUnseen(except: number): number {
    return firstOther(this.#byAge, WAITING, except);
  }

  /** The same among the trains of its source. */
  oldestUnseenOfSource(except: number): number {
    return firstOther(this.#bySource, this.source[except]! * KINDS + WAITING, except);
  }

  /** The train that is longest in its list; of two that are equal, the unseen one. */
  #oldest(lists: LinkedLists, base: number): number {
    const waiting = lists.first(base + WAITING);
    const open = lists.first(base + OPEN);
    if (waiting === 0 || open === 0) return waiting + open;
    return this.#sinceMs[waiting]! <= this.#sinceMs[open]! ? waiting : open;
  }

  #enter(train: number, kind: number, nowMs: number): void {
    this.#sinceMs[train] = nowMs;
    this.#byAge.append(kind, train);
    this.#bySource.append(this.source[train]! * KINDS + kind, train);
  }

  #leave(train: number, kind: number): void {
    this.#byAge.remove(kind, train);
    this.#bySource.remove(this.source[train]! * KINDS + kind, train);
  }
}

function firstOther(lists: LinkedLists, list: number, except: number): number {
  const first = lists.first(list);
  return first === except ? lists.next(first) : first;
}
