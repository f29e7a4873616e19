import assert from "node:assert/strict";
import { askWorker } from "./_test_worker.ts";
import { EPERM } from "./constants.ts";
import { errnoName, lastErrno, LinuxError } from "./error.ts";
import { cString, openLibc } from "./libc.ts";

Deno.test("LinuxError says what failed, why, and what is needed", () => {
  const error = new LinuxError('bind to "eth0"', EPERM, { call: "bind", needs: "CAP_NET_RAW" });
  assert.equal(error.message, 'Cannot bind to "eth0": operation not permitted, needs CAP_NET_RAW');
  assert.deepEqual([error.errno, error.code, error.call], [1, "EPERM", "bind"]);
});

Deno.test("LinuxError names no capability when the reason is another one", () => {
  const error = new LinuxError("open a socket", 22, {
    call: "socket",
    needs: "CAP_NET_RAW",
    hint: "use another kernel",
  });
  assert.equal(error.message, "Cannot open a socket: invalid argument, use another kernel");
});

Deno.test("errnoName() names what has a name and numbers the rest", () => {
  assert.equal(errnoName(11), "EAGAIN");
  assert.equal(errnoName(133), "EHWPOISON");
  assert.equal(errnoName(41), "E41");
  assert.equal(errnoName(4000), "E4000");
});

Deno.test("lastErrno() tells the reason of the call just made, on the main thread and in a worker", async () => {
  assert.equal(openLibc().close(-1), -1);
  assert.equal(lastErrno(), 9);
  await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(openLibc().open(cString("/nowhere/at/all"), 0, 0), -1);
  assert.equal(lastErrno(), 2);
  assert.deepEqual(await askWorker({ kind: "errnos" }), [9, 2]);
  assert.equal(lastErrno(), 2);
});

Deno.test("cString() ends text with a zero byte and refuses one inside", () => {
  assert.deepEqual(cString("ab"), new Uint8Array([97, 98, 0]));
  assert.throws(() => cString("a\0b"), TypeError);
});
