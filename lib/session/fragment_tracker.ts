import type { Packet } from "../wire/packet.ts";
import { FragmentExtents, FragmentPart } from "./_fragment_extents.ts";
import { FragmentTrains, POISONED, REFUSED, UNSEEN } from "./_fragment_trains.ts";
import { HeldFragments } from "./_held_fragments.ts";
import { FRAGMENT } from "./fragment_verdict.ts";

export interface FragmentTrackerOptions {
  /** The secret of the hash: two random words. */
  readonly key: readonly [number, number];
  /** Incomplete datagrams, in all and of one source. Default 4096 and 256. */
  readonly trains?: number;
  readonly trainsPerSource?: number;
  /** Fragments held until their first one comes: in all, of one source, of one datagram. Default 1024, 128 and 64. */
  readonly held?: number;
  readonly heldPerSource?: number;
  readonly heldPerTrain?: number;
  /** Default 128: 65,535 bytes over a link of 576. */
  readonly fragmentsPerTrain?: number;
  /** How long after its first fragment the rest of a datagram may come (RFC 791 section 3.2). Default 30 s. */
  readonly trainMs?: number;
  /** How long fragments are held. Default 1 s. */
  readonly heldMs?: number;
}

/** What has become of datagrams, and of fragments that were held; only ever grows. */
export interface FragmentCounts {
  /** Datagrams of which every fragment was forwarded. */
  completed: number;
  /** Datagrams whose first fragment came, but in time not all others. */
  expired: number;
  /** Datagrams whose first fragment did not come in time. */
  orphaned: number;
  /** Incomplete datagrams that were forgotten in favour of newer ones. */
  displaced: number;
  poisoned: number;
  /** Fragments that were held and will not be handed out, for whatever reason: dropped. */
  heldLost: number;
}

/**
 * What a NAT has to remember to translate the fragments of datagrams without reassembling them: only
 * the first one has ports, the others go the way of the first (RFC 3022 section 6.3, RFC 4787
 * section 11). A datagram under way is called a train. Pure, and nothing is allocated per fragment.
 *
 * ```
 *  a later fragment     the first fragment
 *        |                     |
 *        v        first        v       own()
 *     unseen ---------------> seen -------------> owned --- all bytes came ---> forgotten
 *        | heldMs              | not owned          | trainMs
 *        v                     v                    v
 *     orphaned              refused              expired       a contradiction, anywhere: poisoned
 * ```
 *
 * Trains are told apart by source, destination, identification, and for IPv4 the protocol, all as
 * they arrive (RFC 791 section 3.2, RFC 8200 section 4.5). Fragments that overlap condemn their
 * datagram, in both families (RFC 5722); one that comes twice while its datagram is under way is
 * forwarded once.
 *
 * The work for a fragment depends on how many fragments its own datagram has, on nothing else. When
 * the trains are used up the oldest one gives way; a source that has its share loses its own oldest,
 * so that a sender of incomplete datagrams does not push out those of others. The same holds for
 * the slots of fragments that are held. An IPv6 source is a /64.
 *
 * ```ts
 * const verdict = tracker.track(packet, nowMs);
 * if (verdict >= 0) {
 *   forward(packet, verdict, tracker.identification);
 * } else if (verdict === FRAGMENT.held) {
 *   copy(packet, slots[tracker.heldSlot]);
 * } else if (verdict === FRAGMENT.first && (owner = findOwner(packet)) >= 0) {
 *   tracker.own(owner, newIdentification());
 *   forward(packet, owner, tracker.identification);
 *   for (let slot = tracker.nextHeld(); slot >= 0; slot = tracker.nextHeld()) {
 *     forward(slots[slot], owner, tracker.identification);
 *   }
 * } else {
 *   drop(packet);
 * }
 * ```
 */
