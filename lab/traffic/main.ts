import { parseArgs } from "node:util";
import type { Flood } from "./control_flood.ts";

/**
 * `bypath lab traffic PROGRAM …`: clients and servers for the lab and the tests, so that neither
 * needs a program of the host. Not meant to be typed, and not in the help.
 */
export async function traffic(argv: readonly string[]): Promise<number> {
  const [program, ...rest] = argv;
  const { values, positionals } = parseArgs({
    args: rest,
    allowPositionals: true,
    options: {
      listen: { type: "string", multiple: true, default: [] },
      verify: { type: "string", default: "sha256" },
      count: { type: "string", default: "1000" },
      size: { type: "string", default: "1000" },
      rate: { type: "string", default: "1000" },
      device: { type: "string", default: "eth0" },
      to: { type: "string", default: "" },
      client: { type: "string", default: "" },
      vip: { type: "string", default: "" },
      "at-once": { type: "string", default: "50" },
      "progress-ms": { type: "string", default: "100" },
      "timeout-ms": { type: "string", default: "120000" },
      times: { type: "string", default: "1" },
      port: { type: "string", default: "0" },
      bytes: { type: "string", default: "Infinity" },
      packets: { type: "string", default: "Infinity" },
      "delay-ms": { type: "string", default: "0" },
      "late-ms": { type: "string", default: "0" },
      lose: { type: "string", default: "0" },
      double: { type: "string", default: "0" },
      late: { type: "string", default: "0" },
      seed: { type: "string", default: "1" },
      keys: { type: "string", default: "" },
      agent: { type: "string", default: "" },
      address: { type: "string", default: "" },
      flood: { type: "string", default: "" },
      clients: { type: "string", default: "1" },
      scattered: { type: "boolean", default: false },
      skip: { type: "string", default: "0" },
      silent: { type: "boolean", default: false },
      ask: { type: "string", default: "" },
      at: { type: "string", default: "0" },
      "most-ms": { type: "string", default: "Infinity" },
      direction: { type: "string", default: "to-server" },
      "for-ms": { type: "string", default: "1000" },
    },
  });
  const target = positionals[0] ?? "";
  const progressMs = Number(values["progress-ms"]);
  switch (program) {
    case "http-server":
      return await (await import("./http_server.ts")).httpServer(values);
    case "http-get": {
      const { httpGet } = await import("./http_get.ts");
      return await repeat(Number(values.times), () =>
        httpGet({
          url: target,
          verify: values.verify === "pages" ? "pages" : "sha256",
          progressMs,
          timeoutMs: Number(values["timeout-ms"]),
        }));
    }
    case "udp-stream-server":
      return await (await import("./udp_stream_server.ts")).udpStreamServer(values);
    case "udp-stream-client": {
      const { udpStreamClient } = await import("./udp_stream_client.ts");
      return await repeat(Number(values.times), () =>
        udpStreamClient({
          connect: target,
          count: Number(values.count),
          sizeBytes: Number(values.size),
          rate: Number(values.rate),
          progressMs,
        }));
    }
    case "tcp-sessions":
      return await (await import("./tcp_sessions.ts")).tcpSessions({
        connect: target,
        count: Number(values.count),
        atOnce: Number(values["at-once"]),
      });
    case "far-ends":
      return await (await import("./far_ends.ts")).farEnds(values);
    case "flow-server":
      return await (await import("./flow_server.ts")).flowServer(values);
    case "checked-flows":
      return await (await import("./checked_flows.ts")).checkedFlows(target);
    case "send-malformed":
      return await (await import("./send_malformed.ts")).sendMalformed({
        device: values.device,
        to: values.to,
        client: values.client,
        vip: values.vip,
        count: Number(values.count),
      });
    case "switch-tap":
      return await (await import("./switch_tap.ts")).switchTap({
        device: values.device,
        vip: values.vip,
        port: Number(values.port),
        bytes: Number(values.bytes),
        packets: Number(values.packets),
      });
    case "load-peer":
      return (await import("./load_peer.ts")).loadPeer(values);
    case "load-run":
      return (await import("./load_run.ts")).loadRun({
        connect: target,
        direction: values.direction === "to-client" ? "to-client" : "to-server",
        rate: Number(values.rate),
        forMs: Number(values["for-ms"]),
        flows: Number(values.count),
        at: Number(values.at),
      });
    case "echo-run":
      return (await import("./echo_run.ts")).echoRun({
        connect: target,
        rate: Number(values.rate),
        forMs: Number(values["for-ms"]),
      });
    case "session-run":
      return (await import("./session_run.ts")).sessionRun({
        connect: target,
        ask: values.ask || target,
        clients: Number(values.clients),
        count: Number(values.count),
        rate: Number(values.rate),
        scattered: values.scattered,
        skipped: Number(values.skip),
        silent: values.silent,
        mostMs: Number(values["most-ms"]),
        at: Number(values.at),
      });
    case "gap-run":
      return (await import("./gap_run.ts")).gapRun({
        connect: target,
        forMs: Number(values["for-ms"]),
        delayMs: Number(values["delay-ms"]),
      });
    case "idle-meter":
      return await (await import("./idle_meter.ts")).idleMeter();
    case "control-flood":
      return await (await import("./control_flood.ts")).controlFlood({
        connect: target,
        keys: values.keys,
        agent: values.agent,
        address: values.address,
        flood: values.flood as Flood,
        forMs: Number(values["for-ms"]),
      });
    case "control-proxy":
      return await (await import("./control_proxy.ts")).controlProxy({
        listen: values.listen[0] ?? "",
        connect: target,
        delayMs: Number(values["delay-ms"]),
        ...(values.keys !== "" && { keys: { folder: values.keys, agent: values.agent } }),
        faults: {
          lose: Number(values.lose),
          double: Number(values.double),
          late: Number(values.late),
          lateMs: Number(values["late-ms"]),
        },
        seed: Number(values.seed),
      });
    default:
      console.error(`Cannot run traffic program "${program ?? ""}": there is none of that name`);
      return 2;
  }
}

/** One after another, until one fails. */
async function repeat(times: number, run: () => Promise<number>): Promise<number> {
  for (let i = 0; i < times; i++) {
    const status = await run();
    if (status !== 0) return status;
  }
  return 0;
}
