import assert from "node:assert/strict";
import { rootTest } from "../../tests/support/root_test.ts";
import { allowedCpus, setParentDeathSignal, setThreadName } from "./process.ts";

Deno.test("setThreadName() names the thread, cut to 15 bytes", () => {
  const path = "/proc/thread-self/comm";
  const before = Deno.readTextFileSync(path).trim();
  setThreadName("bypath packet worker");
  assert.equal(Deno.readTextFileSync(path), "bypath packet w\n");
  setThreadName("short");
  assert.equal(Deno.readTextFileSync(path), "short\n");
  setThreadName(before);
});

rootTest("setThreadNice() changes this thread", { capabilities: ["CAP_SYS_NICE"] }, async () => {
  const source = `
    import { setThreadNice } from ${JSON.stringify(import.meta.resolve("./process.ts"))};
    setThreadNice(-5);
    console.log(Deno.readTextFileSync("/proc/thread-self/stat").split(") ")[1].split(" ")[16]);`;
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", source] }).output();
  assert.equal(new TextDecoder().decode(stdout), "-5\n");
});

Deno.test("setParentDeathSignal() ends a process whose parent is killed", async () => {
  const child = `
    import { setParentDeathSignal } from ${JSON.stringify(import.meta.resolve("./process.ts"))};
    setParentDeathSignal(15);
    console.log(Deno.pid);
    setTimeout(() => {}, 60_000);`;
  const parent = `
    new Deno.Command(Deno.execPath(), { args: ["eval", ${JSON.stringify(child)}] }).spawn();
    setTimeout(() => {}, 60_000);`;
  const process = new Deno.Command(Deno.execPath(), { args: ["eval", parent], stdout: "piped" })
    .spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  const pid = Number(value);
  assert.ok(pid > 0);
  process.kill("SIGKILL");
  await process.status;
  // The child holds the other end of the pipe: it is closed when the child has ended.
  const { done } = await reader.read();
  assert.equal(done, true);
  setParentDeathSignal(0);
});

Deno.test("setThreadCpu() keeps this thread on one CPU, and no CPU that there is not", async () => {
  const cpu = allowedCpus().at(-1)!;
  const source = `
    import { allowedCpus, setThreadCpu } from ${
    JSON.stringify(import.meta.resolve("./process.ts"))
  };
    setThreadCpu(${cpu});
    try { setThreadCpu(1023); } catch (error) { console.log(error.message); }
    console.log(allowedCpus().join());`;
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", source] }).output();
  const [refusal, allowed] = new TextDecoder().decode(stdout).trim().split("\n");
  assert.match(refusal!, /^Cannot stay on CPU 1023: invalid argument/i);
  assert.equal(allowed, String(cpu));
});
