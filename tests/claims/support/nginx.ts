import { createHash } from "node:crypto";
import type { Lab } from "../../../lab/lab.ts";
import type { ServerName } from "../../../lab/lab_files.ts";
import { ADDRESSES } from "../../../lab/topology.ts";
import { waitFor } from "../../../lab/wait.ts";

/** Where nginx listens on every server; the services have other ports. */
export const NGINX_PORT = 8080;

/** A file that nginx serves. */
export interface ServedFile {
  readonly path: string;
  readonly content: Uint8Array<ArrayBuffer>;
}

export interface ServedFiles {
  /** Much more than all buffers on its way hold. */
  readonly large: ServedFile;
  /** A response of a few packets. */
  readonly small: ServedFile;
}

const LARGE_BYTES = 24 * 1024 * 1024 + 12_345;
const SMALL_BYTES = 10_007;

/** Writes files of random bytes below the lab's folder. */
export async function writeFiles(folder: string): Promise<ServedFiles> {
  await Deno.mkdir(`${folder}/www`);
  return {
    large: await writeFile(folder, "large", LARGE_BYTES),
    small: await writeFile(folder, "small", SMALL_BYTES),
  };
}

async function writeFile(folder: string, name: string, lengthBytes: number): Promise<ServedFile> {
  const content = new Uint8Array(lengthBytes);
  for (let at = 0; at < lengthBytes; at += 65_536) {
    crypto.getRandomValues(content.subarray(at, at + 65_536));
  }
  await Deno.writeFile(`${folder}/www/${name}`, content);
  return { path: `/${name}`, content };
}

/** The SHA-256 of files, one after another. */
export function hashOf(...files: readonly ServedFile[]): string {
  const hash = createHash("sha256");
  for (const { content } of files) hash.update(content);
  return hash.digest("hex");
}

/** Starts nginx on a server and waits until it answers. */
export async function startNginx(lab: Lab, server: ServerName): Promise<void> {
  const folder = `${lab.folder}/nginx-${server}`;
  await Deno.mkdir(folder);
  await Deno.writeTextFile(`${folder}/nginx.conf`, config(lab.folder, server));
  // Debian has it in sbin, which is not in everybody's PATH.
  const program = ["/usr/bin/env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "nginx"];
  const files = ["-p", folder, "-c", `${folder}/nginx.conf`, "-e", "stderr"];
  const nginx = lab.start(server, [...program, ...files]);
  const url = `http://${ADDRESSES[server]}:${NGINX_PORT}/small`;
  await waitFor(`nginx on ${server}`, async () => {
    nginx.mustRun();
    return (await lab.run(server, ["curl", "-sf", "-o", "/dev/null", url])).code === 0;
  });
}

/** It tells in its headers who it is and whom it takes for its client. */
function config(labFolder: string, server: ServerName): string {
  return `
    daemon off;
    master_process off;
    error_log stderr;
    pid nginx.pid;
    events {}
    http {
      access_log off;
      client_body_temp_path body;
      proxy_temp_path proxy;
      fastcgi_temp_path fastcgi;
      uwsgi_temp_path uwsgi;
      scgi_temp_path scgi;
      sendfile on;
      server {
        listen ${ADDRESSES[server]}:${NGINX_PORT};
        root ${labFolder}/www;
        add_header X-Server $server_addr:$server_port;
        add_header X-Peer $remote_addr:$remote_port;
      }
    }
  `;
}
