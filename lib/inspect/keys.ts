/** Control sequences that terminals send for keys, after ESC [ or ESC O (ECMA-48, xterm). */
const SEQUENCES: Readonly<Record<string, string>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  H: "home",
  F: "end",
  "1~": "home",
  "4~": "end",
  "5~": "pageup",
  "6~": "pagedown",
  "7~": "home",
  "8~": "end",
  "3~": "delete",
};
const CONTROLS: Readonly<Record<number, string>> = {
  3: "ctrl-c",
  8: "backspace",
  9: "tab",
  10: "enter",
  12: "ctrl-l",
  13: "enter",
  21: "ctrl-u",
  26: "ctrl-z",
  127: "backspace",
};

/**
 * The keys in what a terminal in raw mode sent at once: a printable character as itself, others by name;
 * what is not known is left out. An ESC with nothing after it is the key `escape`.
 */
export function keysIn(bytes: Uint8Array): string[] {
  const text = new TextDecoder().decode(bytes);
  const keys: string[] = [];
  // deno-lint-ignore no-control-regex -- ESC is what such a sequence begins with.
  for (const [part, sequence] of text.matchAll(/\x1b[[O]([0-9;]*[A-Za-z~])|\x1b|[^\x1b]/gu)) {
    if (sequence !== undefined) {
      const key = SEQUENCES[sequence];
      if (key !== undefined) keys.push(key);
    } else if (part === "\x1b") keys.push("escape");
    else {
      const code = part.codePointAt(0)!;
      if (code >= 32 && code !== 127) keys.push(part);
      else if (CONTROLS[code] !== undefined) keys.push(CONTROLS[code]);
    }
  }
  return keys;
}
