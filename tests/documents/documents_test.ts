/** Every command of README.md and docs/, run in the order in which it stands there. */
import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };
import { createProgram } from "../../cli/program.ts";
import { rootTest } from "../support/root_test.ts";
import { type Step, stepsOf } from "./blocks.ts";
import { DOCUMENTS, ROOT } from "./document_files.ts";
import { ON_MACHINES, Stage } from "./stage.ts";

/** What is asked of a command, whatever its options are. */
interface Command {
  readonly commands: readonly Command[];
  readonly options: readonly { readonly long?: string | undefined }[];
  name(): string;
}

const NEEDS = {
  capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"],
  tools: ["curl"],
} as const;

const unreadable: string[] = [];
const steps = new Map<string, Step[]>();
for (const path of DOCUMENTS) {
  try {
    steps.set(path, stepsOf(Deno.readTextFileSync(ROOT + path)));
  } catch (error) {
    unreadable.push(`${path}: ${(error as Error).message}`);
  }
}

Deno.test("every block of commands in the documents says where it is run", () => {
  assert.deepEqual(unreadable, []);
});

Deno.test("commands that another test runs: the test is there, and so are command and options", async () => {
  for (const [path, list] of steps) {
    for (const step of list) {
      if (step.kind !== "elsewhere") continue;
      const stat = await Deno.stat(ROOT + step.test).catch(() => null);
      assert.ok(stat?.isFile && step.test.endsWith("_test.ts"), `${path}: ${step.test}`);
      for (const line of step.commands.trimEnd().replaceAll("\\\n", "").split("\n")) {
        assert.equal(wrongIn(line), null, `${path}: ${line}`);
      }
    }
  }
});

/** What a command line names that there is not, as far as it is this program's; null: nothing. */
function wrongIn(line: string): string | null {
  const [, task] = /\bdeno@\S+ task (\S+)/.exec(line) ?? [];
  if (task !== undefined) return task in project.tasks ? null : `no task "${task}"`;
  const [, ours] = /\bbypath ([a-z][^|>#]*)/.exec(line.replace(/^systemctl .*/, "")) ?? [];
  if (ours === undefined) return null;
  let command: Command = createProgram();
  for (const word of ours.trim().split(/\s+/)) {
    if (word.startsWith("--")) {
      if (!command.options.some(({ long }) => long === word)) return `no option "${word}"`;
    } else {
      command = command.commands.find((it) => it.name() === word) ?? command;
    }
  }
  return command.commands.length === 0 ? null : `no command after "${command.name()}"`;
}

Deno.test("wrongIn() finds what there is not", () => {
  for (
    const [line, wrong] of [
      ["npx -y deno@1.2.3 task demo    # text", null],
      ["npx -y deno@1.2.3 task dem", 'no task "dem"'],
      ["bypath lab run agent-killed | cat", null],
      ["bypath lab bench --from tcp.json --markdown > docs/x.md", null],
      ["bypath lab bench --form tcp.json", 'no option "--form"'],
      ["bypath lab", 'no command after "lab"'],
      ["systemctl reload bypath-nat", null],
    ] as const
  ) assert.equal(wrongIn(line), wrong, line);
});

for (const [path, list] of steps) {
  if (ON_MACHINES.includes(path) || !list.some(({ kind }) => kind === "run")) continue;
  rootTest(`the commands of ${path} work as they stand there`, NEEDS, async () => {
    await using stage = await Stage.open();
    for (const step of list) await stage.play(step);
    await stage.finish();
  });
}
