import { bothForms } from "../../page/both_forms.ts";
import type { Markup } from "../../page/markup.ts";
import { topologyPicture, type TopologyServer } from "../../page/topology_picture.ts";
import { parseEndpoint } from "../../wire/address.ts";
import type { ServerView } from "../answers.ts";
import { humanCount } from "../../config/human.ts";
import type { DashboardState, Sample } from "./dashboard_state.ts";
import { sumOf } from "./history.ts";
import { rateText } from "./units.ts";

/** The busiest; the others are a number. */
const MOST_SERVERS = 6;

/** The picture of what is seen now. */
export function topology({ sample, history, trouble }: DashboardState): Markup {
  const servers = sample === null ? [] : drawnServers(sample);
  const all = sumOf(sample?.rates ?? new Map());
  const { total = 0 } = sample?.status.sessions ?? {};
  const others = servers.length - MOST_SERVERS;
  const isWell = sample !== null && trouble === null;
  return bothForms((form) =>
    topologyPicture({
      clients: { name: "Clients", detail: counted(total, "session") },
      nat: {
        name: "NAT machine",
        detail: sample === null ? "not seen" : trouble === null ? "translates" : "not seen",
        isWell,
      },
      servers: servers.slice(0, MOST_SERVERS),
      others: others > 0 ? `and ${others} more, less busy` : null,
      requests: all.fromClient,
      fullRate: history.reduce(
        (most, { viaNat, viaBypass }) => Math.max(most, viaNat, viaBypass),
        0,
      ),
      rate: rateText,
      title: `${counted(servers.length, "server")}; ${rateText(all.viaNat)} of responses ` +
        `via the NAT machine, ${rateText(all.viaBypass)} straight to the clients`,
    }, form)
  );
}

/** One an address, whatever its services and ports; the busiest first, the others in order. */
function drawnServers({ servers, rates }: Sample): TopologyServer[] {
  const byAddress = Map.groupBy(servers, ({ address }) => String(parseEndpoint(address).address));
  return [...byAddress].map(([name, rows]) => {
    const endpoints = new Set(rows.map(({ address }) => address));
    const own = sumOf(new Map([...rates].filter(([endpoint]) => endpoints.has(endpoint))));
    return { name, ...stateOf(rows), viaNat: own.viaNat, viaBypass: own.viaBypass };
  }).sort((a, b) => busy(b) - busy(a));
}

/** Only whether there is much: servers that are about as busy keep their places. */
function busy({ viaNat, viaBypass }: TopologyServer): number {
  return Math.round(Math.log10(viaNat + viaBypass + 1e6));
}

function stateOf(rows: readonly ServerView[]): { state: string; isWell: boolean } {
  const down = rows.some(({ health }) => health === "down");
  const words = [
    down ? "down" : rows.every(({ health }) => health === "up") ? "up" : "",
    rows.some(({ draining }) => draining) ? "draining" : "",
    agentOf(rows[0]!),
  ];
  return { state: words.filter((word) => word !== "").join(", "), isWell: !down };
}

function agentOf({ agent: { connected, bypass } }: ServerView): string {
  return connected ? `agent ${bypass}` : "no agent";
}

function counted(count: number, thing: string): string {
  return `${humanCount(count)} ${thing}${count === 1 ? "" : "s"}`;
}
