import assert from "node:assert/strict";
import { askWorker } from "./_test_worker.ts";
import { LinuxError } from "./error.ts";
import { Fd } from "./fd.ts";
import { gatherHugePages, mapAnonymous, mapFile, mapHuge, viewAt } from "./memory.ts";

Deno.test("mapAnonymous() gives zeroed pages that a view by address shares", () => {
  using mapping = mapAnonymous(10_000);
  assert.equal(mapping.buffer.byteLength, 10_000);
  assert.equal(mapping.address % 4096n, 0n);
  const bytes = new Uint8Array(mapping.buffer);
  assert.ok(bytes.every((byte) => byte === 0));
  bytes[7] = 42;
  assert.equal(new Uint8Array(viewAt(mapping.address + 7n, 1))[0], 42);
});

Deno.test("mapHuge() gives zeroed pages that begin where a huge page may", () => {
  const mapping = mapHuge(3_000_000);
  assert.equal(mapping.address % 2097152n, 0n);
  const bytes = new Uint8Array(mapping.buffer);
  assert.equal(bytes.length, 3_000_000);
  assert.ok(bytes.every((byte) => byte === 0));
  bytes[2_999_999] = 42;
  assert.equal(new Uint8Array(viewAt(mapping.address + 2_999_999n, 1))[0], 42);
  mapping[Symbol.dispose]();
  mapping[Symbol.dispose]();
  assert.equal(bytes.length, 0);
});

Deno.test("a mapping that was disposed of leaves its views empty", () => {
  const mapping = mapAnonymous(4096);
  const bytes = new Uint8Array(mapping.buffer);
  mapping[Symbol.dispose]();
  mapping[Symbol.dispose]();
  assert.equal(bytes.length, 0);
});

Deno.test("mapAnonymous() refuses lengths that are none", () => {
  for (const length of [0, -1, 1.5, NaN]) assert.throws(() => mapAnonymous(length), RangeError);
});

Deno.test("mapAnonymous() says when memory is short", () => {
  assert.throws(() => mapAnonymous(2 ** 50), (error: unknown) => {
    assert.ok(error instanceof LinuxError);
    assert.equal(error.code, "ENOMEM");
    return true;
  });
});

Deno.test("a thread sees what another writes to a mapping", async () => {
  using mapping = mapAnonymous(4096);
  const words = new Int32Array(mapping.buffer);
  words[0] = 41;
  assert.equal(await askWorker({ kind: "increment", address: mapping.address }), 41);
  assert.equal(words[0], 42);
});

Deno.test("mapFile() shares a file's bytes between mappings, live", () => {
  withTempDir((folder) => {
    const path = `${folder}/table`;
    using writer = mapFile(path, { lengthBytes: 5000, writable: true, create: true });
    using reader = mapFile(path, { writable: false });
    assert.equal(reader.lengthBytes, 5000);
    new Uint8Array(writer.buffer)[4999] = 9;
    assert.equal(new Uint8Array(reader.buffer)[4999], 9);
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
    assert.deepEqual(Fd.open.filter((fd) => fd.label === path), []);
  });
});

Deno.test("mapFile() keeps what is there, grows a short file and never cuts a long one", () => {
  withTempDir((folder) => {
    const path = `${folder}/table`;
    Deno.writeFileSync(path, new Uint8Array([1, 2, 3]));
    {
      using grown = mapFile(path, {
        lengthBytes: 8192,
        writable: true,
        create: true,
        reserve: true,
      });
      assert.deepEqual([...new Uint8Array(grown.buffer, 0, 4)], [1, 2, 3, 0]);
    }
    using part = mapFile(path, { lengthBytes: 2, writable: true, create: true });
    assert.equal(part.buffer.byteLength, 2);
    assert.equal(Deno.statSync(path).size, 8192);
  });
});

Deno.test("mapFile() says what is wrong with a file that is missing or too short", () => {
  withTempDir((folder) => {
    const path = `${folder}/table`;
    assert.throws(() => mapFile(path, { writable: true }), {
      message: `Cannot open "${path}": no such file or directory`,
    });
    Deno.writeFileSync(path, new Uint8Array(10));
    assert.throws(() => mapFile(path, { writable: false, lengthBytes: 11 }), {
      name: "RangeError",
      message: `Cannot map "${path}": it has 10 bytes, 11 were expected`,
    });
  });
});

function withTempDir(fn: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync({ prefix: "bypath-memory-" });
  try {
    fn(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("a file keeps its bytes when its pages are gathered into huge ones", async () => {
  const folder = await Deno.makeTempDir({ dir: "/dev/shm" });
  try {
    const path = `${folder}/file`;
    const lengthBytes = 5_000_000;
    const how = { writable: true, create: true, reserve: true, aligned: true };
    const file = mapFile(path, { lengthBytes, ...how });
    assert.equal(file.address % 2097152n, 0n);
    const bytes = new Uint8Array(file.buffer);
    for (let at = 0; at < lengthBytes; at += 4096) bytes[at] = 1 + at / 4096 % 251;
    const isGathered = gatherHugePages(file, 2_200_000, 1_000_000);
    for (let at = 0; at < lengthBytes; at += 4096) assert.equal(bytes[at], 1 + at / 4096 % 251);
    const other = mapFile(path, { writable: false, aligned: true });
    const read = new Uint8Array(other.buffer);
    for (let at = 0; at < lengthBytes; at += 4096) assert.equal(read[at], 1 + at / 4096 % 251);
    // A kernel without them, or before 6.1, refuses.
    if (isGathered) {
      assert.match(await Deno.readTextFile("/proc/self/smaps"), /PmdMapped: +2048 kB/);
    }
    other[Symbol.dispose]();
    file[Symbol.dispose]();
    file[Symbol.dispose]();
    assert.equal(bytes.length, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
