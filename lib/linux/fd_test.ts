import assert from "node:assert/strict";
import { Fd } from "./fd.ts";
import { openLibc } from "./libc.ts";

function openSomething(): Fd {
  return new Fd(openLibc().eventfd(0, 0), "an eventfd of a test");
}

Deno.test("Fd closes its descriptor when its scope ends", () => {
  let number: number;
  {
    using fd = openSomething();
    number = fd.number;
    assert.ok(Fd.open.includes(fd));
    assert.ok(isOpen(number));
  }
  assert.ok(!isOpen(number));
  assert.ok(!Fd.open.some((fd) => fd.number === number));
});

Deno.test("Fd closes once only, so that the number's next owner keeps it", () => {
  const first = openSomething();
  first.close();
  using second = openSomething();
  assert.equal(second.number, first.number);
  first.close();
  assert.ok(first.closed);
  assert.ok(isOpen(second.number));
});

function isOpen(number: number): boolean {
  try {
    Deno.readLinkSync(`/proc/self/fd/${number}`);
    return true;
  } catch {
    return false;
  }
}
