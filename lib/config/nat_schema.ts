import { z } from "zod";
import { bypassSchema } from "./criteria_schema.ts";
import {
  address,
  addressRange,
  duration,
  endpoint,
  interfaceName,
  name,
  path,
  port,
  portRange,
} from "./fields.ts";
import { affinity, health, slowStart } from "./server_schema.ts";
import { busyPoll, cpus, workers } from "./worker_schema.ts";

const SECOND_MS = 1000;
const THIRTY_DAYS_MS = 30 * 86_400_000;

const server = z.strictObject({
  address: address().meta({ examples: ["10.0.0.11"] }).describe("Address of the server"),
  port: port().optional().describe("Port of the server; absent: the service's port"),
  weight: z.int().min(0).max(1000).prefault(1).describe(
    "Share of the new sessions, relative to the other servers; 0: no new sessions",
  ),
});

const service = z.strictObject({
  name: name().describe("What commands, metrics and events call it"),
  vip: address().describe(
    "The address that clients use; not configured on any interface of this host",
  ),
  protocol: z.enum(["tcp", "udp"]).prefault("tcp").describe("What the service speaks"),
  port: port().meta({ examples: [80] }).describe("The port that clients use"),
  scheduler: z.enum(["maglev", "round-robin", "least-sessions", "source-hash"]).prefault("maglev")
    .describe("How a new session gets its server"),
  servers: z.array(server).min(1).max(1000).describe("Who answers"),
  health: health.optional().describe("Absent: every server counts as able"),
  slowStart,
  affinity: affinity.optional().describe(
    "Sessions of one client go to the server of its earlier sessions; absent: the scheduler decides about each",
  ),
  bypass: bypassSchema.prefault({}).describe(
    "When responses go directly from the server to the client",
  ),
});

const control = z.strictObject({
  listen: endpoint().describe("Where agents connect"),
  ca: path().describe("Certificate of the authority that agents' certificates must be signed by"),
  certificate: path().meta({ examples: ["keys/nat.pem"] }).describe(
    "Of this machine; names the address in `listen`",
  ),
  key: path().meta({ examples: ["keys/nat.key"] }).describe("The certificate's private key"),
  lease: duration({ minMs: SECOND_MS, maxMs: 3600 * SECOND_MS }).prefault("10s").describe(
    "How long an agent may use its instructions after it last heard from the NAT machine",
  ),
  report: duration({ minMs: 100, maxMs: 600 * SECOND_MS }).prefault("1s").describe(
    "How often agents report counters",
  ),
  instructions: z.int().min(1).max(65_536).prefault(65_536).describe(
    "Most instructions for each agent; then the busiest sessions have them",
  ),
});

const timeout = () => duration({ minMs: 100, maxMs: THIRTY_DAYS_MS });

const timeouts = z.strictObject({
  tcpOpening: timeout().prefault("4m").describe("TCP before its handshake is complete"),
  tcpEstablished: timeout().prefault("2h4m").describe("Idle TCP session (RFC 5382 REQ-5)"),
  tcpClosing: timeout().prefault("4m").describe("TCP after FIN in both directions, or RST"),
  udpOpening: timeout().prefault("30s").describe("UDP before the server has answered"),
  udp: timeout().prefault("5m").describe("Idle UDP session (RFC 4787 REQ-5)"),
});

/** nat.yaml. The one source of its checks, its defaults and `schema/nat.json`. */
export const natSchema = z.strictObject({
  interfaces: z.array(interfaceName()).min(1).max(2).describe(
    "Where client-side and server-side packets come and go: one or two names",
  ),
  snat: z.strictObject({
    addresses: z.array(addressRange()).min(1).max(1000).describe(
      "Single addresses, a-b ranges or prefixes; not configured on any interface of this host",
    ),
    ports: portRange().prefault("1024-65535").describe(
      "The ports of these addresses that sessions get",
    ),
  }).describe("The NAT endpoints: what servers see in place of the client"),
  services: z.array(service).min(1).max(1000).describe("What clients can reach, and who serves it"),
  control: control.optional().describe("Where agents connect; absent: no bypass"),
  announce: z.boolean().prefault(false).describe(
    "true: answer ARP and neighbour discovery for the VIPs and SNAT addresses, and announce them at start",
  ),
  refuse: z.enum(["reject", "drop"]).prefault("reject").describe(
    "What a client gets that cannot be served: RST or ICMP unreachable, or silence",
  ),
  echo: z.boolean().prefault(true).describe("Whether the VIPs answer ping"),
  metrics: endpoint().meta({ examples: ["10.0.0.1:9400"] }).optional().describe(
    "Where Prometheus gets metrics; absent: nowhere",
  ),
  socket: path().prefault("/run/bypath/nat.sock").describe("Where inspect and the verbs connect"),
  state: path().prefault("/run/bypath/nat.sessions").describe(
    "The session table, kept across a restart",
  ),
  timeouts: timeouts.prefault({}).describe("When idle sessions end"),
  quarantine: duration().prefault("60s").describe(
    "How long a NAT endpoint rests before another session gets it",
  ),
  capacity: z.int().min(1).max(8_388_608).prefault(1_048_576).describe("Most sessions at a time"),
  workers,
  cpus,
  busyPoll,
  hostShield: z.union([z.literal("auto"), z.boolean()], {
    error: "auto, true or false was expected",
  }).prefault("auto").describe(
    "Whether the host's own kernel is spared what packet sockets have taken: its nftables do not see those packets then; auto: where it can be (CAP_BPF, Linux 6.6)",
  ),
  engine: z.enum(["raw"], {
    error: ({ input }) => input === "ebpf" ? `"ebpf" is not available in this version` : undefined,
  }).prefault("raw").describe("What moves the packets"),
}).meta({ title: "bypath nat.yaml", description: "Configuration of a bypath NAT machine" });

/** What {@link natSchema} makes of a document. */
export type NatDocument = z.output<typeof natSchema>;
