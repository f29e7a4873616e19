import { bootTimeMs } from "../linux/clock.ts";
import { type EventFd, openEventFd } from "../linux/event_fd.ts";
import { MessageBatch } from "../linux/message_batch.ts";
import { waitReadable } from "../linux/poll.ts";
import { type Link, RouteMonitor, type RouteNetlink } from "../linux/rtnetlink.ts";
import type { IpAddress } from "../wire/address.ts";
import { equalMacs, formatMac } from "../wire/ethernet.ts";
import { type AddressRange, rangeContains } from "../wire/prefix.ts";
import { Announcements } from "./announcements.ts";
import { AnnouncerPlace } from "./announcer_place.ts";
import { ConflictReports } from "./conflict_reports.ts";
import { FrameSender } from "./frame_sender.ts";
import { type Conflict, reactTo } from "./neighbour_reaction.ts";
import { TokenBucket } from "../policy/token_bucket.ts";

/** What comes faster waits in the sockets' buffers, and is lost behind that. */
const FRAMES_PER_SECOND = 1_000;
const FRAMES_AT_ONCE = 256;
const EXHAUSTED_MS = 20;
/** Longer than any message that makes sense here. */
const SLOT_BYTES = 512;
const MONITOR_BUFFER_BYTES = 256 * 1024;

/** Another machine uses an address that is answered for, or asks whether it may. */
export interface AddressConflict {
  readonly address: IpAddress;
  /** `02:00:00:00:00:01`. */
  readonly mac: string;
  readonly interface: string;
}

export interface AnnouncerOptions {
  readonly interfaces: readonly string[];
  /** What to answer for, on each of the interfaces alike. */
  readonly addresses: readonly AddressRange[];
  readonly netlink: RouteNetlink;
  /** Is told of each conflicting address once in ten seconds at most. */
  readonly onConflict?: (conflict: AddressConflict) => void;
  /** Is told why no answers are given any more, should that happen before it is closed. */
  readonly onFailure?: (message: string) => void;
  /** From one round of announcements to the next; default 2,000. */
  readonly roundMs?: number;
}

/**
 * Makes the hosts and routers on a link find addresses that no interface has: answers ARP requests
 * and neighbour solicitations for them, with the MAC address of the interface that was asked, and
 * announces them (gratuitous ARP, RFC 5227; unsolicited advertisements, RFC 4861 section 7.2.6).
 *
 * For the main thread, where it waits without blocking. Addresses are announced again when they
 * change, and when an interface comes up or gets another MAC address. An address that another
 * machine claims as well is reported, not fought for.
 */
export class Announcer implements AsyncDisposable {
  readonly #options: AnnouncerOptions;
  readonly #open: DisposableStack;
  readonly #stop: EventFd;
  readonly #monitor: RouteMonitor;
  readonly #places: readonly AnnouncerPlace[];
  readonly #announcements: Announcements;
  readonly #conflicts = new ConflictReports(bootTimeMs());
  readonly #serving: Promise<void>;
  #ranges: readonly AddressRange[];
  #closed: Promise<void> | null = null;

  /** See {@linkcode openAnnouncer}. */
  constructor(options: AnnouncerOptions) {
    using open = new DisposableStack();
    this.#options = options;
    this.#stop = open.use(openEventFd());
    const batch = open.use(new MessageBatch({ slots: 32, slotBytes: SLOT_BYTES }));
    const sender = open.use(new FrameSender());
    // Before the interfaces are looked up, so that no change is missed.
    this.#monitor = open.use(
      new RouteMonitor({ kinds: ["link"], receiveBufferBytes: MONITOR_BUFFER_BYTES }),
    );
    const links = options.interfaces.map((name) => findLink(options.netlink, name));
    this.#places = links.map((link) => open.use(new AnnouncerPlace(link, { batch, sender })));
    this.#ranges = options.addresses;
    for (const place of this.#places) place.use(this.#ranges);
    this.#announcements = new Announcements({
      send: (addresses) => this.#places.forEach((it) => it.announce(addresses)),
      roundMs: options.roundMs,
    });
    this.#open = open.move();
    this.#serving = this.#serve();
  }

  /** How many answers were sent. */
  get answered(): number {
    return this.#places.reduce((sum, { answered }) => sum + answered, 0);
  }

  /** Answers for these addresses from now on, and announces them. Throws LinuxError. */
  setAddresses(ranges: readonly AddressRange[]): void {
    if (this.#closed !== null) return;
    for (const place of this.#places) place.use(ranges);
    this.#ranges = ranges;
    this.announce();
  }

  /**
   * Tells the links of all addresses, three times with pauses. Resolves when that is done, or as
   * soon as it is over for another reason: it was closed, or they are announced from the beginning.
   */
  announce(): Promise<void> {
    return this.#closed === null ? this.#announcements.start(this.#ranges) : Promise.resolve();
  }

  /** From the call on nothing is answered or announced. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#announcements.stop();
    this.#stop.signal();
    await this.#serving;
    this.#open.dispose();
  }

  async #serve(): Promise<void> {
    const stop = this.#stop.fd.number;
    const all = [stop, this.#monitor.fd.number, ...this.#places.flatMap(({ fds }) => fds)];
    const budget = new TokenBucket({
      perSecond: FRAMES_PER_SECOND,
      burst: FRAMES_AT_ONCE,
      nowMs: bootTimeMs(),
    });
    try {
      while (this.#closed === null) {
        const isExhausted = budget.isEmpty(bootTimeMs());
        const ready = await waitReadable(isExhausted ? stop : all, isExhausted ? EXHAUSTED_MS : -1);
        // Waking up has its price too, whatever for.
        if (ready && this.#closed === null) budget.spend(1 + this.#turn());
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#options.onFailure?.(`Cannot answer for the announced addresses any more: ${why}`);
    }
  }

  /** Handles what is there; returns how many frames that was. */
  #turn(): number {
    this.#followLinks();
    let received = 0;
    for (const place of this.#places) {
      received += place.receive((frame) => this.#react(frame, place));
    }
    return received;
  }

  #react(frame: Uint8Array, place: AnnouncerPlace): Uint8Array | null {
    const { answer, conflict } = reactTo(frame, {
      mac: place.mac,
      owns: (address) => this.#ranges.some((range) => rangeContains(range, address)),
      isOwnMac: (mac) => this.#places.some((own) => equalMacs(own.mac, mac)),
    });
    if (conflict !== null) this.#report(conflict, place);
    return answer;
  }

  #report({ address, mac }: Conflict, place: AnnouncerPlace): void {
    if (!this.#conflicts.isNew(address, bootTimeMs())) return;
    this.#options.onConflict?.({ address, mac: formatMac(mac), interface: place.name });
  }

  #followLinks(): void {
    let isChanged = false;
    const follow = (link: Link) => {
      for (const place of this.#places) isChanged = place.follow(link) || isChanged;
    };
    this.#monitor.drain((event) => {
      if (event.kind === "link" && !event.removed) follow(event.link);
      if (event.kind === "overrun") this.#options.netlink.links().forEach(follow);
    });
    if (isChanged) this.announce();
  }
}

/**
 * Answers for addresses from now on, without announcing them yet. Needs CAP_NET_RAW.
 *
 * Throws LinuxError, and Error for an interface that is not there.
 */
export function openAnnouncer(options: AnnouncerOptions): Announcer {
  return new Announcer(options);
}

function findLink(netlink: RouteNetlink, name: string): Link {
  const link = netlink.link(name);
  if (link === undefined) {
    throw new Error(`Cannot answer on interface "${name}": there is no such interface`);
  }
  return link;
}
