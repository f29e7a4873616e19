import assert from "node:assert/strict";
import { parse } from "yaml";
import { parseNatConfig } from "./nat_config.ts";

const DOCUMENT = new URL("../../docs/health-and-scheduling.md", import.meta.url);

/** What stands around an example that is a part of a service. */
const SERVICE = {
  name: "web",
  vip: "203.0.113.10",
  port: 80,
  servers: [{ address: "10.0.0.11" }, { address: "10.0.0.12" }],
};

Deno.test("every example of docs/health-and-scheduling.md is a configuration that nat check takes", () => {
  const text = Deno.readTextFileSync(DOCUMENT);
  const examples = [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml]) => parse(yaml!));
  assert.equal(examples.length, 4);
  for (const example of examples) {
    const services = example.services ?? [{ ...SERVICE, ...example }];
    const config = { interfaces: ["eth0"], snat: { addresses: ["10.0.1.1"] }, services };
    assert.equal(
      parseNatConfig({ file: "nat.yaml", text: JSON.stringify(config) }).services.length,
      1,
    );
  }
});
