import { DIRECT, F64, I32, U16 } from "../session/layout.ts";
import { SessionViewer } from "../session/session_view.ts";
import { protocolName } from "../wire/protocol.ts";
import type { ServerView, SessionsAnswer } from "./answers.ts";
import { type Flow, type MeterReading, noFlow, SessionMeter } from "./session_meter.ts";
import { SessionReader } from "./session_reader.ts";
import { endpointOrder, pick } from "./sort.ts";
import type { Value } from "./table.ts";
import { endpointIn, topFilter } from "./top_filter.ts";
import type { TopState } from "./top_state.ts";
import type { GroupRow, TopContent } from "./top_view.ts";

const KEPT = 60;

/** The session table as `top` looks at it again and again. */
export class TableWatch implements Disposable {
  readonly history = { viaNat: [] as number[], viaBypass: [] as number[] };
  readonly #reader: SessionReader;
  readonly #meter: SessionMeter;
  readonly #viewer: SessionViewer;
  readonly #state: string;
  readonly #epoch: number;
  #answer: SessionsAnswer;
  /** Sessions that were found last, and the services' names: as of the last look. */
  #found: { readonly asked: string; readonly slots: readonly number[] } | null = null;
  readonly #names = new Map<number, string>();
  #reading: MeterReading = { total: noFlow(), services: new Map(), servers: new Map() };

  /** @throws {AdminError} when the table cannot be read */
  constructor(answer: SessionsAnswer) {
    this.#answer = answer;
    this.#state = answer.state;
    this.#reader = new SessionReader(answer);
    const { records } = this.#reader;
    this.#epoch = records.epoch;
    this.#meter = new SessionMeter(records);
    this.#viewer = new SessionViewer(records);
  }

  /** Another table needs another look from the beginning. */
  isOf({ state, epoch }: SessionsAnswer): boolean {
    return state === this.#state && (epoch === undefined || epoch === this.#epoch);
  }

  get total(): Flow {
    return this.#reading.total;
  }

  /** Places of the table that sessions have, those that rest included. */
  get used(): number {
    return this.#reader.records.used;
  }

