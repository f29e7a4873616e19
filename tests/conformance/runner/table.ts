/** Packets as tables, for failures: whoever reads one sees everything that is known. */
import { endText } from "./names.ts";
import { get16, get32, isIpv4HeaderRight, isL4Right, look, TCP, UDP } from "./reference.ts";

/** Field by field: name and value. */
export function fieldsOf(packet: Uint8Array): Map<string, string> {
  const fields = new Map<string, string>();
  if (packet.length < 20) return fields.set("bytes", packet.toHex());
  const it = look(packet);
  const number = (value: number) => `${value}`;
  const checksum = (at: number) => {
    const right = isL4Right(packet);
    const verdict = right === null ? "" : right ? " right" : " wrong";
    return `0x${get16(packet, at).toString(16).padStart(4, "0")}${verdict}`;
  };
  fields.set("version", number(packet[0]! >>> 4));
  fields.set("source", endText(it.ends.source));
  fields.set("destination", endText(it.ends.destination));
  fields.set("protocol", number(it.protocol));
  fields.set("total length", number(it.totalBytes));
  fields.set("traffic class", number(it.trafficClass));
  fields.set("ttl", number(it.ttl));
  if (it.family === 4) {
    fields.set("identification", `0x${get16(packet, 4).toString(16)}`);
    const flags = [[0x8000, "RF"], [0x4000, "DF"], [0x2000, "MF"]] as const;
    fields.set(
      "flags",
      flags.filter(([bit]) => (get16(packet, 6) & bit) !== 0).map(([, name]) => name).join(" "),
    );
    fields.set("header checksum", isIpv4HeaderRight(packet) ? "right" : "wrong");
    if (it.headerBytes > 20) fields.set("options", packet.subarray(20, it.headerBytes).toHex());
  } else {
    fields.set("flow label", `0x${(get32(packet, 0) & 0xfffff).toString(16)}`);
    if (it.l4Offset > 40) fields.set("extensions", packet.subarray(40, it.l4Offset).toHex());
  }
  fields.set("fragment", `${it.fragmentOffset}${it.more ? " and more" : ""}`);
  const l4 = it.l4Offset;
  if (it.fragmentOffset > 0) return fields.set("payload", packet.subarray(l4).toHex());
  if (it.protocol === TCP) {
    fields.set("sequence", number(get32(packet, l4 + 4)));
    fields.set("acknowledgement", number(get32(packet, l4 + 8)));
    fields.set("offset and flags", `0x${get16(packet, l4 + 12).toString(16)}`);
    fields.set("window", number(get16(packet, l4 + 14)));
    fields.set("checksum", checksum(l4 + 16));
    fields.set("urgent", number(get16(packet, l4 + 18)));
    fields.set("options and payload", packet.subarray(l4 + 20).toHex());
  } else if (it.protocol === UDP) {
    fields.set("udp length", number(get16(packet, l4 + 4)));
    fields.set("checksum", checksum(l4 + 6));
    fields.set("payload", packet.subarray(l4 + 8).toHex());
  } else if (it.protocol === 1 || it.protocol === 58) {
    fields.set("type, code", `${packet[l4]} ${packet[l4 + 1]}`);
    fields.set("checksum", checksum(l4 + 2));
    fields.set("rest", `0x${get32(packet, l4 + 4).toString(16)}`);
    const quote = packet.subarray(l4 + 8);
    const isError = it.protocol === 58
      ? packet[l4]! < 128
      : [3, 4, 5, 11, 12].includes(packet[l4]!);
    if (isError && quote.length >= 28) {
      for (const [name, value] of fieldsOf(quote)) fields.set(`quoted ${name}`, value);
    } else fields.set("data", quote.toHex());
  } else fields.set("payload", packet.subarray(l4).toHex());
  return fields;
}

/** Columns side by side; rows in which not all of `compare` (column indices) agree are marked. */
export function compareTable(
  columns: readonly (readonly [title: string, packet: Uint8Array | null])[],
  compare: readonly number[],
): string {
  const fields = columns.map(([, packet]) => packet === null ? new Map() : fieldsOf(packet));
  const names = [...new Set(fields.flatMap((it) => [...it.keys()]))];
  const rows = names.map((name) => {
    const values = fields.map((it) => it.get(name) ?? "-");
    const differs = compare.some((i) => values[i] !== values[compare[0]!]);
    return [differs ? ">" : "", name, ...values.map((value) => shorten(value))];
  });
  return table([["", "field", ...columns.map(([title]) => title)], ...rows]);
}

export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => widths[i] = Math.max(widths[i] ?? 0, cell.length));
  }
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i]!)).join("  ").trimEnd())
    .join("\n");
}

function shorten(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 32)}… ${text.length / 2} B`;
}
