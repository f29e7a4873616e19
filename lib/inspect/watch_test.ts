import assert from "node:assert/strict";
import { AdminError } from "../control/admin_protocol.ts";
import type { Printer } from "./commands.ts";
import { Daemon } from "./daemon.ts";
import { type InspectHost, processHost } from "./host.ts";
import { OutputClosed } from "../linux/output_closed.ts";
import { watch } from "./watch.ts";

/** What is written and complained about while the looks go as said, until the reader has seen `most`. */
async function watched(looks: readonly (string | AdminError)[], most: number) {
  const written: string[] = [];
  const complaints: string[] = [];
  const host: InspectHost = {
    ...processHost(),
    lines: Infinity,
    write: (text) => {
      if (written.length === most) throw new OutputClosed();
      written.push(text);
      return Promise.resolve();
    },
    complain: (line) => complaints.push(line),
  };
  let at = 0;
  const print: Printer = async (_daemon, _options, page) => {
    const look = looks[at++]!;
    if (typeof look !== "string") throw look;
    await page.write(look);
    return 0;
  };
  const options = { what: "sessions", json: false, watchMs: 1 } as const;
  const end = await watch(print, { daemon: new Daemon("/nowhere", host), options, host })
    .catch((error: unknown) => error);
  return { written, complaints, end };
}

const AWAY = new AdminError("Cannot reach nat.sock: nothing runs there");

Deno.test("a daemon that goes away is told of once and waited for, until the reader goes", async () => {
  const looks = ["first\n", AWAY, AWAY, "second\n", AWAY, "third\n", "fourth\n"];
  const { written, complaints, end } = await watched(looks, 3);
  assert.deepEqual(written, ["first\n", "\nsecond\n", "\nthird\n"]);
  assert.deepEqual(complaints, Array(2).fill(`${AWAY.message}, going on when it answers`));
  assert.ok(end instanceof OutputClosed);
});

Deno.test("a daemon that never answered, and wrong usage, end it", async () => {
  assert.equal((await watched([AWAY], 3)).end, AWAY);
  const wrong = new AdminError('There is no service "wbe"', 2);
  assert.equal((await watched(["first\n", wrong], 3)).end, wrong);
});
