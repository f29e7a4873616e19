import { z } from "zod";
import { endpoint, interfaceName, path } from "./fields.ts";
import { busyPoll, cpus, workers } from "./worker_schema.ts";

/** agent.yaml. The one source of its checks, its defaults and `schema/agent.json`. */
export const agentSchema = z.strictObject({
  nat: z.array(endpoint()).min(1).max(16).describe("The NAT machines to connect to"),
  interface: interfaceName().optional().describe(
    "Where direct responses leave; absent: by the routing table",
  ),
  ca: path().describe("Certificate of the authority that signed the NAT machine's certificate"),
  certificate: path().meta({ examples: ["keys/s1.pem"] }).describe(
    "Names the server addresses that the agent speaks for",
  ),
  key: path().meta({ examples: ["keys/s1.key"] }).describe("The certificate's private key"),
  metrics: endpoint().meta({ examples: ["10.0.0.11:9400"] }).optional().describe(
    "Where Prometheus gets metrics; absent: nowhere",
  ),
  socket: path().prefault("/run/bypath/agent.sock").describe("Where inspect connects"),
  workers,
  cpus,
  busyPoll,
}).meta({ title: "bypath agent.yaml", description: "Configuration of a bypath agent" });

/** What {@link agentSchema} makes of a document. */
export type AgentDocument = z.output<typeof agentSchema>;
