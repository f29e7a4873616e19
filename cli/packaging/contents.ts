import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { publishedSchemas } from "../../lib/config/json_schema.ts";
import { completionScripts } from "./completions.ts";
import { manualPages } from "./manual/pages.ts";
import type { Release } from "./release.ts";

/** A file of the package. */
export interface PackagedFile {
  /** Without the slash in front: `usr/bin/bypath`. */
  readonly path: string;
  readonly mode: number;
  /** A path names the file to copy. */
  readonly content: Uint8Array | { readonly path: string };
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TEXT_MODE = 0o644;

/** What the package puts on a host, sorted by path. `executable` is `dist/bypath`. */
export async function packageContents(
  executable: string,
  release: Release,
): Promise<PackagedFile[]> {
  const examples = {
    nat: await read("examples/nat.yaml"),
    agent: await read("examples/agent.yaml"),
  };
  const files: PackagedFile[] = [
    { path: "usr/bin/bypath", mode: 0o755, content: { path: executable } },
    copied("usr/lib/systemd/system/bypath-nat.service", "docs/systemd/bypath-nat.service"),
    copied("usr/lib/systemd/system/bypath-agent.service", "docs/systemd/bypath-agent.service"),
    copied("usr/lib/sysusers.d/bypath.conf", "docs/systemd/bypath.sysusers"),
    text("etc/bypath/nat.yaml", inert(examples.nat, "nat")),
    text("etc/bypath/agent.yaml", inert(examples.agent, "agent")),
    text("usr/share/doc/bypath/examples/nat.yaml", examples.nat),
    text("usr/share/doc/bypath/examples/agent.yaml", examples.agent),
    copied("usr/share/doc/bypath/examples/alerts.yaml", "docs/monitoring/alerts.yaml"),
    copied("usr/share/doc/bypath/examples/dashboard.json", "docs/monitoring/dashboard.json"),
    copied("usr/share/doc/bypath/copyright", "cli/packaging/debian/copyright"),
    compressed("usr/share/doc/bypath/changelog", await read("debian/changelog")),
  ];
  for (const [name, content] of Object.entries(publishedSchemas())) {
    files.push(text(`usr/share/bypath/schema/${name}`, content));
  }
  for (const [path, content] of Object.entries(await completionScripts())) {
    files.push(text(path, content));
  }
  for (const [name, content] of manualPages(examples, release)) {
    files.push(compressed(`usr/share/man/man${name.at(-1)}/${name}`, content));
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function read(path: string): Promise<string> {
  return await Deno.readTextFile(`${ROOT}cli/packaging/${path}`);
}

const text = (path: string, content: string): PackagedFile => ({
  path,
  mode: TEXT_MODE,
  content: new TextEncoder().encode(content),
});

const copied = (path: string, from: string): PackagedFile => ({
  path,
  mode: TEXT_MODE,
  content: { path: ROOT + from },
});

/** As Debian wants it: at the highest level, without time and name. */
const compressed = (path: string, content: string): PackagedFile => ({
  path: `${path}.gz`,
  mode: TEXT_MODE,
  content: gzipSync(content, { level: 9 }),
});

/** An example that says nothing before somebody has edited it. */
function inert(example: string, kind: "nat" | "agent"): string {
  const lines = example.split("\n").map((
    line,
  ) => (line === "" || /^#/.test(line) ? line : `#${line}`));
  return `# Nothing is in force before this is edited: take away the "#" in front of keys. Then:\n` +
    `#   bypath ${kind} check --config /etc/bypath/${kind}.yaml\n` +
    `#   systemctl enable --now bypath-${kind}\n` +
    `# Every key: man bypath-${kind}.yaml\n\n${lines.join("\n")}`;
}
