/** docs/scaling.md is what the command in it prints, of the figures in docs/benchmarks.md. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { BENCHES } from "../lab/bench/all.ts";
import { MEASURED } from "../lab/scaling/inputs.ts";
import { selfCommand } from "../lib/datapath/self_command.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const COMMAND = /^bypath (lab scaling --from .* --markdown) > (docs\/scaling\.md)$/m;

/** The formatter breaks lines and pads tables. */
function words(text: string): string[] {
  return text.replaceAll(/-{3,}/g, "---").split(/\s+/).filter((word) => word !== "");
}

/** Runs `bypath` with these arguments at the top of the repository. */
async function bypath(args: readonly string[]) {
  const [program = "", ...before] = selfCommand();
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...before, ...args],
    cwd: ROOT,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("docs/scaling.md is what its own command prints", async () => {
  const document = Deno.readTextFileSync(`${ROOT}docs/scaling.md`);
  const [command = "", args = ""] = COMMAND.exec(document) ?? [];
  const { code, stdout, stderr } = await bypath(args.split(" "));
  assert.equal(code, 0, stderr);
  assert.deepEqual(words(document), words(stdout), `print it again: ${command}, then deno fmt`);
});

Deno.test("lab scaling refuses what is no run, with status 2 and nothing on stdout", async () => {
  const { code, stdout, stderr } = await bypath(["lab", "scaling", "--from", "README.md"]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /^Cannot read "README\.md": .*, make it with that\n$/);
});

Deno.test("every figure that the model takes is a quantity of a bench that there is", () => {
  for (const { bench, quantity, unit } of Object.values(MEASURED)) {
    const found = BENCHES.find(({ name }) => name === bench)?.quantities
      .find(({ name }) => name === quantity);
    assert.equal(found?.unit, unit, `${bench}: ${quantity}`);
  }
});
