import { DROP, DROP_REASONS, dropName } from "./drop_reason.ts";

/** Indices of the counters that a packet worker keeps; one writer, any number of readers. */
export const COUNTER = {
  received: 0,
  forwarded: 1,
  /** Neither forwarded nor dropped: echo requests answered, and ICMP errors that were for us. */
  answered: 2,
  bytesReceived: 3,
  bytesForwarded: 4,
  /** How often the worker was woken, and how often it found packets. */
  wakeUps: 5,
  batches: 6,
  /** Milliseconds between waking up and going to sleep. */
  busyMs: 7,
  /** Packets that the kernel dropped because the worker did not take them in time. */
  socketDrops: 8,
  sessionsOpened: 9,
  sessionsClosed: 10,
  bypassed: 11,
  bytesBypassed: 12,
  /** Events that found the ring full and were tried again later. */
  ringFull: 13,
  /** Packets of our own: echo replies, resets, ICMP errors. None of them came in. */
  replies: 14,
  /** Packets given to another packet worker of the same process, which receives them once more. */
  handedOver: 15,
  bytesHandedOver: 16,
  /** The longest time between two looks at the sockets while packets waited; no sum. */
  longestTurnMs: 17,
  /** The most CPU time that the worker took between two looks while packets waited; no sum. */
  longestTurnCpuMs: 18,
  /** 1 while the host's kernel is spared the packets that the workers take; the first worker's alone; no sum. */
  hostShield: 19,
  /** 1 while the worker hands packets to the kernel by io_uring; no sum. */
  ioUring: 20,
  drops: 32,
} as const;

export const COUNTERS = COUNTER.drops + DROP_REASONS;

/** A shared array of counters. */
export function makeCounters(): Float64Array<SharedArrayBuffer> {
  return new Float64Array(new SharedArrayBuffer(COUNTERS * 8));
}

/** The sums of what several workers have counted. */
export function sumCounters(all: readonly Float64Array[]): Float64Array {
  const sums = new Float64Array(COUNTERS);
  for (const counters of all) {
    for (let i = 0; i < COUNTERS; i++) sums[i] = sums[i]! + counters[i]!;
  }
  for (const longest of [COUNTER.longestTurnMs, COUNTER.longestTurnCpuMs]) {
    sums[longest] = Math.max(0, ...all.map((it) => it[longest]!));
  }
  // A packet counts once, however many workers have had it.
  sums[COUNTER.received] = sums[COUNTER.received]! - sums[COUNTER.handedOver]!;
  sums[COUNTER.bytesReceived] = sums[COUNTER.bytesReceived]! - sums[COUNTER.bytesHandedOver]!;
  return sums;
}

/** `inspect status`'s `worker`: of one packet worker, or of the sums over all. */
export function workerCounts(counters: Float64Array): Record<string, number | string> {
  return {
    received: counters[COUNTER.received]!,
    batches: counters[COUNTER.batches]!,
    wakeUps: counters[COUNTER.wakeUps]!,
    busyMs: Math.round(counters[COUNTER.busyMs]!),
    handedOver: counters[COUNTER.handedOver]!,
    socketDrops: counters[COUNTER.socketDrops]!,
    longestTurnMs: inMicroseconds(counters[COUNTER.longestTurnMs]!),
    longestTurnCpuMs: inMicroseconds(counters[COUNTER.longestTurnCpuMs]!),
    sendsBy: counters[COUNTER.ioUring] === 0 ? "sendmmsg" : "io_uring",
  };
}

/** Milliseconds to three places. */
function inMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** `inspect status`'s `dropped`: every named reason, what is malformed summed under one. */
export function droppedByReason(counters: Float64Array): Record<string, number> {
  let malformed = 0;
  for (let reason = 1; reason < DROP.noService; reason++) {
    malformed += counters[COUNTER.drops + reason]!;
  }
  const dropped: Record<string, number> = { malformed };
  for (let reason = DROP.noService as number; reason < DROP_REASONS; reason++) {
    const name = dropName(reason);
    if (name !== undefined) dropped[name] = counters[COUNTER.drops + reason]!;
  }
  return dropped;
}
