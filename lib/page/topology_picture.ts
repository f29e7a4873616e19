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

/** Bytes of responses a second. */
export interface PathRates {
  readonly viaNat: number;
  readonly viaBypass: number;
}

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

/** `narrow` is for a telephone. */
export type PictureForm = "wide" | "narrow";

interface Measures {
  readonly width: number;
  readonly client: number;
  readonly nat: number;
  readonly server: number;
}

/** The NAT machine stands in the middle between clients and servers. */
function natEdges({ width, client, nat, server }: Measures): { left: number; right: number } {
  const middle = (client + width - server) / 2;
  return { left: middle - nat / 2, right: middle + nat / 2 };
}

const MEASURES: Readonly<Record<PictureForm, Measures>> = {
  wide: { width: 660, client: 124, nat: 150, server: 178 },
  narrow: { width: 340, client: 82, nat: 104, server: 134 },
};
const NAT_TOP = 38, NAT_HEIGHT = 50;
const TOP = 134, ROW = 44, GAP = 8;
/** How wide a character of an address is. */
const CHARACTER = 7.3;
const WIDEST = 16, NARROWEST = 1.5;

/** Draws the picture. */
export function topologyPicture(picture: TopologyPicture, form: PictureForm): Markup {
  const measures = MEASURES[form];
  const { width } = measures;
  const count = Math.max(1, picture.servers.length);
  const bottom = TOP + count * (ROW + GAP) - GAP;
  const height = bottom + (picture.others === null ? 2 : 20);
  const { servers, others, title } = picture;
  return markup`<svg class="topology" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">
${requestLines(measures, bottom)}
${flows(picture, measures)}
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

/** Requests go over the NAT machine, whatever way the responses take. */
function requestLines(measures: Measures, bottom: number): Markup {
  const { width, client, server } = measures;
  const { left, right } = natEdges(measures);
  const y = NAT_TOP + 10;
  const middle = Math.min(TOP + ROW / 2, bottom);
  return markup`<path class="requests" d="M${client / 2 - 14} ${TOP}C${
    client / 2 - 14
  } ${y} ${client} ${y} ${left} ${y}M${right} ${y}C${width - server / 2 + 24} ${y} ${
    width - server / 2 + 24
  } ${y + 20} ${width - server / 2 + 24} ${middle}"></path>`;
}

/** Of the responses, each with its head at the clients. */
function flows({ servers, fullRate }: TopologyPicture, measures: Measures): Markup[] {
  const { width, client, server } = measures;
  const { left, right } = natEdges(measures);
  const edge = width - server;
  const y = NAT_TOP + NAT_HEIGHT / 2 + 4;
  const bend = tenths(edge - (edge - right) * 0.55);
  const wide = (rate: number) => lineWidth(rate, fullRate);
  const drawn = servers.flatMap(({ viaNat, viaBypass }, i) => {
    const from = TOP + i * (ROW + GAP) + 13, out = from + 18;
    const thick = wide(viaBypass);
    return [
      line("nat", wide(viaNat), `M${edge} ${from}C${bend} ${from} ${bend} ${y} ${right} ${y}`),
      line("bypass", thick, `M${edge} ${out}H${client + headLength(thick)}`),
      head("bypass", thick, `translate(${client + 1} ${out}) rotate(-90)`),
    ];
  });
  const down = client / 2 + 14;
  const thick = wide(servers.reduce((sum, { viaNat }) => sum + viaNat, 0));
  const end = TOP - headLength(thick);
  drawn.push(
    line("nat", thick, `M${left} ${y}C${client} ${y} ${down} ${y} ${down} ${end}`),
    head("nat", thick, `translate(${down} ${TOP - 1}) rotate(180)`),
  );
  return drawn;
}

/** 0 where nothing goes. */
function lineWidth(rate: number, fullRate: number): number {
  return rate > 0 ? tenths(NARROWEST + (WIDEST - NARROWEST) * Math.sqrt(share(rate, fullRate))) : 0;
}

function line(path: "nat" | "bypass", wide: number, d: string): Markup {
  return markup`<path class="flow ${path}${wide > 0 ? "" : " idle"}" stroke-width="${
    wide || 1
  }" d="${d}"></path>`;
}

/** An arrow that points up to 0, 0 before it is turned and moved. */
function head(path: "nat" | "bypass", wide: number, place: string): Markup {
  const half = tenths(wide / 2 + 3);
  const length = headLength(wide);
  return markup`<path class="head ${path}${
    wide > 0 ? "" : " idle"
  }" d="M0 0L${half} ${length}H-${half}Z" transform="${place}"></path>`;
}

function headLength(wide: number): number {
  return Math.round(wide * 0.6 + 5);
}

function share(rate: number, fullRate: number): number {
  return fullRate > 0 ? Math.min(1, rate / fullRate) : 0;
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
