import assert from "node:assert/strict";

Deno.test("a report whose reader has left ends with an error of its own, and is silent then", async () => {
  const program = `
    import { Report } from ${JSON.stringify(new URL("report.ts", import.meta.url).href)};
    const report = new Report({ silent: false });
    try {
      while (true) report.say("a line");
    } catch (error) {
      report.say("nobody sees this");
      console.error(error.name);
    }`;
  const pipe = '"$1" eval "$2" | head -n 1';
  const { stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", pipe, "sh", Deno.execPath(), program],
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  assert.deepEqual([text(stdout), text(stderr)], ["a line", "OutputClosed"]);
});
