import assert from "node:assert/strict";
import type { SessionView } from "../session/session_view.ts";
import { paintFor } from "./palette.ts";
import { firstState, type TopState, withKey } from "./top_state.ts";
import { pageRows, renderTop, type TopContent } from "./top_view.ts";

function pressed(...keys: string[]): TopState {
  return keys.reduce<TopState>((state, key) => {
    const next = withKey(state, key, 10);
    assert.ok(next !== "quit");
    return next;
  }, firstState(2000));
}

Deno.test("keys of top choose view, order, path, filter, interval and place", () => {
  assert.equal(pressed("2").view, "servers");
  assert.equal(pressed("tab", "tab", "tab").view, "sessions");
  assert.equal(pressed("left").view, "services");
  assert.equal(pressed("s").sort.sessions, "bytes");
  assert.equal(pressed("S").sort.sessions, "server");
  assert.deepEqual([pressed("b").path, pressed("b", "b").path, pressed("b", "b", "b").path], [
    "nat",
    "bypass",
    null,
  ]);
  assert.equal(pressed("r").reversed, true);
  assert.equal(pressed("p").paused, true);
  assert.equal(pressed(" ", "p").paused, false);
  assert.deepEqual([pressed("+").intervalMs, pressed("-").intervalMs], [5000, 1000]);
  assert.equal(pressed(..."-".repeat(9)).intervalMs, 250);
  assert.equal(pressed("pagedown", "down", "up", "k").scrolled, 9);
  assert.equal(pressed("pagedown", "home").scrolled, 0);
  assert.equal(pressed("up").scrolled, 0);
  assert.equal(pressed("?", "s").sort.sessions, "rate", "any key only ends the help");
});

Deno.test("a filter is typed, taken with Enter, left with Escape", () => {
  const typing = pressed("/", "1", "0", ".", "q", "backspace");
  assert.deepEqual([typing.typing, typing.filter], ["10.", ""]);
  assert.equal(pressed("/", "w", "e", "b", " ", "enter").filter, "web");
  assert.equal(pressed("/", "w", "enter", "/", "x", "escape").filter, "w");
  assert.equal(pressed("/", "w", "enter", "/").typing, "w");
  assert.equal(pressed("/", "w", "ctrl-u", "b", "enter").filter, "b");
  assert.equal(pressed("/", "w", "enter", "b", "escape").filter, "");
  assert.equal(pressed("/", "up", "q").typing, "q");
});

Deno.test("q and Ctrl-C end it, Ctrl-C even while a filter is typed", () => {
  assert.equal(withKey(firstState(1000), "q", 10), "quit");
  assert.equal(withKey(pressed("/"), "ctrl-c", 10), "quit");
});

const SESSION: SessionView = {
  id: "1",
  service: "web",
  protocol: "tcp",
  client: "[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
  vip: "203.0.113.10:80",
  nat: "10.0.1.1:1024",
  server: "[2001:db8:ffff:ffff:ffff:ffff:ffff:fffe]:65535",
  state: "established",
  path: "bypass",
  reason: "bytes 65536 reached",
  packets: { fromClient: 1, viaNat: 1, viaBypass: 1 },
  bytes: { fromClient: 1e12, viaNat: 1e12, viaBypass: 1e12 },
  ageMs: 1e9,
  idleMs: 1e9,
  pathMtu: null,
  instruction: null,
};
const FLOW = { sessions: 1e6, bypassing: 9e5, fromClient: 1e9, viaNat: 1e9, viaBypass: 1e11 };
const CONTENT: TopContent = {
  title: "bypath nat 0.1.0  up 3d2h  12 services  10 of 10 agents able",
  total: FLOW,
  history: { viaNat: [1, 2, 3], viaBypass: Array(60).fill(7) },
  counters: "table 1M of 1.05M  packets 1M/s  worker 30 % busy  dropped noSession 12/s",
  trouble: null,
  rows: { kind: "sessions", rows: Array(100).fill({ session: SESSION, rate: 1e9 }) },
  matching: 1e6,
};

Deno.test("top fills a screen of any size and no more, whatever is on it", () => {
  const groups: TopContent = {
    ...CONTENT,
    trouble: "Cannot reach /run/bypath/nat.sock: nothing runs there",
    rows: { kind: "groups", rows: [{ service: "web", server: "", flow: FLOW, note: "up, able" }] },
  };
  const states = [
    pressed(),
    pressed("p"),
    pressed("?"),
    pressed("/"),
    pressed("b", "/", ..."10.0", "enter"),
  ];
  const paint = paintFor({ colours: false });
  for (const content of [CONTENT, groups]) {
    for (const state of states) {
      for (const [columns, lines] of [[80, 24], [20, 5], [200, 60], [1, 1], [40, 100]] as const) {
        const shown = renderTop(content, state, { columns, lines, paint });
        assert.equal(shown.length, lines);
        // What a session cannot do without is cut off by the terminal.
        const isTable = content === CONTENT && !state.help;
        const widest = Math.max(...shown.map((line) => line.length));
        assert.ok(widest <= Math.max(columns, isTable ? 110 : 75), `${columns}: ${widest}`);
      }
    }
  }
});

Deno.test("top on 80 x 24 shows rates by path, a page of sessions, and the keys", () => {
  const rows = CONTENT.rows.rows.slice(0, pageRows(24));
  const content = { ...CONTENT, rows: { kind: "sessions", rows } } as TopContent;
  const lines = renderTop(content, pressed(), {
    columns: 80,
    lines: 24,
    paint: paintFor({ colours: false }),
  });
  assert.match(lines[0]!, /^bypath nat 0\.1\.0 .*every 2s$/);
  assert.match(lines[1]!, /^nat +8Gbit\/s +100k sessions {2}in 8Gbit\/s .*▃▆█$/);
  assert.match(lines[2]!, /^bypass +800Gbit\/s +900k sessions {2}99 % of responses/);
  assert.match(lines[4]!, /^CLIENT .*PATH +RATE/);
  assert.equal(lines.filter((line) => line.startsWith("[2001:db8:ffff")).length, 17);
  assert.match(lines[22]!, /^\[1 sessions\] 2 servers 3 services {2}1-17 of 1M {2}by rate$/);
  assert.match(lines[23]!, /^q quit {2}p pause .*\? help$/);
});
