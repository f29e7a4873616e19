/** Where the next packet to an address goes; numbers that the engine understands. */
export interface Hops {
  /** Changes whenever a remembered hop may be out of date; 1 to 65535. */
  readonly epoch: number;
  /** The next hop to an address (4 words at an offset), 1 to 65535; 0 when there is no route. */
  toAddress(words: Int32Array, offset: number): number;
  /** Largest IP packet that the link of a hop carries. */
  mtu(hop: number): number;
}
