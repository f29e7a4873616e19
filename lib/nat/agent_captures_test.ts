import assert from "node:assert/strict";
import type { CaptureBatch } from "../control/capture_feed.ts";
import { programText } from "../control/features.ts";
import type { CaptureOrder } from "../control/messages.ts";
import { AgentCaptures } from "./agent_captures.ts";

const COUNTS = { captured: 2, filtered: 1, lost: 0 };
const ORDER = { filter: "tcp", snapBytes: 256 };

function setUp() {
  const sent: CaptureOrder[] = [];
  const captures = new AgentCaptures((_agent, message) => void sent.push(message));
  const batches: CaptureBatch[] = [];
  const over: string[] = [];
  const listener = {
    batch: (batch: CaptureBatch) => {
      batches.push(batch);
      return Promise.resolve();
    },
    over: (reason: string) => void over.push(reason),
  };
  const place = captures.place(
    { name: "s1", connected: true, program: programText("0.1.0") },
    ORDER,
  );
  return { captures, sent, batches, over, listener, place };
}

/** Lets what was promised happen. */
const settle = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("an agent that does not know captures, or is not connected, is not asked", async () => {
  const { captures, sent, listener } = setUp();
  const old = captures.place({ name: "s2", connected: true, program: "bypath 0.0.9" }, ORDER);
  await assert.rejects(old.begin(listener), /agent s2: it runs bypath 0\.0\.9, which cannot; upgr/);
  const gone = captures.place({ name: "s3", connected: false, program: programText("1") }, ORDER);
  await assert.rejects(gone.begin(listener), /agent s3: it is not connected/);
  assert.deepEqual(sent, []);
});

Deno.test("what an agent captures is handed on, and there may be more once it was taken", async () => {
  const { captures, sent, batches, over, listener, place } = setUp();
  const begun = place.begin(listener);
  const { id } = sent[0]!;
  captures.message("s1", { type: "captureBegun", id, sources: ["tun"], outputs: ["eth0"] });
  assert.deepEqual(await begun, { sources: ["tun"], outputs: ["eth0"] });
  const batch = { data: "AAAA", sessions: [], counts: COUNTS };
  captures.message("s2", { type: "captured", id, ...batch });
  assert.deepEqual(batches, [], "it is another agent's");
  captures.message("s1", { type: "captured", id, ...batch });
  await settle();
  assert.deepEqual(batches, [batch]);
  assert.deepEqual(sent.at(-1), { type: "captureTaken", id, bytes: 3 });
  const ended = place.end();
  assert.deepEqual(sent.at(-1), { type: "captureStop", id });
  captures.message("s1", { type: "captureEnded", id, reason: null, counts: COUNTS });
  assert.deepEqual(await ended, COUNTS);
  assert.deepEqual(await place.end(), COUNTS);
  assert.deepEqual(over, []);
});

Deno.test("a capture is over with the agent's refusal or its connection", async () => {
  const refused = setUp();
  const begun = refused.place.begin(refused.listener);
  const { id } = refused.sent[0]!;
  refused.captures.message(
    "s1",
    {
      ...{ type: "captureEnded", id, reason: "4 captures run already", counts: COUNTS },
    } as const,
  );
  await assert.rejects(begun, /at agent s1: 4 captures run already/);

  const lost = setUp();
  const other = lost.place.begin(lost.listener);
  const key = { id: lost.sent[0]!.id };
  lost.captures.message("s1", { type: "captureBegun", ...key, sources: [], outputs: [] });
  await other;
  lost.captures.lost("s1", "connection reset");
  assert.deepEqual(lost.over, ["the connection was lost: connection reset"]);
});