export class FragmentTracker {
  readonly counts: FragmentCounts = {
    completed: 0,
    expired: 0,
    orphaned: 0,
    displaced: 0,
    poisoned: 0,
    heldLost: 0,
  };
  /** After `track` returned `FRAGMENT.held`: the slot to copy the packet to, from 0. */
  heldSlot = 0;
  /** After `track` returned an owner, and after `own`: the identification that `own` was given. */
  identification = 0;

  readonly #trains: FragmentTrains;
  readonly #extents: FragmentExtents;
  readonly #held: HeldFragments;
  readonly #heldPerSource: number;
  readonly #heldPerTrain: number;
  readonly #part = new FragmentPart();
  /** The train of a first fragment that `own` may be called for. */
  #unowned = 0;

  /** @throws {RangeError} for a limit that is not a whole number from 1 to 65,535 */
  constructor(options: FragmentTrackerOptions) {
    const trains = limit("trains", options.trains ?? 4096);
    this.#trains = new FragmentTrains({
      key: options.key,
      trains,
      trainsPerSource: limit("trainsPerSource", options.trainsPerSource ?? 256),
      waitingMs: options.heldMs ?? 1_000,
      openMs: options.trainMs ?? 30_000,
    });
    const fragmentsPerTrain = limit("fragmentsPerTrain", options.fragmentsPerTrain ?? 128);
    this.#extents = new FragmentExtents(trains, fragmentsPerTrain);
    this.#held = new HeldFragments(limit("held", options.held ?? 1024), trains);
    this.#heldPerSource = limit("heldPerSource", options.heldPerSource ?? 128);
    this.#heldPerTrain = limit("heldPerTrain", options.heldPerTrain ?? 64);
  }

  /** Datagrams under way. */
  get trains(): number {
    return this.#trains.used;
  }

  /** Fragments that wait for their first one. */
  get held(): number {
    return this.#held.count;
  }

  /**
   * Notes a fragment and says what to do with it.
   *
   * @param packet parsed, with `isFragment`
   * @returns the owner that translates it (0 or above), or a verdict of `FRAGMENT`
   */
  track(packet: Packet, nowMs: number): number {
    if (this.#unowned !== 0) this.#refuse();
    const part = this.#part;
    part.read(packet);
    let train = this.#trains.find(packet);
    if (train !== 0 && this.#trains.isOver(train, nowMs)) {
      this.#end(train);
      train = 0;
    }
    if (train === 0) train = this.#start(packet, nowMs);
    const owner = this.#trains.owner[train]!;
    if (owner === POISONED) return FRAGMENT.poisoned;
    const place = this.#extents.check(train, part);
    if (place < 0) {
      if (place !== FRAGMENT.duplicate) this.#poison(train, nowMs);
      return place;
    }
    if (part.startBytes === 0) return this.#first(train, place, nowMs);
    if (owner === UNSEEN) return this.#hold(train, place, nowMs);
    this.#extents.insert(train, place, part);
    this.identification = this.#trains.identification[train]!;
    if (this.#extents.complete(train)) this.#complete(train);
    return owner === REFUSED ? FRAGMENT.refused : owner;
  }

  /**
   * Says who translates the datagram whose first fragment `track` has just answered with
   * `FRAGMENT.first`. Without this call the datagram counts as refused: its later fragments are
   * dropped, also those that are held.
   *
   * @param owner 0 to 2^31 - 1: what `track` returns for the later fragments. It may outlive what it
   * stands for; whoever gets it checks that.
   * @param identification what all fragments of the datagram are sent with
   * @throws {Error} when there is no such datagram
   */
  own(owner: number, identification: number): void {
    const train = this.#unowned;
    if (train === 0) throw new Error("Cannot own a datagram: no first fragment was tracked");
    this.#unowned = 0;
    this.#trains.owner[train] = owner;
    this.#trains.identification[train] = identification;
    this.identification = identification;
    this.#loseHanded();
    this.#held.hand(train, this.#trains.source[train]!);
    if (this.#extents.complete(train)) this.#complete(train);
  }

  /**
   * The slot of the next fragment, by offset, that was held for the datagram owned last; -1 after
   * the last one. To be fetched before the next `own`. The slot is not given out again before
   * `expire` is called, so that its bytes can be sent from where they are.
   */
  nextHeld(): number {
    return this.#held.next() - 1;
  }

  /**
   * Ends the trains whose time is over and takes back the slots that `nextHeld` gave. To be called
   * between batches, when nothing waits to be sent from those slots.
   */
  expire(nowMs: number): void {
    if (this.#unowned !== 0) this.#refuse();
    this.#loseHanded();
    this.#held.reclaim();
    for (;;) {
      const train = this.#trains.nextOver(nowMs);
      if (train === 0) return;
      this.#end(train);
    }
  }

  #start(packet: Packet, nowMs: number): number {
    const trains = this.#trains;
    trains.prepare(packet);
    for (let old = trains.inTheWay(); old !== 0; old = trains.inTheWay()) this.#displace(old);
    const train = trains.start(nowMs);
    this.#extents.clear(train);
    return train;
  }

  #first(train: number, place: number, nowMs: number): number {
    this.#extents.insert(train, place, this.#part);
    this.#trains.setOwner(train, REFUSED, nowMs);
    this.#unowned = train;
    return FRAGMENT.first;
  }

  #hold(train: number, place: number, nowMs: number): number {
    if (this.#held.ofTrain[train]! >= this.#heldPerTrain) {
      this.#poison(train, nowMs);
      return FRAGMENT.tooMany;
    }
    const source = this.#trains.source[train]!;
    if (!this.#makeRoom(train, source)) {
      if (this.#held.ofTrain[train] === 0) this.#trains.forget(train);
      return FRAGMENT.noRoom;
    }
    this.heldSlot = this.#held.hold(train, source, this.#part.startBytes) - 1;
    this.#extents.insert(train, place, this.#part);
    return FRAGMENT.held;
  }

  /** Sees to it that a slot is free which this source may have, at the cost of older trains. */
  #makeRoom(train: number, source: number): boolean {
    if (this.#held.ofSource[source]! >= this.#heldPerSource) {
      const old = this.#trains.oldestUnseenOfSource(train);
      if (old === 0) return false;
      this.#displace(old);
    }
    if (this.#held.full) {
      const old = this.#trains.oldestUnseen(train);
      if (old === 0) return false;
      this.#displace(old);
    }
    return true;
  }

  /** Nobody owns the datagram of the last first fragment. */
  #refuse(): void {
    const train = this.#unowned;
    this.#unowned = 0;
    this.#loseHeld(train);
    if (this.#extents.complete(train)) this.#complete(train);
  }

  #poison(train: number, nowMs: number): void {
    this.#loseHeld(train);
    this.#trains.setOwner(train, POISONED, nowMs);
    this.counts.poisoned++;
  }

  #complete(train: number): void {
    if (this.#trains.owner[train]! >= 0) this.counts.completed++;
    this.#trains.forget(train);
  }

  #end(train: number): void {
    const owner = this.#trains.owner[train]!;
    if (owner === UNSEEN) this.counts.orphaned++;
    else if (owner >= 0) this.counts.expired++;
    this.#forget(train);
  }

  #displace(train: number): void {
    const owner = this.#trains.owner[train]!;
    if (owner === UNSEEN || owner >= 0) this.counts.displaced++;
    this.#forget(train);
  }

  #forget(train: number): void {
    this.#loseHeld(train);
    this.#trains.forget(train);
  }

  #loseHeld(train: number): void {
    this.counts.heldLost += this.#held.release(train, this.#trains.source[train]!);
  }

  #loseHanded(): void {
    this.counts.heldLost += this.#held.forgetHanded();
  }
}

function limit(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1 || value > 0xffff) {
    throw new RangeError(`Cannot track fragments with ${name} ${value}: not from 1 to 65535`);
  }
  return value;
}
