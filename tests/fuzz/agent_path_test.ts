/** The agent, from bytes to bytes. */
import { fuzzTest } from "./support/fuzz.ts";
import { agentPath } from "./targets/agent_path.ts";

fuzzTest(agentPath);
