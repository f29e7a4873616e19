import type { BypathLab } from "../bypath_lab.ts";
import { HTTP_PORT, STREAM_PORT } from "../lab_files.ts";
import { ADDRESSES } from "../topology.ts";
import type { SwitchSeen } from "../traffic/switch_tap.ts";
import type { Bench } from "./bench.ts";

const CRITERION_BYTES = 64 * 1024;
const CRITERION_PACKETS = 100;
/** How long the tap may take to tell of what it has seen. */
const READ_MS = 500;

interface Turn {
  /** Where the server program listens, and the criterion, for the tap. */
  readonly tap: readonly string[];
  /** The client's program: one session after another. */
  readonly client: readonly string[];
  readonly sessions: number;
}

/** So many sessions at a time take about as long as is given. */
const SESSIONS_A_SECOND = 5;
const QUANTITY = "time to the first direct packet";

const TURNS: readonly { name: string; turn: (seconds: number) => Turn }[] = [
  {
    name: "TCP at full speed, after 64 KiB",
    turn: (seconds) => tcp("100000000", SESSIONS_A_SECOND * seconds),
  },
  {
    name: "TCP at 50 MB/s, after 64 KiB",
    turn: (seconds) => tcp("10000000?rate=50000000", SESSIONS_A_SECOND * seconds),
  },
  {
    name: "UDP, 10,000 datagrams a second, after 100",
    turn: (seconds) => udp(2_000, SESSIONS_A_SECOND * seconds),
  },
];

/**
 * How soon an instruction takes effect, measured from outside: on the server's link, from the packet
 * that meets the criterion (still on its way to the NAT machine) to the first one with the VIP as
 * its source. The server sends all the time, so that it is not its pause that is measured.
 */
export const switchLatency: Bench = {
  name: "switch-latency",
  description: "from meeting the criterion to the first packet sent directly, on the server's link",
  rounds: 4,
  seconds: 4,
  warmUp: true,
  quantities: [{
    name: QUANTITY,
    unit: "ms",
    better: "less",
    bounds: [0.5, 1, 2, 3, 5, 10, 20, 50],
  }],
  aims: TURNS.map(({ name }) => ({ quantity: QUANTITY, subject: name, atMost: 5 })),
  async prepare(lab) {
    await lab.startServers();
    await lab.startNat((config) => {
      for (const service of config.services) {
        service.servers = service.servers.filter(({ address }) => address === ADDRESSES.s1);
      }
      config.services = config.services.filter(({ servers }) => servers.length > 0);
    });
    await lab.startAgent("s1");
  },
  subjects: TURNS.map(({ name, turn }) => ({
    name,
    measure: async (lab, { seconds }) => ({ [QUANTITY]: await switches(lab, turn(seconds)) }),
  })),
};

function tcp(what: string, sessions: number): Turn {
  const url = `http://${ADDRESSES.vip}/bytes/${what}`;
  return {
    tap: ["--port", `${HTTP_PORT}`, "--bytes", `${CRITERION_BYTES}`],
    client: ["http-get", url, "--verify", "pages", "--times", `${sessions}`],
    sessions,
  };
}

function udp(datagrams: number, sessions: number): Turn {
  const stream = ["--count", `${datagrams}`, "--size", "200", "--rate", "10000"];
  return {
    tap: ["--port", `${STREAM_PORT}`, "--packets", `${CRITERION_PACKETS}`],
    client: [
      ...["udp-stream-client", `${ADDRESSES.vip}:${STREAM_PORT}`],
      ...[...stream, "--times", `${sessions}`],
    ],
    sessions,
  };
}

async function switches(lab: BypathLab, turn: Turn): Promise<number[]> {
  const watch = ["switch-tap", "--device", "eth0", "--vip", ADDRESSES.vip, ...turn.tap];
  await using tap = lab.startSelf("s1", ["lab", "traffic", ...watch]);
  await tap.waitForLine((line) => line.includes('"event":"listening"'));
  await lab.startSelf("client", ["lab", "traffic", ...turn.client]).finish(120_000);
  const seen = () =>
    tap.stdout.lines.filter((line) => line.includes('"event":"switched"'))
      .map((line) => (JSON.parse(line) as SwitchSeen).ms);
  // One that was over before it switched is the worst of all, and must not be left out.
  await pause(READ_MS);
  const never = Array<number>(Math.max(0, turn.sessions - seen().length)).fill(Infinity);
  return [...seen(), ...never];
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
