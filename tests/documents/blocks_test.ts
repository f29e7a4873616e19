import assert from "node:assert/strict";
import { stepsOf } from "./blocks.ts";

const fenced = (language: string, text: string) => "```" + language + "\n" + text + "\n```\n";

Deno.test("stepsOf() gives the blocks of a document with where they are run", () => {
  const text = `# A document

<!-- prepare: on nat
zero
-->
<!-- sh: on nat -->

${fenced("sh", "one\ntwo")}
<!-- sh: on client, meanwhile -->
${fenced("sh", "three")}
<!-- file: on nat /etc/x.yaml -->
${fenced("yaml", "a: 1")}
<!-- copy: nat:/root/a s1:/root/b -->
<!-- sh: here -->
${fenced("sh", "four")}
<!-- sh: by tests/x_test.ts -->
${fenced("sh", "five")}
<!-- sh: on s1, afterwards -->
${fenced("sh", "six")}
${fenced("yaml", "not: concerned")}`;
  assert.deepEqual(stepsOf(text).map(({ line: _, ...step }) => step), [
    { kind: "run", node: "nat", when: "now", commands: "zero\n" },
    { kind: "run", node: "nat", when: "now", commands: "one\ntwo\n" },
    { kind: "run", node: "client", when: "meanwhile", commands: "three\n" },
    { kind: "file", node: "nat", path: "/etc/x.yaml", text: "a: 1\n" },
    { kind: "copy", from: ["nat", "/root/a"], to: ["s1", "/root/b"] },
    { kind: "run", node: null, when: "now", commands: "four\n" },
    { kind: "elsewhere", test: "tests/x_test.ts", commands: "five\n" },
    { kind: "run", node: "s1", when: "afterwards", commands: "six\n" },
  ]);
});

Deno.test("stepsOf() refuses commands that nobody runs, and comments for nothing", () => {
  for (
    const [text, message] of [
      [fenced("sh", "one"), "line 1: commands, and no comment that says where to run them"],
      [fenced("bash", "one"), "line 1: commands, and no comment that says where to run them"],
      [`<!-- sh: on nat -->\nText.\n${fenced("sh", "one")}`, 'line 1: no block below "sh: on nat"'],
      ["<!-- sh: here -->\n", 'line 1: no block below "sh: here"'],
      [
        `<!-- sh: on the moon -->\n${fenced("sh", "x")}`,
        'line 1: "sh: on the moon" is not understood here',
      ],
      [
        `<!-- file: on nat x -->\n${fenced("sh", "x")}`,
        'line 1: "file: on nat x" is not understood here',
      ],
      [`<!-- sh: here -->\n${fenced("yaml", "x")}`, 'line 1: "sh: here" is not understood here'],
      ["<!-- copy: a b -->\n", 'line 1: "copy: a b" is not understood'],
      ["```sh\none\n", "line 1: a block without an end"],
      ["<!-- prepare: on nat\none\n", "line 1: a comment without an end"],
    ] as const
  ) {
    assert.throws(() => stepsOf(text), { name: "SyntaxError", message });
  }
});
