/**
 * `inspect top`: the running NAT machine on the whole terminal. It maps the session table and measures
 * for itself, so looking costs the packet workers nothing.
 *
 * @module
 */
import { AdminError } from "../control/admin_protocol.ts";
import type { NatStatus, ServerView, SessionsAnswer, Status } from "./answers.ts";
import { busyShares, sharesText } from "./busy_shares.ts";
import type { Daemon } from "./daemon.ts";
import { FullScreen, type ScreenEvent } from "./full_screen.ts";
import type { InspectHost } from "./host.ts";
import { humanCount, humanDuration } from "../config/human.ts";
import type { InspectOptions } from "./options.ts";
import { paintFor } from "./palette.ts";
import { TableWatch } from "./table_watch.ts";
import { firstState, type TopState, withKey } from "./top_state.ts";
import { pageRows, renderTop, type TopContent } from "./top_view.ts";

/** One look alone measures nothing: the second one comes soon. */
const FIRST_REST_MS = 500;

/** Until a key, another size, or the time. */
type Woken = "event" | "time";

/** Shows until it is told to end. @throws {AdminError} without a terminal, or with nothing to look at */
export async function showTop(
  daemon: Daemon,
  options: InspectOptions,
  host: InspectHost,
): Promise<number> {
  FullScreen.check();
  const status = await daemon.ask<Status>({ verb: "status", counts: false });
  if (status.role !== "nat") {
    throw new AdminError("An agent has no sessions to show: ask the NAT machine, by --socket", 2);
  }
  const events: ScreenEvent[] = [];
  let wake = () => {};
  using screen = new FullScreen((event) => {
    events.push(event);
    wake();
  });
  using top = new Top(daemon);
  const paint = paintFor(host);
  let state = firstState(options.topMs ?? 2000);
  let dueMs = 0;
  let restMs = FIRST_REST_MS;
  for (;;) {
    const { columns, lines } = screen.size;
    if (performance.now() >= dueMs && !state.paused) {
      await top.look();
      dueMs = performance.now() + Math.min(restMs, state.intervalMs);
      restMs = Infinity;
    }
    state = top.scrolledTo(state, pageRows(lines));
    screen.show(renderTop(top.content(state, pageRows(lines)), state, { columns, lines, paint }));
    const { promise, resolve } = Promise.withResolvers<Woken>();
    wake = () => resolve("event");
    if (events.length > 0) wake();
    const waitMs = state.paused ? 2 ** 30 : Math.max(0, dueMs - performance.now());
    const timer = setTimeout(() => resolve("time"), waitMs);
    await promise;
    clearTimeout(timer);
    for (const event of events.splice(0)) {
      if (event.kind === "end") return 0;
      if (event.kind !== "key") continue;
      if (event.key === "ctrl-z") {
        screen.suspend();
        continue;
      }
      const next = withKey(state, event.key, pageRows(lines));
      if (next === "quit") return 0;
      if (next.intervalMs !== state.intervalMs) dueMs = 0;
      state = next;
    }
  }
}

/** What is known of the daemon, from one look to the next. */
class Top implements Disposable {
  readonly #daemon: Daemon;
  #status: NatStatus | null = null;
  #servers: readonly ServerView[] = [];
  #table: TableWatch | null = null;
  #trouble: string | null = null;
  #before: { readonly atMs: number; readonly status: NatStatus } | null = null;
  #counters = "";

  constructor(daemon: Daemon) {
    this.#daemon = daemon;
  }

  /** A daemon that does not answer is waited for; what was seen last stays on the screen. */
  async look(): Promise<void> {
    try {
      const answer = await this.#daemon.ask<SessionsAnswer>({ verb: "sessions" });
      this.#status = await this.#daemon.ask<NatStatus>({ verb: "status", counts: false });
      this.#servers = await this.#daemon.ask<ServerView[]>({ verb: "servers", counts: false });
      if (this.#table !== null && !this.#table.isOf(answer)) {
        this.#table[Symbol.dispose]();
        this.#table = null;
      }
      this.#table ??= new TableWatch(answer);
      this.#table.look(answer, performance.now());
      this.#count(this.#status, performance.now());
      this.#trouble = null;
    } catch (error) {
      if (!(error instanceof AdminError)) throw error;
      this.#trouble = error.message;
    }
  }

  /** Scrolled no further than there are rows. */
  scrolledTo(state: TopState, page: number): TopState {
    const most = Math.max(0, (this.#table?.matching(state, this.#servers) ?? 0) - page);
    return state.scrolled > most ? { ...state, scrolled: most } : state;
  }

  content(state: TopState, page: number): TopContent {
    const status = this.#status;
    const agents = status?.agents ?? [];
    const able = agents.filter(({ connected, able }) => connected && able).length;
    const found = this.#table?.rows(state, page, this.#servers);
    return {
      title: status === null
        ? "bypath nat"
        : `bypath nat ${status.version}  up ${humanDuration(status.uptimeMs)}  ` +
          `${status.services} services  ${able} of ${agents.length} agents able`,
      total: this.#table?.total ?? NO_TOTAL,
      history: this.#table?.history ?? { viaNat: [], viaBypass: [] },
      counters: this.#counters,
      trouble: this.#trouble,
      rows: found?.rows ?? { kind: "sessions", rows: [] },
      matching: found?.matching ?? 0,
    };
  }

  [Symbol.dispose](): void {
    this.#table?.[Symbol.dispose]();
  }

  #count(status: NatStatus, atMs: number): void {
    const before = this.#before;
    this.#before = { atMs, status };
    if (before === null) return;
    const perSecond = (of: (it: NatStatus) => number) =>
      Math.max(0, of(status) - of(before.status)) * 1000 / (atMs - before.atMs);
    const dropped = Object.keys(status.packets.dropped)
      .map((reason) => ({
        reason,
        rate: perSecond((it) => it.packets.dropped[reason] ?? 0),
      }))
      .filter(({ rate }) => rate > 0)
      .sort((a, b) => b.rate - a.rate)
      .slice(0, 3)
      .map(({ reason, rate }) => `${reason} ${humanCount(rate)}/s`);
    const shares = busyShares(before.status, status, atMs - before.atMs);
    const workers = shares.length > 1 ? "workers" : "worker";
    this.#counters = [
      `table ${humanCount(this.#table?.used ?? 0)} of ${humanCount(status.sessions.capacity)}`,
      `packets ${humanCount(perSecond((it) => it.packets.received as number))}/s`,
      ...(shares.length === 0 ? [] : [`${workers} ${sharesText(shares)} busy`]),
      `dropped ${dropped.length === 0 ? "none" : dropped.join(", ")}`,
    ].join("  ");
  }
}

const NO_TOTAL = { sessions: 0, bypassing: 0, fromClient: 0, viaNat: 0, viaBypass: 0 };
