/**
 * The version of Deno is pinned in README's test command: CI runs that very line, and wherever else
 * a version is named it is the same.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

async function pinnedVersion(): Promise<string> {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const command = /npx -y deno@(\d+\.\d+\.\d+) task test/.exec(readme);
  assert.ok(command, "README.md gives no test command");
  return command[1]!;
}

Deno.test("every document names the version of Deno that README's test command names", async () => {
  const version = await pinnedVersion();
  const { stdout } = await new Deno.Command("git", {
    args: ["grep", "--untracked", "-nIoE", "deno@[0-9]+[0-9.]*", "--", ":!deno.lock", ":!tests"],
    cwd: ROOT,
  }).output();
  const named = new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
  assert.ok(named.length > 0);
  assert.deepEqual(named.filter((line) => !line.endsWith(`:deno@${version}`)), []);
});

Deno.test("the tests run on the version of Deno that README names", async () => {
  assert.equal(Deno.version.deno, await pinnedVersion());
});

Deno.test(".ci/run finds README's test command", async () => {
  const script = await Deno.readTextFile(`${ROOT}.ci/run`);
  const pattern = /grep -oE -m1 '([^']+)' README\.md/.exec(script)?.[1];
  assert.ok(pattern);
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  assert.match(readme, new RegExp(pattern));
});
