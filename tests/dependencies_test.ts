/**
 * The rules that keep the tree in order: who may import whom, which folders are pure, who opens
 * libraries. Each failure lists file and line.
 */
import assert from "node:assert/strict";
import { dirname, join, normalize } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { type Finding, readFacts, type SourceFacts } from "./support/source_facts.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

const BELOW_THE_PROGRAMS = [
  "lib/config",
  "lib/control",
  "lib/datapath",
  "lib/linux",
  "lib/metrics",
  "lib/page",
  "lib/policy",
  "lib/session",
  "lib/wire",
];

/** Whom each folder may import; itself always. Their tests follow the same rule. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "lib/wire": [],
  "lib/linux": [],
  "lib/page": [],
  "lib/session": ["lib/wire"],
  "lib/policy": ["lib/wire"],
  "lib/config": ["lib/session", "lib/policy", "lib/wire"],
  "lib/control": ["lib/session", "lib/policy", "lib/wire"],
  "lib/datapath": ["lib/linux", "lib/session", "lib/policy", "lib/wire"],
  "lib/metrics": ["lib/session", "lib/wire"],
  "lib/nat": BELOW_THE_PROGRAMS,
  "lib/agent": BELOW_THE_PROGRAMS,
  "lib/inspect": BELOW_THE_PROGRAMS,
  "lab": BELOW_THE_PROGRAMS,
  "cli": [...BELOW_THE_PROGRAMS, "lib/nat", "lib/agent", "lib/inspect", "lab"],
  "schema": ["lib/config"],
  "cli/packaging": ["cli", "lib/config", "schema"],
};

/** Code that gets time, randomness and bytes as arguments, so that a test needs no permission. */
const PURE = [
  "lib/wire/",
  "lib/session/",
  "lib/policy/",
  "lib/page/",
  "lib/control/codec.ts",
  "lib/control/join_messages.ts",
  "lib/control/line_decoder.ts",
  "lib/control/messages.ts",
  "lib/control/ordinary_message.ts",
  "lib/linux/constants.ts",
  "lib/linux/netlink_message.ts",
  "lib/linux/structs.ts",
  "lib/nat/instruction_",
  "lib/agent/instruction_",
];
const IMPURE_NAMES =
  /^(Deno|Date|performance|crypto|console|fetch|setTimeout|setInterval|Worker|globalThis|process\..*|Math\.random)$/;
/** Packages that pure code may use: they only compute. */
const PURE_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "ipaddr.js": ["lib/wire/address.ts"],
  "zod": ["lib/control/"],
};

/** Packages that `import()` may name: ES modules, or loaded for their effect alone. */
const LAZY: readonly string[] = ["@bomb.sh/tab", "@peculiar/x509", "reflect-metadata", "zod"];

/** Where a file must know its own place; in a bundle `import.meta.url` is the bundle's. */
const KNOW_THEIR_PLACE = [
  "lib/datapath/worker_url.ts",
  "lib/datapath/self_command.ts",
  "schema/",
  "cli/packaging/",
];

interface SourceFile {
  readonly path: string;
  readonly folder: string;
  readonly isTest: boolean;
  readonly facts: SourceFacts;
}

const files = readTree(["cli", "lab", "lib", "schema", "tests"]);
const imports: Readonly<Record<string, string>> = JSON.parse(
  Deno.readTextFileSync(`${ROOT}deno.json`),
).imports;

function readTree(folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder): SourceFile[] =>
    [...Deno.readDirSync(ROOT + folder)].flatMap(({ name, isDirectory }) => {
      const path = `${folder}/${name}`;
      if (isDirectory) return readTree([path]);
      return name.endsWith(".ts") ? [readFile(path)] : [];
    })
  );
}

function readFile(path: string): SourceFile {
  return {
    path,
    folder: folderOf(path),
    isTest: path.startsWith("tests/") || /(_test|_bench)\.ts$|\/_test_/.test(path),
    facts: readFacts(path, Deno.readTextFileSync(ROOT + path)),
  };
}

/** `lib/wire` of `lib/wire/tcp.ts`, `lab` of `lab/traffic/pacer.ts`. */
function folderOf(path: string): string {
  if (path.startsWith("cli/packaging/")) return "cli/packaging";
  const parts = path.split("/").slice(0, -1);
  return parts.slice(0, parts[0] === "lib" ? 2 : 1).join("/");
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith(".");
}

