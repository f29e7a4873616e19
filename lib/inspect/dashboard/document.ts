import { type Markup, markup, trusted } from "../../page/markup.ts";
import type { Parts } from "./parts.ts";

/** The page as it is first sent; its script then changes the parts as they are announced. */
export function renderDocument(parts: Parts): string {
  const part = (name: keyof Parts): Markup => trusted(parts[name]);
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>bypath</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/page.css">
<script src="/page.js" type="module"></script>
</head>
<body>
<header class="top">
<h1>bypath</h1>
<p id="machine" class="quiet">${part("machine")}</p>
<p id="connection" role="status">${part("connection")}</p>
<button id="pause" type="button" aria-pressed="false" hidden>Pause</button>
</header>
<main>
<dl id="figures" class="figures" aria-label="Figures">${part("figures")}</dl>
<div class="columns">
${
    panel(
      "paths",
      "Paths of the responses",
      markup`${LEGEND}`,
      markup`<div id="topology">${part("topology")}</div>`,
    )
  }
${
    panel(
      "over-time",
      "Responses by path",
      markup`<span class="quiet">up to five minutes, smoothed over some seconds</span>`,
      markup`<div id="throughput">${part("throughput")}</div>`,
    )
  }
</div>
${
    panel(
      "session-table",
      "Sessions",
      markup`<span id="session-count" class="quiet">${part("session-count")}</span>
<form id="filter" class="filter" role="search" hidden>
<label>Filter <input id="filter-text" type="search" autocomplete="off" spellcheck="false" placeholder="address, service, reason"></label>
<label>Path <select id="filter-path"><option value="">both</option><option value="nat">via NAT</option><option value="bypass">bypass</option></select></label>
<output id="filter-found" class="quiet"></output>
</form>`,
      table("sessions", "Sessions", [
        ["Client"],
        ["Path"],
        ["Rate", "number", "descending"],
        ["Server"],
        ["Service"],
        ["Responses", "number"],
        ["Bypassed", "number"],
        ["State"],
        ["Age", "number"],
        ["Reason"],
      ], part("sessions")),
    )
  }
${
    panel(
      "server-table",
      "Servers",
      null,
      table("servers", "Servers", [
        ["Server"],
        ["Service"],
        ["Weight", "number"],
        ["Health"],
        ["Sessions", "number"],
        ["Via NAT", "number"],
        ["Bypass", "number"],
        ["Agent"],
        ["Reason"],
      ], part("servers")),
    )
  }
${
    panel(
      "service-table",
      "Services",
      null,
      table("services", "Services", [
        ["Service"],
        ["Address"],
        ["Up", "number"],
        ["Sessions", "number"],
        ["Bypass", "number"],
        ["Start of the bypass"],
      ], part("services")),
    )
  }
<div class="columns">
${
    panel(
      "agent-table",
      "Agents",
      null,
      table("agents", "Agents", [
        ["Agent"],
        ["Addresses"],
        ["Connection"],
        ["Bypass"],
        ["Reason"],
      ], part("agents")),
    )
  }
${
    panel(
      "drop-table",
      "Dropped packets",
      null,
      table("drops", "Dropped packets", [
        ["Reason"],
        ["Packets", "number"],
        ["Rate", "number"],
      ], part("drops")),
    )
  }
</div>
${
    panel(
      "event-list",
      "Events",
      markup`<span class="quiet">the newest first</span>
<label class="choice"><input id="session-events" type="checkbox" autocomplete="off" checked> of single sessions too</label>`,
      markup`<ol id="events" class="events" tabindex="0" aria-label="Events">${
        part("events")
      }</ol>`,
    )
  }
</main>
<p id="announcement" class="unseen" aria-live="polite"></p>
</body>
</html>
`.text;
}

const LEGEND =
  markup`<span class="legend"><span class="nat">via NAT</span><span class="bypass">bypass</span></span>`;

function panel(id: string, heading: string, aside: Markup | null, content: Markup): Markup {
  return markup`<section class="panel" aria-labelledby="${id}"><header><h2 id="${id}">${heading}</h2>${aside}</header>${content}</section>`;
}

type Heading = readonly [name: string, kind?: "number", sorted?: "descending"];

/** The script makes buttons of the headings. */
function table(id: string, label: string, headings: readonly Heading[], rows: Markup): Markup {
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table data-sortable><thead><tr>${
    headings.map(([name, kind, sorted]) =>
      markup`<th scope="col"${kind !== undefined && markup` class="${kind}"`}${
        sorted !== undefined && markup` aria-sort="${sorted}"`
      }>${name}</th>`
    )
  }</tr></thead><tbody id="${id}">${rows}</tbody></table></div>`;
}
