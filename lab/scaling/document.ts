import { formatFigure } from "../bench/figures.ts";
import type { Table } from "../bench/tables.ts";
import { markdownTable } from "../markdown_table.ts";
import { formatBytes, formatCount } from "../terminal.ts";
import type { Scaling } from "./results.ts";
import { DEFAULT_THRESHOLD, TYPICAL_CORES } from "./scope.ts";
import {
  assumedTable,
  checkTable,
  coresTable,
  costsTable,
  measuredTable,
  memoryTable,
  mixesTable,
  sensitivityTables,
  serversTable,
  startName,
  thresholdTables,
} from "./tables.ts";

const DEFAULT = startName(DEFAULT_THRESHOLD);
/** Payload of a TCP segment with timestamps on Ethernet. */
const SEGMENT = 1448;

/** docs/scaling.md: the model, what goes into it, what comes out, and where it is wrong. Pure. */
export function scalingDocument(scaling: Scaling): string {
  const { machine, measured, sessions, seed, costs, mixes } = scaling;
  const segments = 1e9 / SEGMENT * measured.packetOut.median;
  const oneSession = formatFigure(8 / (measured.viaNatTime.median / 1e9), "bit/s");
  return `# Scaling

What one NAT machine carries, and how its load falls with what bypasses it: computed from what the benches measured, for
traffic that others have published. It is a model and no measurement; no network of this size was built. Every figure
below is printed by

<!-- sh: by tests/scaling_document_test.ts -->

\`\`\`sh
bypath lab scaling --from docs/benchmarks.md --seed ${seed} --markdown > docs/scaling.md
\`\`\`

and \`--from\` takes what \`bypath lab bench --markdown\` prints on any other machine. \`--assume NAME=VALUE\` puts another
value in the place of an assumption; without \`--markdown\` the tables alone are printed, with \`--json\` the numbers.

## What is measured

On ${machine}; each input names the bench and the quantity that it is taken from
([benchmarks.md](benchmarks.md)). The model uses the medians; the least and the most are in the sensitivity below.

${table(measuredTable(scaling))}

## What is assumed

No bench says these. They are guesses, and some of them decide.

${table(assumedTable(scaling))}

## The model

A session with S bytes of responses opens and closes via NAT. Without an instruction all of S passes the NAT machine.
With one, which it gets when it has carried more than the threshold \`bypass.start.bytes\`, the threshold passes it, then
what comes while the instruction is on its way, and the rest costs the NAT machine only its acknowledgements.

${table(costsTable(scaling))}

The NAT machine has N cores, all of which can do all of this work, except that control has one thread and so one rate of
instructions, whatever N. It serves as much as the first of these allows:

- **cores**: (1 + furtherCore × (N - 1)) seconds of CPU time a second;
- **link**: responses via NAT come in by the same interface as the acknowledgements of all of them;
- **control**: the rate of instructions;
- **servers**: M of them, each with its interface and one packet worker of its agent.

Two figures of nat-load are not among the inputs, so that the model can be held against them: those of eight connections
at full speed, bypassed after 64 KiB. Their rate is taken from bulk-tcp, the switch of TCP at full speed from
switch-latency.

${table(checkTable(scaling))}

## The traffic

${
    formatCount(sessions)
  } sessions of each mix are drawn, one response on a connection, with seed ${seed}.

${mixes.map(({ name, source }) => `- **${name}**: ${source}.`).join("\n")}

${table(mixesTable(scaling))}

The first two are flow sizes measured in data centres, as points of a cumulative distribution. Of the CDN's classes the
bits and the requests a second are published, so their share and the mean of each are known, and the shape within a
class is not: it is assumed to be log-normal. The file gives no unit for the bits of tc-0 to tc-3; Mbit/s is what makes
their sum that of the class tc. A connection that carries several responses is one session and larger than what is drawn
here (\`--assume responses=10\`).

## Threshold, share and load

A low threshold bypasses more bytes and takes more instructions. An instruction pays for itself in CPU time when more
than ${
    scaling.breakEvenBytes === Infinity ? "any session has" : formatBytes(scaling.breakEvenBytes)
  } of the session are left; it takes its bytes off the link in any case.

${thresholdTables(scaling).map(titled).join("\n\n")}

## What one NAT machine carries

With as many servers as it takes. \`best\` is the threshold of those above with which most is carried.

${table(coresTable(scaling))}

With few servers it is these that give out:

${titled(serversTable(scaling))}

What that means for the session table, which has room for 1,048,576 sessions unless configured larger, up to 8,388,608;
an agent has 65,536 instructions at most:

${titled(memoryTable(scaling))}

## Sensitivity

One input at a time, with ${TYPICAL_CORES} cores and ${DEFAULT}.

${sensitivityTables(scaling).map(titled).join("\n\n")}

## Where the model stops being true

- **Acknowledgements still pass the NAT machine.** What they cost is measured with a client that has whole super-packets
  to acknowledge. Over a real network it acknowledges every second segment or so, which are more packets for the same
  bytes.
- **Super-packets.** So is a gigabyte via NAT: veth pairs hand on what was never cut. Where a network card gives the NAT
  machine single segments of ${formatCount(SEGMENT)} bytes, the price is a packet's: ${
    formatFigure(segments, "s")
  } of its process for a gigabyte, and what bypasses saves
  more.
- **First packets.** The lab has no round trip between NAT machine and agent. A longer one lengthens the switch, and a
  session in slow start sends less meanwhile than sessionMbit says.
- **The rate of instructions** is that of connections a second with an instruction each, on ${
    formatCount(labCores(machine))
  } cores that also ran
  client, servers and agents. The run does not count instructions, and the rate is a lower bound for a machine of its
  own. Beyond it instructions queue, and sessions go on via NAT meanwhile; so they do in bursts.
- **What an instruction costs** is a difference of two rates on the whole host, agents included, and all of it is put
  down to the NAT machine unless natPart is smaller: an upper bound.
- **Several packet workers** ([workers.md](workers.md)). The benches run with one; furtherCore is a guess, for workers and
  for the kernel beside them. A session stays with one worker, so that via NAT it never gets more than ${oneSession},
  whatever N.
- **Memory and NUMA.** A lookup waits for memory once the table is larger than the caches, and longer for that of
  another socket. Neither is in the model, except as far as the benches have it.
- **One interface.** Interrupts, queues and the card's packets a second are not in it; nor are two interfaces.
- **Shared cores.** Client, router, NAT machine and servers had the same cores and caches. The NAT
  machine's time for a second of its process, ${
    costs.kernelFactor.toFixed(2)
  } s, comes from differences between roads whose turns lie far apart, and is 1 s where they say less; the tables of
  the benches show how far.
- **Averages.** Full cores have queues. Nothing here speaks of latency, of losses or of how loads vary in a day; who
  plans with it leaves room.
- **UDP**, IPv6 and requests larger than their answers are not in it: the costs are those of TCP downloads.
`;
}

function labCores(machine: string): number {
  return parseInt(machine);
}

function table({ rows }: Table): string {
  return markdownTable(rows);
}

function titled({ title, rows }: Table): string {
  return `${title}:\n\n${markdownTable(rows)}`;
}
