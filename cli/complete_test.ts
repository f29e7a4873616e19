import assert from "node:assert/strict";
import { selfCommand } from "../lib/datapath/self_command.ts";
import { rootTest } from "../tests/support/root_test.ts";

const LIBRARY = "/usr/share/bash-completion/bash_completion";
const hasLibrary = await Deno.stat(LIBRARY).then(() => true, () => false);

/** Prints what bash would offer for the words in its arguments, the last of them being typed. */
const IN_BASH = `
source ${LIBRARY}
eval "$(bypath complete bash)"
COMP_WORDS=(bypath "$@")
COMP_CWORD=$#
COMP_LINE="\${COMP_WORDS[*]}"
COMP_POINT=\${#COMP_LINE}
compopt() { :; }
__bypath_complete
printf '%s\\n' "\${COMPREPLY[@]}"
`;

rootTest("bash completes, and runs nothing that a file's name or a typed word holds", {
  capabilities: [],
  tools: ["bash", ...(hasLibrary ? [] : ["bash-completion"])],
}, async () => {
  const folder = await Deno.makeTempDir({ prefix: "bypath-test-" });
  try {
    const self = selfCommand().map((it) => `'${it}'`).join(" ");
    const script = `bypath() { ${self} "$@"; }\n${IN_BASH}`;
    const offered = async (...words: string[]) => {
      const args = ["-c", script, "bash", ...words];
      const { stdout, stderr } = await new Deno.Command("bash", { args, cwd: folder }).output();
      assert.equal(new TextDecoder().decode(stderr), "");
      return new TextDecoder().decode(stdout).trimEnd().split("\n");
    };
    await Deno.writeTextFile(`${folder}/$(touch ran)`, "");
    await Deno.writeTextFile(`${folder}/two words.yaml`, "");
    await Deno.mkdir(`${folder}/keys`);
    assert.deepEqual(await offered("nat", "run", "--config", ""), [
      "\\$\\(touch\\ ran\\)",
      "keys/",
      "two\\ words.yaml",
    ]);
    assert.deepEqual(await offered("inspect", "sessions", "--client", "$(touch ran)"), [""]);
    assert.deepEqual(await offered("nat", "re"), ["reload"]);
    assert.deepEqual([...Deno.readDirSync(folder)].filter(({ name }) => name === "ran"), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
