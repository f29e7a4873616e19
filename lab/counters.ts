import { mustRunHost } from "./host_command.ts";

/** What the kernel counted on one network interface. Bytes with Ethernet headers. */
export interface InterfaceCounters {
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rxPackets: number;
  readonly txPackets: number;
}

/** What the kernel counted for TCP in one namespace: /proc/net/snmp and /proc/net/netstat. */
export interface TcpCounters {
  readonly segmentsSent: number;
  readonly segmentsRetransmitted: number;
  readonly timeouts: number;
  readonly checksumErrors: number;
  readonly receivedOutOfOrder: number;
}

export async function readInterfaceCounters(
  namespace: string,
  device: string,
): Promise<InterfaceCounters> {
  const text = await mustRunHost(
    ["ip", "-n", namespace, "-j", "-s", "link", "show", "dev", device],
  );
  const [{ stats64: { rx, tx } }] = JSON.parse(text) as [
    { stats64: Record<"rx" | "tx", { bytes: number; packets: number }> },
  ];
  return { rxBytes: rx.bytes, txBytes: tx.bytes, rxPackets: rx.packets, txPackets: tx.packets };
}

/** Later minus earlier. */
export function difference(
  later: InterfaceCounters,
  earlier: InterfaceCounters,
): InterfaceCounters {
  return {
    rxBytes: later.rxBytes - earlier.rxBytes,
    txBytes: later.txBytes - earlier.txBytes,
    rxPackets: later.rxPackets - earlier.rxPackets,
    txPackets: later.txPackets - earlier.txPackets,
  };
}

export async function readTcpCounters(namespace: string): Promise<TcpCounters> {
  const command = "cat /proc/net/snmp /proc/net/netstat";
  const text = await mustRunHost(["ip", "netns", "exec", namespace, "sh", "-c", command]);
  const counters = parseKernelCounters(text);
  const get = (name: string) => counters.get(name) ?? 0;
  return {
    segmentsSent: get("Tcp.OutSegs"),
    segmentsRetransmitted: get("Tcp.RetransSegs"),
    timeouts: get("TcpExt.TCPTimeouts"),
    checksumErrors: get("Tcp.InCsumErrors"),
    receivedOutOfOrder: get("TcpExt.TCPOFOQueue"),
  };
}

/** Pairs of lines `Group: name name…` and `Group: value value…` to `Group.name` and value. */
export function parseKernelCounters(text: string): Map<string, number> {
  const counters = new Map<string, number>();
  const lines = text.split("\n");
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const [group = "", ...names] = lines[i]?.split(/\s+/) ?? [];
    const [, ...values] = lines[i + 1]?.split(/\s+/) ?? [];
    names.forEach((name, index) => {
      const value = values[index];
      if (name !== "" && value !== undefined) counters.set(group.replace(":", ".") + name, +value);
    });
  }
  return counters;
}
