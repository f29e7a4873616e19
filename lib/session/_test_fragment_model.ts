import { FRAGMENT } from "./fragment_verdict.ts";
import type { FragmentCounts } from "./fragment_tracker.ts";

/** A fragment as the model sees it. */
export interface ModelFragment {
  /** What tells its datagram apart. */
  readonly key: string;
  /** What its source is counted by. */
  readonly source: string;
  readonly start: number;
  readonly end: number;
  readonly last: boolean;
  readonly preceding: number;
}

export interface ModelLimits {
  readonly trains: number;
  readonly trainsPerSource: number;
  readonly held: number;
  readonly heldPerSource: number;
  readonly heldPerTrain: number;
  readonly fragmentsPerTrain: number;
  readonly trainMs: number;
  readonly heldMs: number;
}

type State = "unseen" | "refused" | "poisoned" | "owned";

interface Train {
  readonly key: string;
  readonly source: string;
  state: State;
  owner: number;
  identification: number;
  /** When and as the how-manieth the train came to its present age. */
  since: number;
  order: number;
  readonly parts: ModelFragment[];
  held: { slot: number; start: number }[];
}

/** The tracker's slow twin: plain lists, searched from end to end. */
export class FragmentModel {
  readonly counts: FragmentCounts = {
    completed: 0,
    expired: 0,
    orphaned: 0,
    displaced: 0,
    poisoned: 0,
    heldLost: 0,
  };
  readonly #limits: ModelLimits;
  #trains: Train[] = [];
  #unowned: Train | null = null;
  #handed: number[] = [];
  #spent: number[] = [];
  #order = 0;
  /** Set by `track`: takes the slot that the tracker chose for a held fragment. */
  hold: (slot: number) => void = () => {};

  constructor(limits: ModelLimits) {
    this.#limits = limits;
  }

  get trains(): number {
    return this.#trains.length;
  }

  get held(): number {
    return this.#trains.reduce((sum, train) => sum + train.held.length, 0);
  }

  /** Slots that may not be given to a fragment now. */
  get taken(): number[] {
    return [...this.#handed, ...this.#spent, ...this.#trains.flatMap(slotsOf)];
  }

  track(fragment: ModelFragment, now: number): number {
    this.#settle();
    let train = this.#trains.find(({ key }) => key === fragment.key);
    if (train !== undefined && this.#isOver(train, now)) {
      this.#end(train);
      train = undefined;
    }
    train ??= this.#start(fragment, now);
    if (train.state === "poisoned") return FRAGMENT.poisoned;
    const trouble = judge(train.parts, fragment, this.#limits.fragmentsPerTrain);
    if (trouble === FRAGMENT.duplicate) return trouble;
    if (trouble !== 0) return this.#poison(train, trouble, now);
    if (fragment.start === 0) return this.#first(train, fragment, now);
    if (train.state === "unseen") return this.#hold(train, fragment, now);
    train.parts.push(fragment);
    if (isComplete(train.parts)) this.#complete(train);
    return train.state === "owned" ? train.owner : FRAGMENT.refused;
  }

  own(owner: number, identification: number): void {
    const train = this.#unowned!;
    this.#unowned = null;
    this.counts.heldLost += this.#handed.length;
    this.#handed = slotsOf(train);
    train.held = [];
    train.state = "owned";
    train.owner = owner;
    train.identification = identification;
    if (isComplete(train.parts)) this.#complete(train);
  }

  nextHeld(): number {
    const slot = this.#handed.shift();
    if (slot === undefined) return -1;
    this.#spent.push(slot);
    return slot;
  }

  expire(now: number): void {
    this.#settle();
    this.counts.heldLost += this.#handed.length;
    this.#handed = [];
    this.#spent = [];
    for (const train of [...this.#trains]) if (this.#isOver(train, now)) this.#end(train);
  }

  identificationOf(key: string): number | undefined {
    return this.#trains.find((train) => train.key === key)?.identification;
  }

  #start(fragment: ModelFragment, now: number): Train {
    const { trains, trainsPerSource } = this.#limits;
    const ofSource = this.#trains.filter(({ source }) => source === fragment.source);
    if (ofSource.length === trainsPerSource) this.#displace(oldest(ofSource));
    if (this.#trains.length === trains) this.#displace(oldest(this.#trains));
    const { key, source } = fragment;
    const owner = -1;
    const train: Train = {
      ...{ key, source, owner, identification: 0, state: "unseen", since: now },
      ...{ order: this.#order++, parts: [], held: [] },
    };
    this.#trains.push(train);
    return train;
  }

  #first(train: Train, fragment: ModelFragment, now: number): number {
    train.parts.push(fragment);
    this.#settleAs(train, "refused", now);
    this.#unowned = train;
    return FRAGMENT.first;
  }

  #hold(train: Train, fragment: ModelFragment, now: number): number {
    const { held, heldPerSource, heldPerTrain } = this.#limits;
    if (train.held.length === heldPerTrain) return this.#poison(train, FRAGMENT.tooMany, now);
    const others = () => this.#trains.filter((t) => t.state === "unseen" && t !== train);
    const ofSource = (list: Train[]) => list.filter(({ source }) => source === train.source);
    const heldOfSource = ofSource(this.#trains).reduce((sum, t) => sum + t.held.length, 0);
    let room = true;
    if (heldOfSource >= heldPerSource) room = this.#displaceOneOf(ofSource(others()));
    if (room && this.taken.length === held) room = this.#displaceOneOf(others());
    if (!room) {
      if (train.held.length === 0) this.#forget(train);
      return FRAGMENT.noRoom;
    }
    train.parts.push(fragment);
    this.hold = (slot) => {
      train.held.push({ slot, start: fragment.start });
      train.held.sort((a, b) => a.start - b.start);
    };
    return FRAGMENT.held;
  }

  #displaceOneOf(candidates: Train[]): boolean {
    if (candidates.length === 0) return false;
    this.#displace(oldest(candidates));
    return true;
  }

  #poison(train: Train, verdict: number, now: number): number {
    this.counts.poisoned++;
    this.#lose(train);
    this.#settleAs(train, "poisoned", now);
    return verdict;
  }

  #settleAs(train: Train, state: State, now: number): void {
    if (train.state === "unseen") {
      train.since = now;
      train.order = this.#order++;
    }
    train.state = state;
  }

  #settle(): void {
    const train = this.#unowned;
    this.#unowned = null;
    if (train === null) return;
    this.#lose(train);
    if (isComplete(train.parts)) this.#forget(train);
  }

