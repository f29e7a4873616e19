/** What only shows in a process of its own: real pipes, real exit statuses. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { SessionView } from "../session/session_view.ts";
import { Bench, type SeededSession, seedTable } from "./_test_support.ts";

const MAIN = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
const SESSIONS = 10_000;

function* manySessions(): Generator<SeededSession> {
  for (let n = 0; n < SESSIONS; n++) {
    yield { client: `198.51.${n >> 8}.${n & 255}:${1024 + n}`, bytes: n, bypass: n % 2 === 0 };
  }
}

async function withManySessions(run: (bench: Bench) => Promise<void>): Promise<void> {
  await using bench = await Bench.make();
  await bench.nat({ sessions: seedTable(bench.folder, manySessions(), SESSIONS) });
  await run(bench);
}

function inspect(bench: Bench, ...args: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, "inspect", ...args, "--socket", bench.natSocket],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

Deno.test("ten thousand sessions are one JSON document", () =>
  withManySessions(async (bench) => {
    const { code, stdout } = await inspect(bench, "sessions", "--json").output();
    assert.equal(code, 0);
    const shown = JSON.parse(text(stdout)) as SessionView[];
    assert.equal(new Set(shown.map(({ client }) => client)).size, SESSIONS);
  }));

Deno.test("options reach the table: `--sort -bytes` is no option of its own", () =>
  withManySessions(async (bench) => {
    const args = ["sessions", "--json", "--sort", "-bytes", "--path", "nat", "--limit", "1"];
    const { code, stdout, stderr } = await inspect(bench, ...args).output();
    assert.equal(text(stderr), "");
    assert.equal(code, 0);
    const [most] = JSON.parse(text(stdout)) as SessionView[];
    assert.equal(most!.bytes.viaNat, SESSIONS - 1);
  }));

Deno.test("a pipe without colours, and no complaint when its reader leaves early", () =>
  withManySessions(async (bench) => {
    const process = inspect(bench, "sessions").spawn();
    const reader = process.stdout.getReader();
    const { value } = await reader.read();
    assert.match(text(value!), /^ID +SERVICE/);
    assert.ok(!value!.includes(0x1b));
    await reader.cancel();
    assert.equal(text(await new Response(process.stderr).bytes()), "");
    assert.equal((await process.status).code, 0);
  }));
