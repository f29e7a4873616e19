import { createHash } from "node:crypto";
import type { PackagedFile } from "./contents.ts";
import type { Release } from "./release.ts";
import { run, stage } from "./stage.ts";

const SCRIPTS = ["postinst", "postrm", "prerm"];

const DESCRIPTION = ` A NAT machine takes client packets for a virtual address, translates them
 (address and port, both ends) and hands them to one of many servers. When
 measured criteria say so, it sends the agent on the server translation
 instructions for that one session. From then on the agent rewrites the
 server's response packets itself and transmits them straight to the client,
 until the NAT machine says stop.
 .
 This package has both daemons, the tools to look into them, and a lab of
 network namespaces that shows all of it on one host.
`;

/** Writes `folder/bypath_VERSION_ARCHITECTURE.deb` and gives its path. Needs dpkg-deb. */
export async function writeDeb(
  files: readonly PackagedFile[],
  folder: string,
  { version, epochS }: Release,
): Promise<string> {
  const architecture = (await run("dpkg", ["--print-architecture"])).trim();
  const made = await Deno.makeTempDir({ prefix: "bypath-deb-" });
  try {
    const control: PackagedFile[] = [
      text("control", controlText(version, architecture, await sizeOf(files))),
      text("md5sums", await md5sums(files)),
      text("conffiles", conffiles(files)),
    ];
    for (const script of SCRIPTS) {
      const source = new URL(`debian/${script}`, import.meta.url);
      control.push({
        path: `DEBIAN/${script}`,
        mode: 0o755,
        content: await Deno.readFile(source),
      });
    }
    await stage([...files, ...control], made, epochS);
    const output = `${folder}/bypath_${version}_${architecture}.deb`;
    // The executable, nearly all of it, is compressed already.
    await run(
      "dpkg-deb",
      ["--root-owner-group", "-Zgzip", "-z1", "--build", made, output],
      { SOURCE_DATE_EPOCH: `${epochS}` },
    );
    return output;
  } finally {
    await Deno.remove(made, { recursive: true });
  }
}

const text = (name: string, content: string): PackagedFile => ({
  path: `DEBIAN/${name}`,
  mode: 0o644,
  content: new TextEncoder().encode(content),
});

function controlText(version: string, architecture: string, sizeKiB: number): string {
  return [
    "Package: bypath",
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    "Maintainer: bypath maintainers <maintainers@bypath.invalid>",
    `Installed-Size: ${sizeKiB}`,
    // What the Deno runtime is linked to; who makes the user; the maintainer scripts' helpers.
    "Depends: libc6 (>= 2.27), libgcc-s1 (>= 3.3.1), " +
    "systemd | systemd-standalone-sysusers | systemd-sysusers, init-system-helpers (>= 1.54~)",
    "Recommends: iproute2",
    "Suggests: bash-completion",
    "Section: net",
    "Priority: optional",
    "Description: NAT load balancer whose servers answer the clients directly",
    DESCRIPTION,
  ].join("\n");
}

function conffiles(files: readonly PackagedFile[]): string {
  return files.filter(({ path }) => path.startsWith("etc/")).map(({ path }) => `/${path}\n`)
    .join("");
}

async function md5sums(files: readonly PackagedFile[]): Promise<string> {
  const lines: string[] = [];
  for (const { path, content } of files) {
    if (path.startsWith("etc/")) continue;
    const bytes = content instanceof Uint8Array ? content : await Deno.readFile(content.path);
    lines.push(`${createHash("md5").update(bytes).digest("hex")}  ${path}\n`);
  }
  return lines.join("");
}

async function sizeOf(files: readonly PackagedFile[]): Promise<number> {
  let sum = 0;
  for (const { content } of files) {
    const bytes = content instanceof Uint8Array
      ? content.length
      : (await Deno.stat(content.path)).size;
    sum += Math.ceil(bytes / 1024);
  }
  return sum;
}
