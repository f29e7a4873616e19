import { type Markup, markup } from "../../page/markup.ts";
import { exactCount, humanCount } from "../../config/human.ts";
import type { DashboardState } from "./dashboard_state.ts";
import { sumOf } from "./history.ts";
import { bytesText, rateText } from "./units.ts";

/** The numbers at the top of the page. */
export function figures({ sample }: DashboardState): Markup {
  if (sample === null) return markup``;
  const { status, rates, drops, busy } = sample;
  const { total, bypass, capacity } = status.sessions;
  const { viaNat, viaBypass, fromClient } = sumOf(rates);
  const responses = viaNat + viaBypass;
  const dropped = Object.values(status.packets.dropped).reduce((sum, count) => sum + count, 0);
  const dropRate = Object.keys(status.packets.dropped)
    .reduce((sum, name) => sum + (drops.get(name) ?? 0), 0);
  return markup`${[
    figure("Sessions", exactCount(total), `${exactCount(bypass)} bypass`),
    figure("Responses", rateText(responses), `${rateText(fromClient)} of requests`),
    figure(
      "Of them bypass",
      responses > 0 ? percent(viaBypass / responses) : "–",
      `${rateText(viaNat)} via NAT`,
    ),
    figure("Session table", percent(total / capacity), `of ${exactCount(capacity)} in use`),
    figure("Packet thread", busy === null ? "–" : percent(busy), "of its time at work"),
    figure(
      "Instructions",
      exactCount(status.instructions ?? 0),
      `${
        status.agents.filter(({ connected }) => connected).length
      } of ${status.agents.length} agents connected`,
    ),
    figure("Dropped", `${humanCount(dropRate)}/s`, `${humanCount(dropped)} since the start`),
    figure(
      "Forwarded",
      bytesText(status.bytes?.["forwarded"] ?? 0),
      `${humanCount(Number(status.packets["forwarded"] ?? 0))} packets`,
    ),
  ]}`;
}

function figure(name: string, value: string, detail: string): Markup {
  return markup`<div><dt>${name}</dt><dd>${value}<small>${detail}</small></dd></div>`;
}

/** `0 %`, `0.12 %`, `12 %`. */
function percent(share: number): string {
  const value = share * 100;
  return `${value === 0 || value >= 9.95 ? Math.round(value) : Number(value.toFixed(2))} %`;
}
