import assert from "node:assert/strict";
import { type Asked, isLoopback, refusalOf } from "./guard.ts";

function status(change: Partial<Asked>, address = "127.0.0.1"): number | undefined {
  const asked = { method: "GET", host: "127.0.0.1:8400", origin: null, site: null, ...change };
  return refusalOf(asked, address)?.status;
}

Deno.test("refusalOf(): only reading is answered", () => {
  for (const method of ["GET", "HEAD"]) assert.equal(status({ method }), undefined);
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
    assert.equal(status({ method }), 405, method);
  }
});

Deno.test("refusalOf(): a name that somebody else chose is refused", () => {
  for (const host of ["localhost:8400", "127.0.0.1", "127.0.0.1:9", "[::1]:8400", "LOCALHOST"]) {
    assert.equal(status({ host }), undefined, host);
  }
  const foreign = [
    ...[
      "evil.example",
      "evil.example:8400",
      "127.0.0.1.evil.example:8400",
      "localhost.evil.example",
    ],
    ...["10.0.0.1:8400", "0.0.0.0:8400", "", "127.0.0.1:8400:1", "127.0.0.1 evil", "2130706433"],
  ];
  for (const host of foreign) assert.equal(status({ host }), 421, host);
  assert.equal(status({ host: null }), 421);
});

Deno.test("refusalOf(): elsewhere than on loopback it is the address that was asked for", () => {
  assert.equal(status({ host: "10.0.0.1:8400" }, "10.0.0.1"), undefined);
  assert.equal(status({ host: "10.0.0.2:8400" }, "10.0.0.1"), 421);
  assert.equal(status({ host: "10.0.0.2:8400" }, "0.0.0.0"), undefined);
  assert.equal(status({ host: "[2001:db8::1]:8400" }, "::"), undefined);
  assert.equal(status({ host: "evil.example:8400" }, "0.0.0.0"), 421);
});

Deno.test("refusalOf(): other origins and sites are refused", () => {
  assert.equal(status({ origin: "http://127.0.0.1:8400" }), undefined);
  assert.equal(status({ origin: "http://evil.example" }), 403);
  assert.equal(status({ origin: "http://127.0.0.1:9999" }), 403);
  assert.equal(status({ origin: "null" }), 403);
  assert.equal(status({ site: "same-origin" }), undefined);
  assert.equal(status({ site: "none" }), undefined);
  assert.equal(status({ site: "cross-site" }), 403);
  assert.equal(status({ site: "same-site" }), 403);
});

Deno.test("isLoopback() knows both families", () => {
  assert.deepEqual(
    ["127.0.0.1", "127.9.9.9", "::1", "10.0.0.1", "::", "0.0.0.0", "localhost"].map(isLoopback),
    [true, true, true, false, false, false, false],
  );
});