/** `@bomb.sh/tab` of `@bomb.sh/tab/commander`. */
function packageOf(specifier: string): string {
  return specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

/** The path from the top of what `file` imports as `specifier`. */
function targetOf(file: SourceFile, specifier: string): string {
  return normalize(join(dirname(file.path), specifier));
}

function allImports(file: SourceFile): Finding[] {
  return [...file.facts.imports, ...file.facts.dynamicImports];
}

/** `path:line text` of everything in `files` that `find` gives. */
function violations(
  among: (file: SourceFile) => boolean,
  find: (file: SourceFile) => Finding[],
): string[] {
  return files.filter(among).flatMap((file) =>
    find(file).map(({ line, text }) => `${file.path}:${line} ${text.trim()}`)
  );
}

function isPure(file: SourceFile): boolean {
  return !file.isTest && PURE.some((place) => file.path.startsWith(place));
}

const anyFile = () => true;

Deno.test("every folder imports only from the folders below it", () => {
  const found = violations((file) => file.folder !== "tests", (file) => {
    const allowed = MAY_IMPORT[file.folder] ?? [];
    return allImports(file).filter(({ text }) => {
      if (!isRelative(text)) return false;
      const target = targetOf(file, text);
      const folder = folderOf(target);
      if (folder === file.folder || allowed.includes(folder)) return false;
      if (target === "deno.json") return false;
      return !(file.isTest && target.startsWith("tests/support/"));
    });
  });
  assert.deepEqual(found, []);
});

Deno.test("a file whose name begins with _ is imported only by its own folder", () => {
  const found = violations(anyFile, (file) =>
    allImports(file).filter(({ text }) => {
      const target = isRelative(text) ? targetOf(file, text) : "";
      return /(^|\/)_[^/]+$/.test(target) && dirname(target) !== dirname(file.path);
    }));
  assert.deepEqual(found, []);
});

Deno.test("packages are imported by the names in deno.json, where one line changes them", () => {
  const found = violations(
    anyFile,
    (file) =>
      allImports(file).filter(({ text }) =>
        text !== "" && !isRelative(text) && !text.startsWith("node:") &&
        !(packageOf(text) in imports)
      ),
  );
  assert.deepEqual(found, []);
});

Deno.test("pure code imports nothing impure", () => {
  const found = violations(isPure, (file) =>
    allImports(file).filter(({ text }) => {
      if (!isRelative(text)) {
        return !(PURE_PACKAGES[text] ?? []).some((place) => file.path.startsWith(place));
      }
      const target = targetOf(file, text);
      return !PURE.some((place) => target.startsWith(place));
    }));
  assert.deepEqual(found, []);
});

Deno.test("pure code uses no clock, no randomness and nothing of the host", () => {
  const found = violations(
    isPure,
    (file) => file.facts.names.filter(({ text }) => IMPURE_NAMES.test(text)),
  );
  assert.deepEqual(found, []);
});

Deno.test("only lib/linux opens libraries and touches pointers", () => {
  const found = violations(
    (file) => file.folder !== "lib/linux",
    (file) =>
      file.facts.names.filter(({ text }) =>
        /^Deno\.(dlopen|UnsafePointer|UnsafePointerView|UnsafeFnPointer|UnsafeCallback)\b/.test(
          text,
        )
      ),
  );
  assert.deepEqual(found, []);
});

Deno.test("import() loads a file of the tree, or a package made of ES modules", () => {
  // The bundler gives a CommonJS package that is loaded by import() no named exports.
  const found = violations(
    (file) => !file.isTest,
    (file) =>
      file.facts.dynamicImports.filter(({ text }) =>
        !isRelative(text) && !LAZY.includes(packageOf(text))
      ),
  );
  assert.deepEqual(found, []);
});

Deno.test("only the files that must know their place read import.meta.url", () => {
  const found = violations(
    (file) => !file.isTest && !KNOW_THEIR_PLACE.some((place) => file.path.startsWith(place)),
    (file) => file.facts.metaProperties.filter(({ text }) => text !== "main"),
  );
  assert.deepEqual(found, []);
});

Deno.test("a worker's file that is named is there, below lib, where the bundle takes it from", () => {
  const paths = new Set(files.map((file) => file.path));
  const found = violations(
    (file) => !file.isTest,
    (file) =>
      file.facts.workers.filter(({ text }) => !(paths.has(text) && text.startsWith("lib/"))),
  );
  assert.deepEqual(found, []);
});

Deno.test("nothing is left to be done in a comment, and no check is switched off", () => {
  const leftOver =
    /\b(TODO|FIXME|XXX|HACK)\b|@ts-(ignore|expect-error|nocheck)|deno-(fmt|lint)-ignore-file/;
  const found = violations(anyFile, (file) =>
    file.facts.comments.filter(({ text }) => {
      // At the edge to the C library a type is sometimes not to be had.
      const any = text.includes("no-explicit-any") && file.folder !== "lib/linux";
      return any || leftOver.test(text);
    }));
  assert.deepEqual(found, []);
});

Deno.test("no test is switched off or runs alone", () => {
  const found = violations(
    (file) => file.isTest,
    (file) => file.facts.names.filter(({ text }) => /^Deno\.test\.(only|ignore)$/.test(text)),
  );
  assert.deepEqual(found, []);
});
