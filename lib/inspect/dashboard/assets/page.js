// @ts-check
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />

// Takes what the server announces (`/live`, by the ids of elements) into the page. Elements that are
// there already are changed rather than replaced: focus, selection and scrolling stay.

/** @type {Record<string, string>} What was announced last, by id. */
const announced = {};
/** How long until a connection is tried again that the browser has given up. */
const AGAIN_MS = 3000;

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

let paused = false;

// Changing the page ----------------------------------------------------------------------------

/**
 * Makes the children of `live` those of `next`; rows with a `data-key` are recognised by it.
 * @param {Element} live
 * @param {Element} next
 */
function takeChildren(live, next) {
  const byKey = new Map();
  for (const child of live.children) {
    const key = child.getAttribute("data-key");
    if (key !== null) byKey.set(key, child);
  }
  let at = live.firstChild;
  for (const wanted of [...next.childNodes]) {
    const key = wanted instanceof Element ? wanted.getAttribute("data-key") : null;
    /** @type {ChildNode | null} */
    const known = key === null ? at : byKey.get(key) ?? null;
    if (known && isAlike(known, wanted)) {
      if (known === at) at = known.nextSibling;
      else live.insertBefore(known, at);
      take(known, wanted);
    } else {
      live.insertBefore(wanted, at);
    }
  }
  while (at !== null) {
    const after = at.nextSibling;
    at.remove();
    at = after;
  }
}

/**
 * @param {Node} known
 * @param {Node} wanted
 */
function isAlike(known, wanted) {
  if (known.nodeName !== wanted.nodeName) return false;
  if (!(known instanceof Element) || !(wanted instanceof Element)) return true;
  return known.getAttribute("data-key") === wanted.getAttribute("data-key");
}

/**
 * @param {Node} live
 * @param {Node} next
 */
function take(live, next) {
  if (!(live instanceof Element) || !(next instanceof Element)) {
    if (live.nodeValue !== next.nodeValue) live.nodeValue = next.nodeValue;
    return;
  }
  for (const { name } of [...live.attributes]) {
    if (!next.hasAttribute(name)) live.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (live.getAttribute(name) !== value) live.setAttribute(name, value);
  }
  takeChildren(live, next);
}

/** @param {string} id */
function show(id) {
  const live = byId(id);
  const next = /** @type {Element} */ (live.cloneNode(false));
  next.innerHTML = announced[id];
  const table = live.closest("table");
  if (table !== null) arrange(table, next);
  takeChildren(live, next);
}

// Tables ---------------------------------------------------------------------------------------

/**
 * Sorts and filters the rows of a table as its reader wants them.
 * @param {HTMLTableElement} table
 * @param {Element} body
 */
function arrange(table, body) {
  const headings = [...table.tHead?.rows[0]?.cells ?? []];
  const column = headings.findIndex((heading) => heading.hasAttribute("aria-sort"));
  if (column >= 0) {
    const sign = headings[column]?.getAttribute("aria-sort") === "descending" ? -1 : 1;
    const rows = [...body.children].filter((row) => row.hasAttribute("data-key"));
    const sorted = rows.map((row) => ({ row, order: orderOf(row.children[column]) }))
      .sort((a, b) => sign * compare(a.order, b.order));
    for (const { row } of sorted) body.append(row);
  }
  if (body.id === "sessions") filter(body);
}

/** @param {Element | undefined} cell */
function orderOf(cell) {
  const order = cell?.getAttribute("data-order") ?? cell?.textContent ?? "";
  return cell?.classList.contains("number") ? Number(order) : order;
}

/**
 * @param {string | number} a
 * @param {string | number} b
 */
function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** @param {Element} body */
function filter(body) {
  const words = /** @type {HTMLInputElement} */ (byId("filter-text")).value.toLowerCase().split(
    /\s+/,
  );
  const path = /** @type {HTMLSelectElement} */ (byId("filter-path")).value;
  let shown = 0;
  for (const row of body.children) {
    const text = (row.textContent ?? "").toLowerCase();
    const fits = words.every((word) => text.includes(word)) &&
      (path === "" || row.getAttribute("data-path") === path);
    row.toggleAttribute("hidden", !fits);
    if (fits) shown++;
  }
  const isFiltered = path !== "" || words.some((word) => word !== "");
  byId("filter-found").textContent = isFiltered ? `${shown} of them shown` : "";
}

/** @param {HTMLTableElement} table */
function makeSortable(table) {
  const body = /** @type {HTMLElement} */ (table.tBodies[0]);
  announced[body.id] ??= body.innerHTML;
  for (const heading of table.tHead?.rows[0]?.cells ?? []) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const first = heading.classList.contains("number") ? "descending" : "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      const order = heading.getAttribute("aria-sort") === first ? other : first;
      for (const each of table.tHead?.rows[0]?.cells ?? []) each.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", order);
      show(body.id);
      byId("announcement").textContent = `${
        table.parentElement?.getAttribute("aria-label")
      } sorted by ${button.textContent}, ${order}`;
    });
  }
}

for (const table of document.querySelectorAll("table")) {
  if (table.hasAttribute("data-sortable")) makeSortable(table);
}
byId("filter").hidden = false;
byId("filter").addEventListener("submit", (event) => event.preventDefault());
byId("filter").addEventListener("input", () => show("sessions"));

// Live -----------------------------------------------------------------------------------------

const pause = byId("pause");
pause.hidden = false;
pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  if (!paused) { for (const id of Object.keys(announced)) show(id); }
});

function connect() {
  const live = new EventSource("/live");
  live.addEventListener("parts", (event) => {
    /** @type {Record<string, string>} */
    const parts = JSON.parse(event.data);
    Object.assign(announced, parts);
    // Whether what is shown is still true must be seen all the time.
    for (const id of Object.keys(parts)) if (!paused || id === "connection") show(id);
  });
  live.addEventListener("error", () => {
    const why = live.readyState === EventSource.CLOSED
      ? "the dashboard refuses another viewer"
      : "the dashboard has ended or cannot be reached";
    const said = document.createElement("span");
    said.className = "bad";
    said.textContent = `Not live: ${why}. Trying again`;
    byId("connection").replaceChildren(said);
    if (live.readyState === EventSource.CLOSED) setTimeout(connect, AGAIN_MS);
  });
}

connect();
