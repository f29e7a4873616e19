import assert from "node:assert/strict";
import { LeastSessions } from "./least_sessions.ts";
import { ServerBoard } from "./server_board.ts";
import { sessionsOf, takenOf, takesSessions } from "./server_set.ts";

const SERVERS = [{ name: "a", weight: 1 }, { name: "b", weight: 1 }];

Deno.test("workers count on one board, each for itself, and everybody sees the sums", () => {
  const main = new ServerBoard(SERVERS, undefined, { worker: 0, workers: 3 });
  const workers = [0, 1, 2].map((worker) =>
    new ServerBoard(SERVERS, main.buffer, { worker, workers: 3 })
  );
  workers.forEach((board, worker) => {
    board.taken[0] = worker + 1;
    board.sessions[1] = 10 * (worker + 1);
  });
  for (const board of [main, ...workers, main.copy()]) {
    assert.deepEqual([takenOf(board, 0), takenOf(board, 1)], [6, 0]);
    assert.deepEqual([sessionsOf(board, 0), sessionsOf(board, 1)], [0, 60]);
  }
  // Six have been given to the server on trial, by whomever.
  main.limits[0] = 6;
  assert.ok(workers.every((board) => !takesSessions(board, 0) && takesSessions(board, 1)));
  main.limits[0] = 7;
  assert.ok(workers.every((board) => takesSessions(board, 0)));
});

Deno.test("least-sessions counts what other workers have given", () => {
  const main = new ServerBoard(SERVERS, undefined, { worker: 0, workers: 2 });
  const [one, other] = [0, 1].map((worker) =>
    new ServerBoard(SERVERS, main.buffer, { worker, workers: 2 })
  );
  other!.sessions[0] = 3;
  const scheduler = new LeastSessions(one!);
  for (let n = 0; n < 3; n++) {
    const chosen = scheduler.choose(new Int32Array(8), 1, n / 3);
    assert.equal(chosen, 1);
    one!.sessions[chosen]!++;
  }
  other!.sessions[0] = 2;
  assert.equal(scheduler.choose(new Int32Array(8), 1, 0.9), 0);
});