  look(answer: SessionsAnswer, nowMs: number): void {
    this.#answer = answer;
    this.#reading = this.#meter.look(nowMs);
    this.#found = null;
    this.#names.clear();
    for (const path of ["viaNat", "viaBypass"] as const) {
      this.history[path].push(this.#reading.total[path]);
      if (this.history[path].length > KEPT) this.history[path].shift();
    }
  }

  /** How many rows there are. */
  matching(state: TopState, servers: readonly ServerView[]): number {
    return state.view === "sessions"
      ? this.#slots(state).length
      : this.#groups(state, servers).length;
  }

  rows(
    state: TopState,
    page: number,
    servers: readonly ServerView[],
  ): Pick<TopContent, "rows" | "matching"> {
    const { sort, view, reversed, scrolled } = state;
    // Numbers from the largest, names from the first.
    const isName = ["client", "server", "service"].includes(sort[view]);
    const descending = isName === reversed;
    const limit = scrolled + page;
    if (view !== "sessions") {
      const groups = this.#groups(state, servers);
      const value = (row: GroupRow) => groupValue(row, sort[view]);
      const rows = pick(groups, { sort: [{ value, descending }], limit }).slice(scrolled);
      return { rows: { kind: "groups", rows }, matching: groups.length };
    }
    const slots = this.#slots(state);
    const value = this.#slotValue(sort.sessions);
    const picked = pick(slots, { sort: [{ value, descending }], limit }).slice(scrolled);
    const context = this.#reader.contextAt(this.#answer);
    const rows = picked.flatMap((slot) => {
      const session = this.#viewer.view(slot, context);
      return session === null ? [] : [{ session, rate: this.#meter.rate(slot) }];
    });
    return { rows: { kind: "sessions", rows }, matching: slots.length };
  }

  [Symbol.dispose](): void {
    this.#reader[Symbol.dispose]();
  }

  /** Kept from one key to the next: there may be a million. */
  #slots({ filter, path }: TopState): readonly number[] {
    const asked = `${path} ${filter}`;
    if (this.#found?.asked === asked) return this.#found.slots;
    const isMeant = topFilter(filter, this.#reader.records, (slot) => this.#serviceOf(slot));
    const slots = this.#meter.slots().filter((slot) =>
      (path === null || this.#meter.isBypassing(slot) === (path === "bypass")) && isMeant(slot)
    ).toArray();
    this.#found = { asked, slots };
    return slots;
  }

  #slotValue(sort: string): (slot: number) => Value {
    const { records } = this.#reader;
    switch (sort) {
      case "bytes":
        return (slot) =>
          records.getF64(slot, F64.bytesFromClient) + records.getF64(slot, F64.bytesViaNat) +
          (records.getU32(slot, I32.generation) === 0 ? 0 : records.getDirect(slot, DIRECT.bytes));
      case "age":
        return (slot) => -records.getF64(slot, F64.createdMs);
      case "idle":
        return (slot) => -records.lastActivityMs(slot);
      case "client":
        return (slot) => {
          const { address, port } = this.#viewer.client(slot);
          const text = String(address);
          return endpointOrder(text.includes(":") ? `[${text}]:${port}` : `${text}:${port}`);
        };
      case "server":
        return (slot) => endpointOrder(this.#viewer.endpointText(records.getU16(slot, U16.server)));
      default:
        return (slot) => this.#meter.rate(slot);
    }
  }

  #groups({ view, filter }: TopState, servers: readonly ServerView[]): GroupRow[] {
    const words = filter.split(/\s+/).filter((word) => word !== "").map((word) => ({
      word,
      endpoint: endpointIn(word),
    }));
    const rows = view === "services" ? this.#services() : this.#servers(servers);
    return rows.filter((row) =>
      words.every(({ word, endpoint }) =>
        `${row.service} ${row.server}`.includes(word) ||
        (row.server !== "" && endpoint?.matches(row.server) === true)
      )
    );
  }

  #services(): GroupRow[] {
    const flows = new Map(
      [...this.#reading.services].map(([key, flow]) => [this.#serviceName(key), flow]),
    );
    const names = new Set([...this.#answer.services.map(({ name }) => name), ...flows.keys()]);
    return [...names].map((service) => ({
      service,
      server: "",
      flow: flows.get(service) ?? noFlow(),
      note: "",
    }));
  }

  #servers(servers: readonly ServerView[]): GroupRow[] {
    const flows = new Map(
      [...this.#reading.servers].map(([key, flow]) => [
        `${this.#serviceName(Math.floor(key / 65536))} ${this.#viewer.endpointText(key % 65536)}`,
        flow,
      ]),
    );
    return servers.map(({ service, address, health, draining, agent }) => ({
      service,
      server: address,
      flow: flows.get(`${service} ${address}`) ?? noFlow(),
      note: [
        draining ? "draining" : health === "unknown" ? "" : health,
        agent.bypass === "able" ? "able" : agent.connected ? "unable" : "no agent",
      ].filter((word) => word !== "").join(", "),
    }));
  }

  #serviceOf(slot: number): string {
    return this.#serviceName(this.#meter.serviceKey(slot));
  }

  #serviceName(key: number): string {
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const vip = this.#viewer.endpointText(Math.floor(key / 256));
    const name = this.#reader.contextAt(this.#answer).serviceName(vip, protocolName(key % 256));
    this.#names.set(key, name);
    return name;
  }
}

function groupValue({ service, server, flow }: GroupRow, sort: string): Value {
  switch (sort) {
    case "sessions":
      return flow.sessions;
    case "bypass":
      return flow.bypassing;
    case "server":
      return endpointOrder(server);
    case "service":
      return service;
    default:
      return flow.viaNat + flow.viaBypass + flow.fromClient;
  }
}
