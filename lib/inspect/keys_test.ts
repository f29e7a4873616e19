import assert from "node:assert/strict";
import { keysIn } from "./keys.ts";

const keys = (text: string) => keysIn(new TextEncoder().encode(text));

Deno.test("keysIn() tells printable keys, control keys and sequences, however many come at once", () => {
  assert.deepEqual(keys("q"), ["q"]);
  assert.deepEqual(keys("10.0é"), ["1", "0", ".", "0", "é"]);
  assert.deepEqual(keys("\x1b[A\x1bOB\x1b[5~\x1b[6~\x1b[H"), [
    "up",
    "down",
    "pageup",
    "pagedown",
    "home",
  ]);
  assert.deepEqual(keys("\r\x7f\x03\x1a\t "), [
    "enter",
    "backspace",
    "ctrl-c",
    "ctrl-z",
    "tab",
    " ",
  ]);
  assert.deepEqual(keys("\x1b"), ["escape"]);
  assert.deepEqual(keys("\x1b\x1b[Bx"), ["escape", "down", "x"]);
});

Deno.test("keysIn() leaves out what it does not know, without taking it for keys", () => {
  assert.deepEqual(keys("\x1b[1;5C\x1b[24~\x00\x01"), []);
});
