/**
 * What `inspect top` shows and how, as it changes with each key. Pure.
 *
 * @module
 */

export const VIEWS = ["sessions", "servers", "services"] as const;
export type View = typeof VIEWS[number];

/** The keys by which a view can be sorted; the first one is where it begins. */
export const SORTS: Readonly<Record<View, readonly string[]>> = {
  sessions: ["rate", "bytes", "age", "idle", "client", "server"],
  servers: ["rate", "sessions", "bypass", "server"],
  services: ["rate", "sessions", "bypass", "service"],
};

export interface TopState {
  readonly view: View;
  readonly sort: Readonly<Record<View, string>>;
  readonly reversed: boolean;
  /** Sessions on this path alone. */
  readonly path: "nat" | "bypass" | null;
  readonly filter: string;
  /** What is being typed in place of the filter; null: nothing. */
  readonly typing: string | null;
  readonly paused: boolean;
  readonly help: boolean;
  /** Rows above the first one shown. */
  readonly scrolled: number;
  readonly intervalMs: number;
}

export function firstState(intervalMs: number): TopState {
  return {
    view: "sessions",
    sort: { sessions: "rate", servers: "rate", services: "rate" },
    reversed: false,
    path: null,
    filter: "",
    typing: null,
    paused: false,
    help: false,
    scrolled: 0,
    intervalMs,
  };
}

const INTERVALS_MS = [250, 500, 1000, 2000, 5000, 10_000];
const PATHS = [null, "nat", "bypass"] as const;

/**
 * What a key makes of it; "quit" when it ends the program.
 * @param page rows that are shown at a time
 */
export function withKey(state: TopState, key: string, page: number): TopState | "quit" {
  if (key === "ctrl-c") return "quit";
  if (state.typing !== null) return typed(state, state.typing, key);
  if (state.help) return { ...state, help: false };
  const scroll = (by: number) => ({ ...state, scrolled: Math.max(0, state.scrolled + by) });
  switch (key) {
    case "q":
      return "quit";
    case "escape":
      return { ...state, filter: "", path: null, scrolled: 0 };
    case "1":
    case "2":
    case "3":
      return { ...state, view: VIEWS[Number(key) - 1]!, scrolled: 0 };
    case "tab":
    case "right":
      return { ...state, view: after(VIEWS, state.view, 1), scrolled: 0 };
    case "left":
      return { ...state, view: after(VIEWS, state.view, -1), scrolled: 0 };
    case "s":
    case "S": {
      const next = after(SORTS[state.view], state.sort[state.view], key === "s" ? 1 : -1);
      return { ...state, sort: { ...state.sort, [state.view]: next }, scrolled: 0 };
    }
    case "r":
      return { ...state, reversed: !state.reversed, scrolled: 0 };
    case "b":
      return { ...state, path: after(PATHS, state.path, 1), scrolled: 0 };
    case "/":
      return { ...state, typing: state.filter };
    case "p":
    case " ":
      return { ...state, paused: !state.paused };
    case "+":
    case "-":
      return { ...state, intervalMs: interval(state.intervalMs, key === "+" ? 1 : -1) };
    case "?":
    case "h":
      return { ...state, help: true };
    case "up":
    case "k":
      return scroll(-1);
    case "down":
    case "j":
      return scroll(1);
    case "pageup":
      return scroll(-page);
    case "pagedown":
      return scroll(page);
    case "home":
      return { ...state, scrolled: 0 };
    default:
      return state;
  }
}

function typed(state: TopState, text: string, key: string): TopState {
  switch (key) {
    case "enter":
      return { ...state, filter: text.trim(), typing: null, scrolled: 0 };
    case "escape":
      return { ...state, typing: null };
    case "backspace":
      return { ...state, typing: [...text].slice(0, -1).join("") };
    case "ctrl-u":
      return { ...state, typing: "" };
    default:
      return [...key].length === 1 ? { ...state, typing: text + key } : state;
  }
}

/** The one before or after, round and round. */
function after<T>(all: readonly T[], one: T, by: number): T {
  return all[(all.indexOf(one) + by + all.length) % all.length]!;
}

function interval(nowMs: number, by: 1 | -1): number {
  const found = by === 1
    ? INTERVALS_MS.find((it) => it > nowMs)
    : INTERVALS_MS.findLast((it) => it < nowMs);
  return found ?? nowMs;
}
