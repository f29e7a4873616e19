import type { SessionRecords } from "../../../lib/session/session_records.ts";

/** The process was killed between two writes to the table. */
export class Killed extends Error {
  override readonly name = "Killed";
}

const VIEWS = [
  "u8",
  "u16",
  "i32",
  "u32",
  "f32",
  "f64",
  "header",
  "headerF64",
  "dictionary",
] as const;

/**
 * From now on the table takes `writes` more writes; the next one throws {@linkcode Killed}.
 * @returns whether that has happened: a promise may have swallowed it
 */
export function killAfter(tables: readonly SessionRecords[], writes: number): () => boolean {
  let left = writes;
  let isOver = false;
  const write = () => {
    isOver ||= left-- <= 0;
    if (isOver) throw new Killed();
  };
  for (const table of tables) {
    for (const name of VIEWS) {
      const view = table[name];
      const watched = new Proxy(view, {
        get(target, key) {
          const value: unknown = Reflect.get(target, key, target);
          if (typeof value !== "function") return value;
          if (key === "fill" || key === "set") write();
          return value.bind(target);
        },
        set(target, key, value) {
          write();
          return Reflect.set(target, key, value, target);
        },
      });
      Object.defineProperty(table, name, { value: watched, configurable: true });
    }
  }
  return () => isOver;
}
