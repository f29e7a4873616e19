/** Test files that one `deno test` process runs. */
export interface TestGroup {
  /** The folder they are in, `lib/wire` or `tests/claims`. */
  readonly name: string;
  readonly files: string[];
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly timeLimitMs: number;
  /** Its tests move packets through labs, and mostly wait. */
  readonly usesLab: boolean;
}

const UNIT_LIMIT_MS = 3 * 60_000;
const LAB_LIMIT_MS = 12 * 60_000;

/** Tests of the standalone executable; they need it made. */
const EXECUTABLE_TESTS: readonly string[] = [
  "cli/packaging/standalone/executable_test.ts",
  "tests/documents/machines_test.ts",
  "tests/packaging/debian_package_test.ts",
  "tests/systemd/confined_test.ts",
];

/** Most of their time they wait for a fault to be over: a lane of their own. */
const SCENARIO_TESTS = "tests/faults/scenarios_test.ts";
export const SCENARIOS_GROUP = "fault scenarios";

/** A test of one of the claims C1 to C9. */
const CLAIM_TEST = /^tests\/claims\/c\d_/;
/** Together they would be the longest of all. */
const OTHER_CLAIMS = "tests/claims beyond C1 to C9";

/** What takes longest begins first, so that nobody waits for it at the end. */
const LONGEST = ["tests/conformance", "tests/faults", "tests/claims", OTHER_CLAIMS, "tests/peers"];

/**
 * Sorts test files (paths from the top, with `/`) into groups: the quick ones first, the ones that
 * move packets through a lab last.
 */
export function groupTests(files: readonly string[]): TestGroup[] {
  const groups = new Map<string, string[]>();
  for (const file of [...files].sort()) {
    if (EXECUTABLE_TESTS.includes(file)) continue;
    const name = groupName(file);
    groups.set(name, [...groups.get(name) ?? [], file]);
  }
  return [...groups]
    .map(([name, members]) => ({
      name,
      files: members,
      timeLimitMs: timeLimit(name),
      usesLab: usesLab(name),
    }))
    .sort((a, b) =>
      rank(a.name) - rank(b.name) || place(a.name) - place(b.name) || (a.name < b.name ? -1 : 1)
    );
}

/** The claims C1 to C9 once more, carried out by the standalone executable; and its own tests. */
export function executableGroups(files: readonly string[], executable: string): TestGroup[] {
  const group = (name: string, isIn: (file: string) => boolean): TestGroup => ({
    name,
    files: files.filter(isIn),
    env: { BYPATH_EXECUTABLE: executable },
    timeLimitMs: LAB_LIMIT_MS,
    usesLab: true,
  });
  return [
    group("claims by the executable", (file) => CLAIM_TEST.test(file)),
    group("standalone executable", (file) => EXECUTABLE_TESTS.includes(file)),
  ];
}

/** Two folders deep in lib and tests, one elsewhere: `tests`, `lab`, `lib/wire`. */
function groupName(file: string): string {
  if (file === SCENARIO_TESTS) return SCENARIOS_GROUP;
  if (file.startsWith("tests/claims/") && !CLAIM_TEST.test(file)) return OTHER_CLAIMS;
  const folders = file.split("/").slice(0, -1);
  return folders.slice(0, folders[0] === "lib" || folders[0] === "tests" ? 2 : 1).join("/");
}

function rank(name: string): number {
  if (usesLab(name)) return 2;
  return name.startsWith("tests") ? 0 : 1;
}

function place(name: string): number {
  const at = LONGEST.indexOf(name);
  return at < 0 ? LONGEST.length : at;
}

function usesLab(name: string): boolean {
  return name === "lab" || name === SCENARIOS_GROUP ||
    (name.startsWith("tests/") && name !== "tests/support");
}

function timeLimit(name: string): number {
  return usesLab(name) ? LAB_LIMIT_MS : UNIT_LIMIT_MS;
}
