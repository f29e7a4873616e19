import assert from "node:assert/strict";
import { AdminError } from "./admin_protocol.ts";
import { CaptureDesk, type CaptureEvent, captureRequestOf } from "./capture_desk.ts";
import type { CaptureListener, CapturePlace } from "./capture_place.ts";

const COUNTS = { captured: 1, filtered: 0, lost: 0 };
const BATCH = { data: "", sessions: [], counts: COUNTS };
const LINKS = { sources: ["a"], outputs: ["b"] };

function place(name: string, begin: (listener: CaptureListener) => void = () => {}) {
  let ends = 0;
  const made: CapturePlace = {
    name,
    begin: (listener) => {
      begin(listener);
      return Promise.resolve(LINKS);
    },
    end: () => {
      ends++;
      return Promise.resolve(COUNTS);
    },
  };
  return { made, isEnded: () => ends > 0 };
}

const signal = new AbortController().signal;

Deno.test("the reader hears of the places first, then of their packets, at last of the counts", async () => {
  const desk = new CaptureDesk();
  const events: CaptureEvent[] = [];
  const follow = (event: unknown) => {
    events.push(event as CaptureEvent);
    if (events.length === 3) desk.stop((events[0] as { id: string }).id);
    return Promise.resolve();
  };
  const here = place("nat", (listener) => {
    void listener.batch(BATCH);
    void listener.batch(BATCH);
  });
  const cannot: CapturePlace = {
    ...place("s1").made,
    begin: () => Promise.reject(new Error("no")),
  };
  const result = await desk.run([here.made, cannot], null, { follow, signal });
  assert.deepEqual(result, { places: [{ place: "nat", counts: COUNTS }] });
  assert.deepEqual(events.map(({ kind }) => kind), ["begun", "packets", "packets"]);
  assert.deepEqual((events[0] as { refused: unknown }).refused, [{ place: "s1", reason: "no" }]);
  assert.equal(desk.size, 0);
});

Deno.test("a capture ends with its reader, and all its places with it", async () => {
  const desk = new CaptureDesk();
  const here = place("nat", (listener) => void listener.batch(BATCH).catch(() => {}));
  let written = 0;
  const follow = () =>
    written++ === 0 ? Promise.resolve() : Promise.reject(new Error("broken pipe"));
  await desk.run([here.made], null, { follow, signal });
  assert.ok(here.isEnded());
  assert.equal(desk.size, 0);
});

Deno.test("a capture ends with its time, and where every place has ended of itself", async () => {
  const desk = new CaptureDesk();
  const follow = () => Promise.resolve();
  const timed = place("nat");
  await desk.run([timed.made], 5, { follow, signal });
  assert.ok(timed.isEnded());
  const over = place("s1", (listener) => setTimeout(() => listener.over("lost"), 1));
  await desk.run([over.made], null, { follow, signal });
});

Deno.test("no place at all, too many captures and malformed requests are refused", async () => {
  const desk = new CaptureDesk();
  const follow = () => Promise.resolve();
  const cannot: CapturePlace = {
    ...place("s1").made,
    begin: () => Promise.reject(new Error("Cannot capture at agent s1: it is not connected")),
  };
  await assert.rejects(desk.run([cannot], null, { follow, signal }), AdminError);
  const running = [1, 2, 3, 4].map(() => desk.run([place("nat").made], null, { follow, signal }));
  await assert.rejects(desk.run([place("nat").made], null, { follow, signal }), /4 captures run/);
  desk.stopAll();
  await Promise.all(running);
  assert.throws(() => desk.stop("x"), AdminError);
  for (const change of [{ filter: 1 }, { snapBytes: 7 }, { at: "nat" }, { limitMs: 0 }]) {
    const request = { verb: "capture", filter: "", snapBytes: 256, ...change };
    assert.throws(() => captureRequestOf(request), AdminError);
  }
});
