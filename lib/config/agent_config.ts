import { type Endpoint, formatEndpoint } from "../wire/address.ts";
import { agentSchema } from "./agent_schema.ts";
import { besideFile, pemFilesOf } from "./files.ts";
import { checkDocument, type ConfigText, readConfigText } from "./load.ts";
import type { ConfigProblem } from "./problem.ts";
import { checkCpus } from "./worker_schema.ts";

/** agent.yaml as plain values, every default filled in. */
export interface AgentConfig {
  /** The NAT machines to connect to, at least one. */
  readonly nat: readonly Endpoint[];
  /** Where direct responses leave; absent: by the routing table. */
  readonly interface?: string;
  /** Absolute paths of PEM files. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  /** Where Prometheus finds metrics; absent: nowhere. */
  readonly metrics?: Endpoint;
  /** Absolute path. */
  readonly socket: string;
  /** Packet workers. */
  readonly workers: number;
  /** One for each packet worker; absent: the kernel decides. */
  readonly cpus?: readonly number[];
  /** How long packet workers ask again before they sleep; 0: not at all. */
  readonly busyPollUs: number;
  /** What is worth telling the operator, though nothing is wrong. */
  readonly notices: readonly ConfigProblem[];
}

/**
 * Reads agent.yaml.
 *
 * @throws ConfigError with everything that is wrong
 */
export function loadAgentConfig(path: string): AgentConfig {
  return parseAgentConfig(readConfigText(path));
}

/**
 * The same of a text; the files that it names must be there.
 *
 * @throws ConfigError with everything that is wrong
 */
export function parseAgentConfig(text: ConfigText): AgentConfig {
  const { file } = text;
  const { document, notices } = checkDocument(text, {
    schema: agentSchema,
    check(draft, report) {
      const seen = new Set<string>();
      draft.nat?.forEach((endpoint, index) => {
        if (endpoint === undefined) return;
        const name = formatEndpoint(endpoint);
        if (seen.has(name)) report(["nat", index], `${name} is named twice`);
        seen.add(name);
      });
      checkCpus(draft, report);
    },
    pemFiles: (draft) => pemFilesOf(file, [], draft),
  });
  return {
    nat: document.nat,
    ...(document.interface !== undefined && { interface: document.interface }),
    ...(document.metrics !== undefined && { metrics: document.metrics }),
    ca: besideFile(file, document.ca),
    certificate: besideFile(file, document.certificate),
    key: besideFile(file, document.key),
    socket: besideFile(file, document.socket),
    workers: document.workers,
    ...(document.cpus && { cpus: document.cpus }),
    busyPollUs: document.busyPoll,
    notices,
  };
}
