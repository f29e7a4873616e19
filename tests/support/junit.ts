/** What a run of tests came to; a test's steps are part of the test. */
export interface TestCounts {
  passed: number;
  /** Names of the tests. */
  failed: string[];
  skipped: string[];
}

/** Counts the tests of a report that `deno test --junit-path` wrote. */
export function countJunit(xml: string): TestCounts {
  const counts: TestCounts = { passed: 0, failed: [], skipped: [] };
  for (const [, suite] of xml.matchAll(/<testsuite ([\s\S]*?)<\/testsuite>/g)) {
    const names = new Set<string>();
    for (const [, rawName, body] of suite!.matchAll(TEST_CASE)) {
      const name = unescapeXml(rawName!);
      if (isStep(name, names)) continue;
      names.add(name);
      if (/<(failure|error)\b/.test(body!)) counts.failed.push(name);
      else if (body!.includes("<skipped")) counts.skipped.push(name);
      else counts.passed++;
    }
  }
  return counts;
}

const TEST_CASE = /<testcase name="([^"]*)"[^>]*>([\s\S]*?)<\/testcase>/g;

/** Deno lists the steps after the tests of a file, as `test > step`. */
function isStep(name: string, tests: ReadonlySet<string>): boolean {
  for (let at = name.indexOf(" > "); at >= 0; at = name.indexOf(" > ", at + 1)) {
    if (tests.has(name.slice(0, at))) return true;
  }
  return false;
}

const ENTITIES: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function unescapeXml(text: string): string {
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => ENTITIES[name]!);
}
