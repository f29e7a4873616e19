import assert from "node:assert/strict";
import { join } from "node:path";
import { formatEndpoint } from "../wire/address.ts";
import { loadAgentConfig, parseAgentConfig } from "./agent_config.ts";
import { ConfigError } from "./problem.ts";

const EXAMPLE = `
nat: [10.0.0.1:7400]
interface: eth0
ca: ca.pem
certificate: s1.pem
key: s1.key
socket: /run/bypath/agent.sock
`.trimStart();

/** Everything wrong with a text, but for certificates, which are not there. */
function problemsOf(text: string): string[] {
  try {
    parseAgentConfig({ file: "agent.yaml", text });
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message.split("\n").filter((line) => !line.endsWith("no such file"));
  }
  return [];
}

Deno.test("loadAgentConfig() makes plain values of the documented example", async () => {
  const directory = await Deno.makeTempDir({ prefix: "bypath-config-" });
  try {
    const at = (name: string) => join(directory, name);
    await Deno.writeTextFile(at("ca.pem"), "-----BEGIN CERTIFICATE-----\n");
    await Deno.writeTextFile(at("s1.pem"), "-----BEGIN CERTIFICATE-----\n");
    await Deno.writeTextFile(at("s1.key"), "-----BEGIN EC PRIVATE KEY-----\n", { mode: 0o600 });
    await Deno.writeTextFile(at("agent.yaml"), EXAMPLE);
    const { nat, ...rest } = loadAgentConfig(at("agent.yaml"));
    assert.deepEqual(nat.map(formatEndpoint), ["10.0.0.1:7400"]);
    assert.deepEqual(rest, {
      interface: "eth0",
      ca: at("ca.pem"),
      certificate: at("s1.pem"),
      key: at("s1.key"),
      socket: "/run/bypath/agent.sock",
      workers: 1,
      busyPollUs: 0,
      notices: [],
    });
    await Deno.writeTextFile(at("agent.yaml"), EXAMPLE.replace(/interface.*\n|socket.*\n/g, ""));
    const short = loadAgentConfig(at("agent.yaml"));
    assert.equal(short.interface, undefined);
    assert.equal(short.socket, "/run/bypath/agent.sock");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("certificate files that are missing are named with their key", () => {
  assert.throws(() => parseAgentConfig({ file: "/nonexistent/agent.yaml", text: EXAMPLE }), {
    message: [
      '/nonexistent/agent.yaml:3:1: ca: cannot read "/nonexistent/ca.pem": no such file',
      '/nonexistent/agent.yaml:4:1: certificate: cannot read "/nonexistent/s1.pem": no such file',
      '/nonexistent/agent.yaml:5:1: key: cannot read "/nonexistent/s1.key": no such file',
    ].join("\n"),
  });
});

Deno.test("an agent's mistakes are named like a NAT machine's", () => {
  assert.deepEqual(problemsOf(EXAMPLE.replace("interface:", "interfaces:")), [
    'agent.yaml:2:1: interfaces: unknown key, did you mean "interface"?',
  ]);
  assert.deepEqual(problemsOf(EXAMPLE.replace("[10.0.0.1:7400]", "10.0.0.1:7400")), [
    'agent.yaml:1:1: nat: expected a list, got "10.0.0.1:7400"',
  ]);
  assert.deepEqual(problemsOf(EXAMPLE.replace("7400]", "7400, 10.0.0.1:7400]")), [
    "agent.yaml:1:22: nat[1]: 10.0.0.1:7400 is named twice",
  ]);
  assert.deepEqual(problemsOf(EXAMPLE.replace("eth0", "a-name-that-is-too-long")), [
    'agent.yaml:2:1: interface: "a-name-that-is-too-long" is not a name of an interface: 1-15 characters',
  ]);
  assert.deepEqual(problemsOf(EXAMPLE.replace("s1.key", "")), [
    "agent.yaml:5:1: key: expected a path, got nothing",
  ]);
});
