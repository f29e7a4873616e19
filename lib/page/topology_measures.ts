/** Where the machines of the picture of the paths stand, for what is drawn of them and between them. */

/** `narrow` is for a telephone. */
export type PictureForm = "wide" | "narrow";

export interface Measures {
  readonly width: number;
  readonly client: number;
  readonly nat: number;
  readonly server: number;
}

/** The NAT machine stands in the middle between clients and servers. */
export function natEdges(
  { width, client, nat, server }: Measures,
): { left: number; right: number } {
  const middle = (client + width - server) / 2;
  return { left: middle - nat / 2, right: middle + nat / 2 };
}

export const MEASURES: Readonly<Record<PictureForm, Measures>> = {
  wide: { width: 660, client: 124, nat: 150, server: 178 },
  narrow: { width: 340, client: 82, nat: 104, server: 134 },
};
/** From the top: the box of the NAT machine, then those of the servers, one a row. */
export const NAT_TOP = 38, NAT_HEIGHT = 50;
export const TOP = 134, ROW = 44, GAP = 8;
