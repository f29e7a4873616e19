import assert from "node:assert/strict";
import { countJunit } from "./junit.ts";

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="8" failures="2" errors="1" time="0.289">
    <testsuite name="./a_test.ts" tests="6" disabled="2" errors="0" failures="2">
        <testcase name="x" classname="./a_test.ts" time="0.003" line="1" col="6">
            <failure message="1 test step failed">1 test step failed.</failure>
        </testcase>
        <testcase name="tcp &quot;a &gt; b&quot; is explained" classname="./a_test.ts" time="0.000" line="2" col="6">
        </testcase>
        <testcase name="z (needs nginx)" classname="./a_test.ts" time="0.000" line="3" col="6">
            <skipped/>
        </testcase>
        <testcase name="x &gt; first" classname="./a_test.ts" time="0.000" line="1" col="39">
        </testcase>
        <testcase name="x &gt; second" classname="./a_test.ts" time="0.001" line="1" col="69">
            <failure message="Uncaught Error: e">Error: e &lt;/testcase&gt; at a_test.ts:1:94</failure>
        </testcase>
        <testcase name="x &gt; second &gt; inner" classname="./a_test.ts" time="0.000" line="4" col="81">
            <skipped/>
        </testcase>
    </testsuite>
    <testsuite name="./b_test.ts" tests="2" disabled="0" errors="1" failures="0">
        <testcase name="x" classname="./b_test.ts" time="0.022" line="1" col="6">
        </testcase>
        <testcase name="wait" classname="./b_test.ts" time="0.000" line="1" col="92">
            <error message="Cancelled"/>
        </testcase>
    </testsuite>
</testsuites>`;

Deno.test("countJunit() counts tests, not their steps, and a cancelled test as failed", () => {
  assert.deepEqual(countJunit(REPORT), {
    passed: 2,
    failed: ["x", "wait"],
    skipped: ["z (needs nginx)"],
  });
});

Deno.test("countJunit() finds nothing in an empty report", () => {
  assert.deepEqual(countJunit("<testsuites></testsuites>"), { passed: 0, failed: [], skipped: [] });
});
