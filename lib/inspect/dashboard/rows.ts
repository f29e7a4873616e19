/**
 * The rows of the page's tables. A cell's `data-order` is what it is sorted by, where that is not its
 * text; `data-key` is what a row is known by from one look to the next.
 *
 * @module
 */
import { type Markup, markup } from "../../page/markup.ts";
import type { AgentOfNat, ServerView, ServiceView } from "../answers.ts";
import { exactCount, humanCount, humanDuration } from "../../config/human.ts";
import { endpointOrder } from "../sort.ts";
import type { RatedSession, Sample } from "./dashboard_state.ts";
import { MOST_SESSIONS } from "./limits.ts";
import { bytesText, rateText } from "./units.ts";

export function sessionRows(sessions: readonly RatedSession[]): Markup {
  return markup`${sessions.map(sessionRow)}`;
}

function sessionRow(session: RatedSession): Markup {
  const { id, client, service, server, path, rate, bytes, state, ageMs, reason } = session;
  const responses = bytes.viaNat + bytes.viaBypass;
  return markup`<tr data-key="${id}" data-path="${path}">${
    endpoint(client, "th")
  }<td><span class="path ${path}">${path === "nat" ? "via NAT" : "bypass"}</span></td>${
    number(rate, rateText(rate))
  }${endpoint(server)}<td>${named(service)}</td>${number(responses, bytesText(responses))}${
    number(bytes.viaBypass, bytesText(bytes.viaBypass))
  }<td>${state}</td>${
    number(ageMs, humanDuration(Math.floor(ageMs / 1000) * 1000))
  }<td class="reason">${reason}</td></tr>`;
}

/** What the table of sessions leaves out, and where the rest is. */
export function sessionCount(sample: Sample | null): Markup {
  if (sample === null) return markup``;
  const { sessions, status: { sessions: { total } } } = sample;
  if (sessions.length < MOST_SESSIONS) return markup`all ${exactCount(sessions.length)}`;
  return markup`the ${exactCount(sessions.length)} busiest of ${exactCount(total)}`;
}

export function serverRows(sample: Sample | null): Markup {
  return markup`${(sample?.servers ?? []).map((server) => serverRow(server, sample!))}`;
}

function serverRow(server: ServerView, { rates }: Sample): Markup {
  const { service, address, weight, health, healthReason, draining, sessions, agent } = server;
  const { viaNat = 0, viaBypass = 0 } = rates.get(address) ?? {};
  const tone = health === "up" ? "good" : health === "down" ? "bad" : "quiet";
  const reasons = [health === "up" ? null : healthReason, agent.reason].filter((reason) => reason);
  return markup`<tr data-key="${service} ${address}">${endpoint(address, "th")}<td>${
    named(service)
  }</td>${number(weight, String(weight))}<td><span class="${tone}">${health}</span>${
    draining && ", draining"
  }</td>${number(sessions, exactCount(sessions))}${number(viaNat, rateText(viaNat))}${
    number(viaBypass, rateText(viaBypass))
  }<td>${agentState(agent)}</td><td class="reason">${reasons.join("; ")}</td></tr>`;
}

function agentState({ connected, bypass }: ServerView["agent"]): Markup {
  if (!connected) return markup`<span class="quiet">no agent</span>`;
  const tone = bypass === "able" ? "good" : bypass === "unable" ? "bad" : "quiet";
  return markup`<span class="${tone}">${bypass}</span>`;
}

export function agentRows(agents: readonly AgentOfNat[]): Markup {
  if (agents.length === 0) {
    return markup`<tr><td colspan="5" class="quiet">No agent has connected</td></tr>`;
  }
  return markup`${agents.map(agentRow)}`;
}

function agentRow(agent: AgentOfNat): Markup {
  const { name, addresses, connected, able, silent, reason, lastReportMs } = agent;
  const state = silent ? "silent" : able ? "able" : "unable";
  // Able by itself, and something on the way to the clients speaks against it.
  const tone = state !== "able" ? "bad" : reason ? "quiet" : "good";
  const shown = addresses.slice(0, 4).join(", ");
  const more = addresses.length > 4 && ` and ${addresses.length - 4} more`;
  return markup`<tr data-key="${name}"><th scope="row">${name}</th><td class="address">${shown}${more}</td><td><span class="${
    connected ? "good" : "bad"
  }">${connected ? "connected" : "lost"}</span></td><td>${
    connected && markup`<span class="${tone}">${state}</span>`
  }</td><td class="reason">${reason ?? ""}${
    silent === true && typeof lastReportMs === "number" &&
    ` last report ${humanDuration(lastReportMs)} ago`
  }</td></tr>`;
}

export function serviceRows(services: readonly ServiceView[]): Markup {
  return markup`${
    services.map(({ name, protocol, vip, up, servers, sessions, bypassing, start }) =>
      markup`<tr data-key="${name}"><th scope="row">${
        named(name)
      }</th><td class="address">${protocol} ${vip}</td>${number(up, `${up} of ${servers}`)}${
        number(sessions, exactCount(sessions))
      }${number(bypassing, exactCount(bypassing))}<td class="reason">${start}</td></tr>`
    )
  }`;
}

/** The most frequent first; malformed packets by what is wrong with them. */
export function dropRows(sample: Sample | null): Markup {
  if (sample === null) return markup``;
  const { status: { packets, malformed = {} }, drops } = sample;
  const { malformed: _, ...others } = packets.dropped;
  const wrong = Object.entries(malformed).map(([why, n]) => [why, `malformed: ${why}`, n] as const);
  const rows = [
    ...Object.entries(others).map(([name, n]) => [name, inWords(name), n] as const),
    ...wrong,
  ]
    .filter(([, , count]) => count > 0).sort((a, b) => b[2] - a[2]);
  if (rows.length === 0) {
    return markup`<tr><td colspan="3" class="quiet">Nothing was dropped</td></tr>`;
  }
  return markup`${
    rows.map(([name, words, count]) =>
      markup`<tr data-key="${words}"><th scope="row">${words}</th>${
        number(count, exactCount(count))
      }${number(drops.get(name) ?? 0, `${humanCount(drops.get(name) ?? 0)}/s`)}</tr>`
    )
  }`;
}

/** `noService` to `no service`. */
function inWords(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** The name of a service: a long one is cut in its column, and whole where it is pointed at. */
function named(service: string): Markup {
  return markup`<span class="name" title="${service}">${service}</span>`;
}

function number(value: number, text: string): Markup {
  return markup`<td class="number" data-order="${value}">${text}</td>`;
}

function endpoint(text: string, cell: "td" | "th" = "td"): Markup {
  const order = endpointOrder(text);
  return cell === "th"
    ? markup`<th scope="row" class="address" data-order="${order}">${text}</th>`
    : markup`<td class="address" data-order="${order}">${text}</td>`;
}
