/** docs/criteria.md: its examples mean what it says, and it leaves out nothing that there is. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { bypassSchema } from "../lib/config/criteria_schema.ts";
import { describeBypass } from "../lib/config/describe_criteria.ts";
import { EXPRESSION_FIELDS, readExpression } from "../lib/config/expression.ts";
import { parseNatConfig } from "../lib/config/nat_config.ts";

const document = Deno.readTextFileSync(
  fileURLToPath(new URL("../docs/criteria.md", import.meta.url)),
);

/** Each `bypass:` with what is said of it. */
const examples = [
  ...document.matchAll(/```yaml\n(bypass:\n[^]*?)```\n\n```text\n([^]*?)```/g),
].map(([, yaml, words]) => ({ yaml: yaml!, words: words!.trimEnd() }));

Deno.test("docs/criteria.md: nat check says of each example what stands below it", () => {
  assert.equal(examples.length, document.match(/```text/g)?.length);
  assert.ok(examples.length >= 5);
  for (const { yaml, words } of examples) {
    const bypass = yaml.trimEnd().split("\n").map((line) => `    ${line}\n`).join("");
    const text = "interfaces: [eth0]\nsnat: { addresses: [10.0.1.1] }\nservices:\n" +
      "  - name: web\n    vip: 203.0.113.10\n    port: 80\n" +
      `    servers: [{ address: 10.0.0.11 }, { address: 10.0.0.12 }]\n${bypass}`;
    const [service] = parseNatConfig({ file: "nat.yaml", text }, readExpression).services;
    assert.equal(describeBypass(service!).join("\n"), words);
  }
});

Deno.test("docs/criteria.md names every key of the criteria", () => {
  const { properties } = z.toJSONSchema(bypassSchema, { io: "input" }) as unknown as {
    properties: Record<"start" | "stop", { properties: Record<string, unknown> }>;
  };
  for (const part of ["start", "stop"] as const) {
    for (const key of Object.keys(properties[part].properties)) {
      assert.ok(document.includes(`\`${key}\``), `${part}.${key}`);
    }
  }
  assert.ok(document.includes("`control.instructions`"));
});

Deno.test("docs/criteria.md names every field of expressions with its type", () => {
  for (const [field, type] of Object.entries(EXPRESSION_FIELDS)) {
    const row = document.split("\n").find((line) =>
      line.startsWith("|") && line.split("|")[1]!.includes(`\`${field}\``) &&
      line.split("|")[2]!.trim() === type
    );
    assert.ok(row, `${field}: ${type}`);
  }
  for (const [, text] of document.matchAll(/`((?:rate \* |double\()[^`]+)`/g)) {
    assert.equal(typeof readExpression(text!).text, "string");
  }
});
