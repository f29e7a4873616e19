import assert from "node:assert/strict";
import { LinuxError } from "./error.ts";
import { lockFile } from "./file_lock.ts";

Deno.test("lockFile() is for one holder at a time, and the file stays", () => {
  const folder = Deno.makeTempDirSync({ prefix: "bypath-lock-" });
  const path = `${folder}/nat.lock`;
  try {
    {
      using lock = lockFile(path);
      assert.equal(lock.path, path);
      assert.throws(() => lockFile(path), (error: unknown) => {
        assert.ok(error instanceof LinuxError);
        assert.equal(error.code, "EAGAIN");
        assert.match(error.message, /^Cannot lock ".*": .*, another process holds it$/);
        return true;
      });
    }
    assert.ok(Deno.statSync(path).isFile);
    lockFile(path).close();
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("lockFile() is given up when the holder is killed", async () => {
  const folder = await Deno.makeTempDir({ prefix: "bypath-lock-" });
  const path = `${folder}/nat.lock`;
  try {
    const source = `
      import { lockFile } from ${JSON.stringify(import.meta.resolve("./file_lock.ts"))};
      globalThis.lock = lockFile(${JSON.stringify(path)});
      console.log("locked");
      setTimeout(() => {}, 60_000);`;
    const holder = new Deno.Command(Deno.execPath(), { args: ["eval", source], stdout: "piped" })
      .spawn();
    const reader = holder.stdout.getReader();
    await reader.read();
    assert.throws(() => lockFile(path), LinuxError);
    holder.kill("SIGKILL");
    await holder.status;
    await reader.cancel();
    lockFile(path).close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
