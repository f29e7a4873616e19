/**
 * What the programs that load a network with small datagrams say to each other.
 *
 * ```text
 *   0  kind    u8
 *   1  flows   u8    order: from so many of the client's ports
 *   2  zero    u16
 *   4  run     u32   by which datagrams of an earlier run are known
 *   8  first   u32   order: datagrams a second; count: received; echo: number of the request
 *  12  second  u32   order: milliseconds; count: sent
 *  16  zero    u16
 * ```
 *
 * With the headers of UDP, IPv4 and Ethernet these are 60 bytes, the smallest frame there is.
 */
export const LOAD_MESSAGE_BYTES = 18;

export const LOAD_KIND = {
  /** Counts and nothing else. */
  data: 0,
  /** Send data to whoever sends this. */
  order: 1,
  /** How many datagrams of this run? */
  ask: 2,
  count: 3,
  /** Send it back. */
  echo: 4,
} as const;

export interface LoadMessage {
  readonly kind: number;
  readonly flows?: number;
  readonly run: number;
  readonly first?: number;
  readonly second?: number;
}

export function writeLoadMessage(message: LoadMessage): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(LOAD_MESSAGE_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[0] = message.kind;
  bytes[1] = message.flows ?? 0;
  view.setUint32(4, message.run);
  view.setUint32(8, message.first ?? 0);
  view.setUint32(12, message.second ?? 0);
  return bytes;
}

export function readLoadMessage(view: DataView, at: number): Required<LoadMessage> {
  return {
    kind: view.getUint8(at),
    flows: view.getUint8(at + 1),
    run: view.getUint32(at + 4),
    first: view.getUint32(at + 8),
    second: view.getUint32(at + 12),
  };
}