  #complete(train: Train): void {
    if (train.state === "owned") this.counts.completed++;
    this.#forget(train);
  }

  #isOver(train: Train, now: number): boolean {
    const { heldMs, trainMs } = this.#limits;
    return now - train.since >= (train.state === "unseen" ? heldMs : trainMs);
  }

  #end(train: Train): void {
    if (train.state === "unseen") this.counts.orphaned++;
    if (train.state === "owned") this.counts.expired++;
    this.#forget(train);
  }

  #displace(train: Train): void {
    if (train.state === "unseen" || train.state === "owned") this.counts.displaced++;
    this.#forget(train);
  }

  #forget(train: Train): void {
    this.#lose(train);
    this.#trains = this.#trains.filter((other) => other !== train);
  }

  #lose(train: Train): void {
    this.counts.heldLost += train.held.length;
    train.held = [];
  }
}

function slotsOf(train: Train): number[] {
  return train.held.map(({ slot }) => slot);
}

function oldest(trains: Train[]): Train {
  const rank = (train: Train) => train.state === "unseen" ? 0 : 1;
  return [...trains].sort((a, b) =>
    a.since - b.since || rank(a) - rank(b) || a.order - b.order
  )[0]!;
}

/** 0, or the verdict against a fragment; looks at every byte. */
function judge(parts: readonly ModelFragment[], fragment: ModelFragment, limit: number): number {
  const { start, end, last } = fragment;
  const isSame = (p: ModelFragment) => p.start === start && p.end === end && p.last === last;
  if (parts.some(isSame)) return FRAGMENT.duplicate;
  const bytes = new Set(parts.flatMap(bytesOf));
  if (bytesOf(fragment).some((byte) => bytes.has(byte))) return FRAGMENT.overlap;
  const all = [...parts, fragment];
  const ends = all.filter((p) => p.last).map((p) => p.end);
  const highest = Math.max(...all.map((p) => p.end));
  if (ends.length > 1 || ends.some((last) => last < highest)) return FRAGMENT.pastEnd;
  const preceding = all.find((p) => p.start === 0)?.preceding ?? 0;
  if (preceding + highest > 65535) return FRAGMENT.tooLong;
  return all.length > limit ? FRAGMENT.tooMany : 0;
}

function bytesOf({ start, end }: ModelFragment): number[] {
  return Array.from({ length: end - start }, (_, i) => start + i);
}

/** Whether every byte up to the end of the last fragment is there. */
export function isComplete(parts: readonly ModelFragment[]): boolean {
  const last = parts.find((part) => part.last);
  if (last === undefined) return false;
  const bytes = new Set(parts.flatMap(bytesOf));
  return bytesOf({ ...last, start: 0 }).every((byte) => bytes.has(byte));
}
