import assert from "node:assert/strict";
import { parseNatConfig } from "../lib/config/nat_config.ts";
import { NAT_YAML_EXAMPLE } from "./nat/example.ts";
import { createProgram } from "./program.ts";

interface Listed {
  name(): string;
  description(): string;
  readonly commands: readonly Listed[];
}

function* allOf(command: Listed, path = ""): Generator<[string, Listed]> {
  const name = `${path} ${command.name()}`.trim();
  yield [name, command];
  for (const child of command.commands) yield* allOf(child, name);
}

Deno.test("the commands are those of the interface", () => {
  const leaves = [...allOf(createProgram())].filter(([, { commands }]) => commands.length === 0);
  assert.deepEqual(leaves.map(([name]) => name), [
    "bypath nat run",
    "bypath nat check",
    "bypath nat reload",
    "bypath nat bypass stop",
    "bypath nat bypass start",
    "bypath nat drain",
    "bypath nat undrain",
    "bypath agent run",
    "bypath agent check",
    "bypath inspect status",
    "bypath inspect services",
    "bypath inspect servers",
    "bypath inspect sessions",
    "bypath inspect instructions",
    "bypath inspect top",
    "bypath inspect events",
    "bypath inspect explain",
    "bypath inspect capture",
    "bypath inspect dashboard",
    "bypath lab up",
    "bypath lab down",
    "bypath lab status",
    "bypath lab exec",
    "bypath lab demo",
    "bypath lab run",
    "bypath lab bench",
    "bypath lab scaling",
    "bypath lab traffic",
    "bypath keys init",
    "bypath keys issue",
    "bypath complete",
  ]);
});

Deno.test("every command says what it does", () => {
  for (const [name, command] of allOf(createProgram())) {
    assert.notEqual(command.description(), "", name);
  }
});

Deno.test("the configuration that help prints is a valid one", () => {
  const [, text = ""] = NAT_YAML_EXAMPLE.split("'");
  assert.equal(parseNatConfig({ file: "nat.yaml", text }).services[0]?.name, "web");
});
