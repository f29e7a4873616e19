/**
 * The session table is lost with the process that had it: sessions that bypassed go on with what their
 * agents know of them.
 */
import assert from "node:assert/strict";
import { BypathLab } from "../../lab/bypath_lab.ts";
import type { InspectedSession } from "../../lab/inspect_json.ts";
import { waitFor } from "../../lab/wait.ts";
import { rootTest } from "../support/root_test.ts";

const NEEDS = { capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"] } as const;
const BYTES = 60_000_000;

const endpoints = ({ client, vip, nat, server }: InspectedSession) => [client, vip, nat, server];

rootTest(
  "sessions that bypass are rebuilt from the agents when the table is lost",
  NEEDS,
  async () => {
    await using lab = await BypathLab.up("faults-table-lost");
    await lab.startServers();
    await lab.startNat();
    await lab.startAgents();
    const downloads = [1, 2, 3, 4].map((seed) =>
      lab.download({ bytes: BYTES, rate: 2_000_000, seed })
    );
    await Promise.all(downloads.map((download) => download.reached(1_000_000)));
    const before = await lab.sessions();
    assert.deepEqual(before.map(({ path }) => path), ["bypass", "bypass", "bypass", "bypass"]);

    lab.nat.kill("SIGKILL");
    await lab.nat.ended;
    await Deno.remove(`${lab.folder}/nat.sessions`);
    await lab.restartNat();
    const after = await waitFor("four sessions to bypass again", async () => {
      const sessions = await lab.sessions();
      return sessions.filter(({ path }) => path === "bypass").length === 4 && sessions;
    });
    assert.deepEqual(after.map(endpoints).sort(), before.map(endpoints).sort());
    for (const { id, reason } of after) {
      // Where the first hop is still being tested it waits, and the criteria decide.
      assert.match(reason, /^rebuilt from what the agent held$|^bytes 65536 reached$/);
      assert.ok(!before.some((session) => session.id === id), "another table, other names");
    }
    for (const download of downloads) {
      const { ok, bytes } = await download.finish();
      assert.ok(ok, `${bytes} of ${BYTES} bytes`);
    }
    assert.ok((await lab.download({ bytes: 1_000_000 }).result()).ok, "new sessions work");
  },
);
