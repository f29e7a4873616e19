import { COUNTER, droppedByReason, sumCounters } from "../session/counters.ts";
import { REASON_COUNT, reasonName } from "../wire/reason.ts";
import { counter, gauge, type Metric, type Sample } from "./metric.ts";

/** What every packet worker counts, whatever it does with packets; one array of counters a worker. */
export function datapathMetrics(
  workers: readonly Float64Array[],
  { busyPollUs }: { readonly busyPollUs: number },
): Metric[] {
  const sum = sumCounters(workers);
  const byWorker = (of: (counters: Float64Array) => number): Sample[] =>
    workers.map((counters, i) => ({ labels: { worker: String(i) }, value: of(counters) }));
  return [
    counter("bypath_packets_received", "Packets taken from the network", sum[COUNTER.received]!),
    counter("bypath_received_bytes", "IP bytes of packets taken", sum[COUNTER.bytesReceived]!),
    counter("bypath_packets_forwarded", "Packets sent on", sum[COUNTER.forwarded]!),
    counter("bypath_forwarded_bytes", "IP bytes of packets sent on", sum[COUNTER.bytesForwarded]!),
    counter(
      "bypath_packets_dropped",
      "Packets taken and not sent on, by reason",
      Object.entries(droppedByReason(sum)).map(([reason, value]) => ({
        labels: { reason },
        value,
      })),
    ),
    counter(
      "bypath_packets_malformed",
      "What dropped packets of reason malformed are made of",
      Array.from({ length: REASON_COUNT - 1 }, (_, i) => ({
        labels: { reason: reasonName(i + 1) },
        value: sum[COUNTER.drops + i + 1]!,
      })),
    ),
    counter(
      "bypath_socket_dropped_packets",
      "Packets that the kernel dropped because the worker did not take them in time",
      sum[COUNTER.socketDrops]!,
    ),
    counter(
      "bypath_worker_busy_seconds",
      "Time in which the packet worker was not waiting for packets: its rate is its load",
      byWorker((counters) => counters[COUNTER.busyMs]! / 1000),
    ),
    gauge(
      "bypath_worker_busy_poll_seconds",
      "How long the packet worker asks for packets before it sleeps: above 0 it seems busy always",
      busyPollUs / 1e6,
    ),
    gauge(
      "bypath_worker_longest_turn_seconds",
      "The longest time between two looks at the packets that waited, since the start",
      byWorker((counters) => counters[COUNTER.longestTurnMs]! / 1000),
    ),
    gauge(
      "bypath_worker_longest_turn_cpu_seconds",
      "The most CPU time that the packet worker took between two such looks, since the start",
      byWorker((counters) => counters[COUNTER.longestTurnCpuMs]! / 1000),
    ),
    gauge(
      "bypath_worker_io_uring",
      "1 while the packet worker hands packets to the kernel by io_uring, 0: by sendmmsg",
      byWorker((counters) => counters[COUNTER.ioUring]!),
    ),
    counter(
      "bypath_worker_batches",
      "How often the packet worker took packets",
      byWorker((counters) => counters[COUNTER.batches]!),
    ),
    counter(
      "bypath_worker_wakeups",
      "How often the packet worker was woken",
      byWorker((counters) => counters[COUNTER.wakeUps]!),
    ),
    counter(
      "bypath_worker_events_delayed",
      "Events for the main thread that found no room and were tried again",
      byWorker((counters) => counters[COUNTER.ringFull]!),
    ),
  ];
}
