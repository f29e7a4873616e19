import { z } from "zod";
import { agentSchema } from "./agent_schema.ts";
import { natSchema } from "./nat_schema.ts";

/** The published JSON Schemas by file name: what a configuration file may hold before defaults are filled in. */
export function publishedSchemas(): Readonly<Record<string, string>> {
  return { "nat.json": schemaText(natSchema), "agent.json": schemaText(agentSchema) };
}

function schemaText(schema: z.ZodType): string {
  return JSON.stringify(z.toJSONSchema(schema, { io: "input" }), null, 2) + "\n";
}
