import assert from "node:assert/strict";
import { createProgram } from "../../program.ts";
import { publishedSchemas } from "../../../lib/config/json_schema.ts";
import { keysOf } from "../../../schema/keys.ts";
import { rootTest } from "../../../tests/support/root_test.ts";
import { fullName, leavesOf } from "./command_page.ts";
import { manualPages } from "./pages.ts";

const EXAMPLES = {
  nat: Deno.readTextFileSync(new URL("../examples/nat.yaml", import.meta.url)),
  agent: Deno.readTextFileSync(new URL("../examples/agent.yaml", import.meta.url)),
};
const pages = manualPages(EXAMPLES, { version: "1.2.3", date: "2026-01-31" });

/** A page as a terminal shows it, wide enough that no line is broken, without bold and underlining. */
async function render(source: string, ...args: string[]): Promise<{ text: string; told: string }> {
  const path = await Deno.makeTempFile({ suffix: ".1" });
  try {
    await Deno.writeTextFile(path, source);
    const { stdout, stderr } = await new Deno.Command("man", {
      args: ["--warnings", "-E", "UTF-8", "-l", ...args, path],
      env: { MANWIDTH: "10000", LC_ALL: "C.UTF-8", TERM: "dumb" },
    }).output();
    const decoder = new TextDecoder();
    return { text: decoder.decode(stdout), told: decoder.decode(stderr) };
  } finally {
    await Deno.remove(path);
  }
}

const MAN = { capabilities: [], tools: ["man"] } as const;

rootTest(
  "man renders every page without a warning, and shows all that --help says",
  MAN,
  async () => {
    const shown = new Map<string, string>();
    for (const [name, source] of pages) {
      const { text, told } = await render(source);
      assert.equal(told, "", name);
      shown.set(name, text.replaceAll(/\s+/g, " "));
      assert.equal((await render(source, "-Z")).told, "", name);
    }
    const program = createProgram();
    const help = program.createHelp();
    for (const group of program.commands.filter((it) => it.commands.length > 0)) {
      const page = shown.get(`bypath-${group.name()}.1`)!;
      for (const leaf of leavesOf(group)) {
        const subject = leaf as typeof program;
        const said = [
          fullName(leaf),
          leaf.description().slice(1),
          ...help.visibleOptions(subject).flatMap((option) => [
            help.optionTerm(option),
            help.optionDescription(option),
          ]),
          ...help.visibleArguments(subject).map((it) => help.argumentDescription(it)),
        ];
        for (const text of said) {
          assert.ok(
            page.includes(asShown(text)),
            `${fullName(leaf)}: "${asShown(text)}" in ${page}`,
          );
        }
      }
    }
    for (const kind of ["nat", "agent"]) {
      const page = shown.get(`bypath-${kind}.yaml.5`)!;
      for (const { path, description } of keysOf(JSON.parse(publishedSchemas()[`${kind}.json`]!))) {
        assert.ok(page.includes(` ${path} ${asShown(description)}`), path);
      }
    }
  },
);

/** `<name>` and what stands in backquotes are italics and bold in a page. */
function asShown(text: string): string {
  return text.replaceAll(/<([^<>\s]+)>|`/g, "$1").replaceAll(/\s+/g, " ").trim();
}

rootTest("mandoc finds nothing wrong with any page", {
  capabilities: [],
  tools: ["mandoc"],
}, async () => {
  const folder = await Deno.makeTempDir({ prefix: "bypath-manual-" });
  try {
    for (const [name, source] of pages) await Deno.writeTextFile(`${folder}/${name}`, source);
    const { stdout } = await new Deno.Command("mandoc", {
      args: ["-Tlint", "-Wwarning", ...[...pages.keys()].map((name) => `${folder}/${name}`)],
    }).output();
    assert.equal(new TextDecoder().decode(stdout), "");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the pages have no character that is not ASCII", () => {
  for (const [name, source] of pages) {
    // deno-lint-ignore no-control-regex -- what is looked for is what is outside
    assert.deepEqual(source.match(/[^\x00-\x7f]/g) ?? [], [], name);
  }
});
