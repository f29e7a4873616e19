/** The lines of the picture of the paths: requests, and the responses by either path. */
import { type Markup, markup } from "./markup.ts";
import { tenths } from "./scale.ts";
import {
  GAP,
  type Measures,
  NAT_HEIGHT,
  NAT_TOP,
  natEdges,
  ROW,
  TOP,
} from "./topology_measures.ts";

/** Bytes of responses a second. */
export interface PathRates {
  readonly viaNat: number;
  readonly viaBypass: number;
}

const WIDEST = 16, NARROWEST = 1.5;

/** Requests go over the NAT machine, whatever way the responses take. */
export function requestLines(measures: Measures, bottom: number): Markup {
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
export function flows(
  servers: readonly PathRates[],
  fullRate: number,
  measures: Measures,
): Markup[] {
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
