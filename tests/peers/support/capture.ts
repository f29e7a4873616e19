import type { BypathLab } from "../../../lab/bypath_lab.ts";
import type { LabProcess } from "../../../lab/lab_process.ts";
import { type NodeName, TOPOLOGY } from "../../../lab/topology.ts";

/** A device of the lab. */
export interface Place {
  readonly node: NodeName;
  readonly device: string;
}

/** What captures cannot be read with: checksums and segments that are left to a device. */
const OFFLOADS = ["rx", "tx", "sg", "tso", "gso", "gro"];

/** Makes every link of the lab carry packets as they would be on a wire. */
export async function offloadOff(lab: BypathLab): Promise<void> {
  const off = OFFLOADS.flatMap((name) => [name, "off"]);
  for (const { ends } of TOPOLOGY.links) {
    for (const { node, device } of ends) {
      await lab.lab.mustRun(node, ["ethtool", "-K", device, ...off]);
    }
  }
}

/** A capture by tcpdump into a file of the lab's folder, from `start` to `stop`. */
export class Capture {
  readonly file: string;
  readonly #process: LabProcess;

  private constructor(file: string, process: LabProcess) {
    this.file = file;
    this.#process = process;
  }

  static async start(lab: BypathLab, { node, device }: Place, filter = ""): Promise<Capture> {
    const file = `${lab.folder}/${node}-${device}-${crypto.randomUUID()}.pcap`;
    const process = lab.lab.start(node, [
      ...[
        "tcpdump",
        "-i",
        device,
        "-s",
        "0",
        "-B",
        "65536",
        "-U",
        "--immediate-mode",
        "-Z",
        "root",
        "-w",
        file,
      ],
      ...(filter === "" ? [] : [filter]),
    ]);
    await process.waitForLine((line) => line.includes("listening on"), { stream: "stderr" });
    return new Capture(file, process);
  }

  async stop(): Promise<void> {
    this.#process.kill("SIGINT");
    await this.#process.ended;
  }
}
