import assert from "node:assert/strict";
import { rootTest } from "../tests/support/root_test.ts";
import { runHost } from "./host_command.ts";
import { labCommand } from "./cli.ts";
import { processesIn } from "./namespace.ts";
import { identityOf, isAlive } from "./process_identity.ts";
import { LabProcess } from "./lab_process.ts";
import { selfCommand } from "../lib/datapath/self_command.ts";
import { labFolder } from "./lab_record.ts";

const PRIVILEGES = { capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"] } as const;

async function namespacesOf(lab: string): Promise<string[]> {
  const { stdout } = await runHost(["ip", "netns", "list"]);
  return stdout.split("\n").filter((line) => line.startsWith(`${lab}-`))
    .map((line) => line.split(" ")[0]!);
}

Deno.test("lab exits with 2 on a name that is none, before anything is touched", async () => {
  assert.equal(await labCommand("run", { args: ["no-such-scenario"] }), 2);
  for (const command of ["up", "down", "status"] as const) {
    assert.equal(await labCommand(command, { name: "../x" }), 2, command);
  }
  assert.equal(await labCommand("exec", { name: "../x", args: ["s1", "ls"] }), 2);
  assert.equal(await labCommand("exec", { args: ["s3", "ls"] }), 2);
});

rootTest("lab up, exec and down work from the command line", PRIVILEGES, async () => {
  const name = `cli-${Deno.pid}`;
  const self = (...args: string[]) => runHost([...selfCommand(), "lab", ...args, "--name", name]);
  assert.equal((await self("up")).code, 0);
  try {
    const again = await self("up");
    assert.equal(again.code, 1);
    assert.match(again.stderr, /it exists/);
    const exec = ["exec", "--name", name, "s1", "--", "sh", "-c", "ip -br address; exit 7"];
    const inside = await runHost([...selfCommand(), "lab", ...exec]);
    assert.equal(inside.code, 7);
    assert.match(inside.stdout, /10\.0\.0\.11\/24/);
    const { nodes } = JSON.parse((await self("status", "--json")).stdout) as { nodes: unknown[] };
    assert.equal(nodes.length, 6);
  } finally {
    assert.equal((await self("down")).code, 0);
  }
  assert.deepEqual(await namespacesOf(name), []);
});

rootTest("lab demo leaves nothing behind when it is interrupted", PRIVILEGES, async () => {
  const name = `ctrlc-${Deno.pid}`;
  await using demo = new LabProcess([...selfCommand(), "lab", "demo", "--name", name], "lab demo");
  await demo.waitForLine((line) => line.includes("The criterion"), { timeoutMs: 30_000 });
  assert.equal((await namespacesOf(name)).length, 6);
  demo.kill("SIGINT");
  const { code } = await demo.ended;
  assert.equal(code, 130, demo.stderr.lines.join("\n"));
  assert.deepEqual(await namespacesOf(name), []);
  await assert.rejects(Deno.stat(labFolder(name)), Deno.errors.NotFound);
});

rootTest("lab run leaves nothing behind when it is interrupted in the middle of a fault", {
  ...PRIVILEGES,
  timeoutMs: 60_000,
}, async () => {
  const name = `ctrlc-f-${Deno.pid}`;
  const run = [...selfCommand(), "lab", "run", "agent-frozen-60", "--name", name];
  await using scenario = new LabProcess(run, "lab run");
  // The agent is frozen by then: it will not hear that it should end.
  await scenario.waitForLine((line) => line.includes("via NAT"), { timeoutMs: 45_000 });
  const processes = (await Promise.all((await namespacesOf(name)).map(processesIn))).flat()
    .map(identityOf);
  assert.ok(processes.length >= 6, "NAT machine, two agents, two servers, one client at least");
  scenario.kill("SIGINT");
  const { code } = await scenario.ended;
  assert.equal(code, 130, scenario.stderr.lines.join("\n"));
  assert.deepEqual(scenario.stderr.lines.filter((line) => line !== ""), [
    "Interrupted by SIGINT: everything is removed again",
  ]);
  assert.deepEqual(await namespacesOf(name), []);
  assert.deepEqual(processes.filter(isAlive), []);
  await assert.rejects(Deno.stat(labFolder(name)), Deno.errors.NotFound);
});

rootTest("lab run tells as JSON what a scenario found", PRIVILEGES, async () => {
  const name = `json-${Deno.pid}`;
  const { code, stdout, stderr } = await runHost(
    [...selfCommand(), "lab", "run", "malformed-packets", "--json", "--name", name],
  );
  assert.equal(code, 0, stdout + stderr);
  const result = JSON.parse(stdout) as { name: string; ok: boolean; checks: { holds: boolean }[] };
  assert.equal(result.name, "malformed-packets");
  assert.ok(result.ok && result.checks.every((check) => check.holds));
});
