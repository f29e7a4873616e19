import assert from "node:assert/strict";
import { Log, type LogFormat, type LogLevel } from "./log.ts";

function logged(format: LogFormat, level: LogLevel, tell: (log: Log) => void): string[] {
  const lines: string[] = [];
  const now = () => Date.UTC(2026, 0, 2, 3, 4, 5, 6);
  tell(new Log({ format, level, write: (line) => lines.push(line), now }));
  return lines;
}

const TALK = (log: Log) => {
  log.debug("agent-lost", { agent: "s1", reason: "connection reset", packets: 3, able: null });
  log.info("Ready: 1 service (web) on eth0", { services: 1 });
  log.warn("Nothing is heard");
  log.error('Cannot bind "x":\nno');
};

Deno.test("a text log is its messages, as many as the level lets through", () => {
  assert.deepEqual(logged("text", "info", TALK), [
    "Ready: 1 service (web) on eth0",
    "Nothing is heard",
    'Cannot bind "x":\nno',
  ]);
  assert.deepEqual(
    logged("text", "debug", TALK)[0],
    'agent-lost agent=s1 reason="connection reset" packets=3 able=null',
  );
  assert.equal(logged("text", "error", TALK).length, 1);
});

Deno.test("a JSON log is one object a line, with time, level, message and fields", () => {
  const lines = logged("json", "debug", TALK);
  assert.ok(lines.every((line) => !line.includes("\n")));
  const [debug, info, , error] = lines.map((line) => JSON.parse(line));
  const time = "2026-01-02T03:04:05.006Z";
  assert.deepEqual(debug, {
    time,
    level: "debug",
    message: "agent-lost",
    agent: "s1",
    reason: "connection reset",
    packets: 3,
    able: null,
  });
  assert.deepEqual(info.services, 1);
  assert.equal(error.message, 'Cannot bind "x":\nno');
});

Deno.test("no field takes the place of time, level and message", () => {
  const [line] = logged(
    "json",
    "info",
    (log) => log.info("it", { level: "x", time: 1, message: 2 }),
  );
  assert.deepEqual(JSON.parse(line!), {
    time: "2026-01-02T03:04:05.006Z",
    level: "info",
    message: "it",
  });
});
