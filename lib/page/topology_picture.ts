/**
 * Clients, NAT machine and servers, and the way that the responses take: over the NAT machine, or
 * straight along the bottom. The width of a line follows the root of its rate.
 *
 * ```text
 *             ┌─────────────┐
 *     ╭───────│ NAT machine │───────╮
 *     │       └─────────────┘       │
 * ┌───▼─────┐                  ┌────┴─────┐
 * │ clients ◀────── bypass ────│ servers  │
 * └─────────┘                  └──────────┘
 * ```
 *
 * @module
 */
import { type Markup, markup } from "./markup.ts";
import { tenths } from "./scale.ts";
import { flows, type PathRates, requestLines } from "./topology_lines.ts";
import {
  GAP,
  MEASURES,
  type Measures,
  NAT_HEIGHT,
  NAT_TOP,
  natEdges,
  type PictureForm,
  ROW,
  TOP,
} from "./topology_measures.ts";

export interface TopologyServer extends PathRates {
  readonly name: string;
  /** A few words: `up, agent able`. */
  readonly state: string;
  readonly isWell: boolean;
}

export interface TopologyPicture {
  readonly clients: { readonly name: string; readonly detail: string };
  readonly nat: { readonly name: string; readonly detail: string; readonly isWell: boolean };
  readonly servers: readonly TopologyServer[];
  /** Of those that are not drawn; null: all are. */
  readonly others: string | null;
  /** Bytes of requests a second; null: not counted. */
  readonly requests: number | null;
  /** Bytes a second of the widest line. */
  readonly fullRate: number;
  rate(bytesPerSecond: number): string;
  readonly title: string;
}

/** How wide a character of an address is. */
const CHARACTER = 7.3;

/** Draws the picture. */
export function topologyPicture(picture: TopologyPicture, form: PictureForm): Markup {
  const measures = MEASURES[form];
  const { width } = measures;
  const count = Math.max(1, picture.servers.length);
  const bottom = TOP + count * (ROW + GAP) - GAP;
  const height = bottom + (picture.others === null ? 2 : 20);
  const { servers, fullRate, others, title } = picture;
  return markup`<svg class="topology" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">
${requestLines(measures, bottom)}
${flows(servers, fullRate, measures)}
${box("client", 1, TOP, measures.client, bottom - TOP, picture.clients)}
${natBox(picture, measures)}
${servers.map((server, i) => serverBox(server, i, measures))}
${
    others !== null &&
    markup`<text class="detail" x="${width}" y="${height - 4}" text-anchor="end">${others}</text>`
  }
${labels(picture, measures, form)}
</svg>`;
}

interface Named {
  readonly name: string;
  readonly detail: string;
}

function box(
  kind: string,
  x: number,
  y: number,
  width: number,
  height: number,
  { name, detail }: Named,
): Markup {
  const middle = y + height / 2;
  const at = tenths(x + width / 2);
  return markup`<g class="machine ${kind}"><rect x="${x}" y="${y}" width="${
    width - 1
  }" height="${height}" rx="5"></rect><text class="name" x="${at}" y="${
    middle - 3
  }" text-anchor="middle">${name}</text><text class="detail" x="${at}" y="${
    middle + 13
  }" text-anchor="middle">${detail}</text></g>`;
}

function natBox({ nat }: TopologyPicture, measures: Measures): Markup {
  const kind = nat.isWell ? "middle" : "middle ill";
  return box(kind, natEdges(measures).left, NAT_TOP, measures.nat, NAT_HEIGHT, nat);
}

function serverBox(server: TopologyServer, i: number, { width, server: wide }: Measures): Markup {
  const x = width - wide, y = TOP + i * (ROW + GAP);
  return markup`<g class="machine server${
    server.isWell ? "" : " ill"
  }"><title>${server.name}: ${server.state}</title><rect x="${x}" y="${y}" width="${
    wide - 1
  }" height="${ROW}" rx="5"></rect><text class="name address" x="${x + 10}" y="${y + 18}">${
    shortened(server.name, wide)
  }</text><text class="detail" x="${x + 10}" y="${y + 34}">${server.state}</text></g>`;
}

/** As much of an address as has room. */
function shortened(name: string, width: number): string {
  const most = Math.floor((width - 20) / CHARACTER);
  return name.length <= most ? name : `${name.slice(0, most - 1)}…`;
}

/** The rates in words, so that neither colour nor width alone says them; each beside its line. */
function labels(picture: TopologyPicture, measures: Measures, form: PictureForm): Markup {
  const { servers, rate, requests } = picture;
  const { width, client } = measures;
  const { left, right } = natEdges(measures);
  const sum = (path: "viaNat" | "viaBypass") =>
    rate(servers.reduce((all, server) => all + server[path], 0));
  const middle = (left + right) / 2;
  const nat: Place = form === "wide" ? [client, 98, "start"] : [0, 14, "start"];
  const asked: Place = form === "wide" ? [right + 88, 20, "middle"] : [width, 14, "end"];
  return markup`<g class="labels">${label("nat", "via NAT", sum("viaNat"), nat)}${
    label("bypass", "bypass", sum("viaBypass"), [middle, 106, "middle"])
  }${requests !== null && label("detail", "requests", rate(requests), asked)}</g>`;
}

/** Where a label's first line is; the second is below it. */
type Place = readonly [x: number, y: number, anchor: "start" | "middle" | "end"];

function label(kind: string, name: string, figure: string, [x, y, anchor]: Place): Markup {
  return markup`<text class="${kind}" x="${x}" y="${y}" text-anchor="${anchor}">${name}</text><text class="figure" x="${x}" y="${
    y + 17
  }" text-anchor="${anchor}">${figure}</text>`;
}
