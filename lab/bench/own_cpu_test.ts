import assert from "node:assert/strict";
import { maskText } from "./own_cpu.ts";

Deno.test("maskText() writes 32 bits a group, the highest first", () => {
  assert.equal(maskText(1n), "1");
  assert.equal(maskText((1n << 2n) - 2n), "2");
  assert.equal(maskText((1n << 33n) - 2n), "1,fffffffe");
  assert.equal(maskText(0n), "0");
});
