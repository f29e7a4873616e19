import type { BypathLab } from "../../bypath_lab.ts";
import { HTTP_PORT } from "../../ports.ts";
import { ADDRESSES } from "../../topology.ts";
import { waitFor } from "../../wait.ts";
import type { BenchService } from "../road.ts";
import { WITH_SBIN } from "../roads/proxy.ts";

export const WEB: BenchService = { name: "web", protocol: "tcp", port: HTTP_PORT };

export const RESPONSE_BYTES = 1000;

/** nginx on s1, a worker a core, with one small answer to everything. */
export async function startWebServer(lab: BypathLab): Promise<void> {
  // Either end may close first. What they remember of connections that are over (TIME_WAIT) would
  // leave later turns, which use the same addresses, fewer and fewer ports.
  for (const node of ["client", "nat", "s1"] as const) {
    await lab.lab.mustRun(node, ["sh", "-c", "echo 0 > /proc/sys/net/ipv4/tcp_max_tw_buckets"]);
  }
  const folder = `${lab.folder}/web-server`;
  await Deno.mkdir(folder);
  const path = `${folder}/nginx.conf`;
  const endpoint = `${ADDRESSES.s1}:${WEB.port}`;
  await Deno.writeTextFile(
    path,
    `
daemon off;
worker_processes auto;
worker_rlimit_nofile 65536;
error_log stderr;
pid nginx.pid;
events { worker_connections 16384; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  server {
    listen ${endpoint} backlog=4096;
    return 200 "${"x".repeat(RESPONSE_BYTES)}";
  }
}
`,
  );
  const command = [...WITH_SBIN, "nginx", "-p", folder, "-c", path, "-e", "stderr"];
  const nginx = lab.lab.start("s1", command, { title: "nginx" });
  await waitFor("nginx to listen", async () => {
    nginx.mustRun();
    return (await lab.lab.mustRun("s1", ["ss", "-Htln"])).includes(`${endpoint} `);
  }, { everyMs: 20 });
}
