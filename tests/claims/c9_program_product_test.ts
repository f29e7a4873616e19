/**
 * C9: it is a program product, executable on a computer from stored instructions: the standalone
 * executable does C1-C8 as the source tree does.
 *
 * `deno task test` runs the tests of all claims twice, the second time with BYPATH_EXECUTABLE. Here
 * is shown that nothing but that program is under test then.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { LabProcess } from "../../lab/lab_process.ts";
import { rootTest } from "../support/root_test.ts";
import { executableGroups, groupTests } from "../support/test_groups.ts";
import { NEEDS, sharedLab } from "./support/claim_lab.ts";
import { hashOf } from "./support/nginx.ts";

const EXECUTABLE = Deno.env.get("BYPATH_EXECUTABLE") ?? "";
const PROGRAM = EXECUTABLE === "" ? "the source tree" : "the standalone executable";
const MAIN = new URL("../../cli/main.ts", import.meta.url);

const lab = sharedLab({ services: [{ name: "web", port: 80, start: { immediately: true } }] });

rootTest(`C9: the program under test is ${PROGRAM}`, NEEDS, async () => {
  const { bypath } = await lab();
  const traffic = bypath.openSessions(1);
  await traffic.waitForLine((line) => line.includes('"event"'));
  for (const process of [bypath.nat, bypath.agent("s1"), bypath.agent("s2"), traffic]) {
    const { program, main } = await startedFrom(process);
    if (EXECUTABLE === "") {
      assert.deepEqual([program, main], [Deno.execPath(), MAIN.href]);
    } else {
      const payload = await payloadOf(EXECUTABLE);
      const unpacked = `/var/cache/bypath/${payload}`;
      const expected = payload === null
        ? [await Deno.realPath(EXECUTABLE), null]
        : [`${unpacked}/bypath`, `${unpacked}/cli/main.js`];
      assert.deepEqual([program, main], expected);
    }
  }
});

rootTest(`C9: ${PROGRAM} hands a download over to the bypass and back`, NEEDS, async () => {
  const claim = await lab();
  await using curl = claim.curl();
  await curl.readTo(1_000_000);
  const { id } = await claim.takes("bypass", curl.client);
  await curl.readTo(4_000_000);
  await claim.bypath.bypass("stop", "--session", id);
  const stopped = await claim.responses(curl.client);
  assert.equal((await curl.result()).sha256, hashOf(claim.files.large));
  const { viaNat, direct } = await claim.responses(curl.client);
  assert.ok(direct.bytes > 2_000_000, `${direct.bytes} bytes directly`);
  assert.deepEqual(direct, stopped.direct);
  assert.ok(viaNat.bytes > 10_000_000, `${viaNat.bytes} bytes via NAT`);
});

Deno.test("C9: every claim has its tests, and the executable has to pass all of them", () => {
  const folder = fileURLToPath(new URL(".", import.meta.url));
  const files = [...Deno.readDirSync(folder)].map(({ name }) => `tests/claims/${name}`)
    .filter((path) => path.endsWith("_test.ts")).sort();
  const claims = files.flatMap((path) => /\/c(\d)_\w+_test\.ts$/.exec(path)?.[1] ?? []);
  assert.deepEqual([...new Set(claims)], ["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  const [group] = executableGroups(files, "/somewhere/bypath");
  assert.deepEqual(group!.files, files.filter((path) => /\/c\d_/.test(path)));
  assert.deepEqual(group!.env, { BYPATH_EXECUTABLE: "/somewhere/bypath" });
  assert.deepEqual(groupTests(files).flatMap((each) => each.files), files);
});

/** The program that a process runs, and its main module if that is a file of its own. */
async function startedFrom({ pid }: LabProcess): Promise<{ program: string; main: string | null }> {
  const program = await Deno.readLink(`/proc/${pid}/exe`);
  const words = (await Deno.readTextFile(`/proc/${pid}/cmdline`)).split("\0");
  return { program, main: words.find((word) => /\/main\.[jt]s$/.test(word)) ?? null };
}

/** The name of the folder that a self-unpacking executable runs from; null for any other. */
async function payloadOf(executable: string): Promise<string | null> {
  using file = await Deno.open(executable);
  const start = new Uint8Array(1000);
  await file.read(start);
  return /^payload=([0-9a-f]{64})$/m.exec(new TextDecoder().decode(start))?.[1] ?? null;
}
