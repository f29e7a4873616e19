import { haveProgram } from "../../host_command.ts";
import { ADDRESSES } from "../../topology.ts";
import type { Road } from "../road.ts";
import { proxyUp } from "./proxy.ts";

/** Where distributions put the module when it is not built in. */
const MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so";

export const nginxStream: Road = {
  name: "nginx-stream",
  description: "nginx's stream proxy on the NAT machine, a worker a core",
  protocols: ["tcp"],
  async lacking() {
    if (!await haveProgram("nginx")) return "nginx is not installed";
    const module = await Deno.stat(MODULE).catch(() => null);
    return module === null ? "nginx's stream module is not installed" : null;
  },
  up: (lab, services) =>
    proxyUp(lab, {
      name: "nginx",
      services,
      configuration: `
load_module ${MODULE};
daemon off;
worker_processes auto;
worker_rlimit_nofile 65536;
pid nginx.pid;
error_log stderr;
events { worker_connections 16384; }
stream {
${
        services.map(({ port }) => `
  server {
    listen ${ADDRESSES.vip}:${port} backlog=4096;
    proxy_pass ${ADDRESSES.s1}:${port};
  }`).join("\n")
      }
}
`,
      command: (path, folder) => ["nginx", "-p", folder, "-c", path, "-e", "stderr"],
    }),
};
