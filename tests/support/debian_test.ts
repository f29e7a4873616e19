import assert from "node:assert/strict";
import { NoServiceStarts } from "./debian.ts";

Deno.test("NoServiceStarts forbids services to start while it lives, and not afterwards", () => {
  const folder = Deno.makeTempDirSync({ prefix: "bypath-test-" });
  const path = `${folder}/policy-rc.d`;
  try {
    {
      using _ = new NoServiceStarts(path);
      assert.equal(exitStatus(path, "nginx", "start"), 101);
      const ofDeadProcess = Deno.readTextFileSync(path).replace(`${Deno.pid}`, `${2 ** 22 + 1}`);
      Deno.writeTextFileSync(path, ofDeadProcess);
      assert.equal(exitStatus(path, "nginx", "start"), 104);
    }
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("NoServiceStarts leaves a policy that the host has", () => {
  const path = Deno.makeTempFileSync({ prefix: "bypath-test-" });
  try {
    Deno.writeTextFileSync(path, "theirs");
    {
      using _ = new NoServiceStarts(path);
    }
    assert.equal(Deno.readTextFileSync(path), "theirs");
  } finally {
    Deno.removeSync(path);
  }
});

function exitStatus(command: string, ...args: string[]): number {
  return new Deno.Command(command, { args }).outputSync().code;
}
