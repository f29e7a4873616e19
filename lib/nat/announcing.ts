import type { NatConfig } from "../config/nat_config.ts";
import type { EventLog } from "../control/event_log.ts";
import { type Announcer, openAnnouncer } from "../datapath/announcer.ts";
import type { RouteNetlink } from "../linux/rtnetlink.ts";
import { addressesOf } from "./datapath_config.ts";
import type { Undo } from "./reload.ts";

/** Answers for addresses on the links, when the configuration says so. */
export class Announcing implements AsyncDisposable {
  readonly #options: {
    readonly netlink: RouteNetlink;
    readonly events: EventLog;
    readonly onFailure: (message: string) => void;
  };
  #announcer: Announcer | null = null;
  #config: NatConfig | null = null;

  constructor(options: {
    netlink: RouteNetlink;
    events: EventLog;
    onFailure: (message: string) => void;
  }) {
    this.#options = options;
  }

  /**
   * Does as this configuration says from now on.
   * @returns what goes back to the one before
   * @throws {Error} when it cannot: then nothing has changed
   */
  async use(config: NatConfig): Promise<Undo> {
    const before = this.#config;
    if (!config.announce) await this.#close();
    else if (this.#announcer === null) this.#open(config);
    else if (before !== null && addressText(before) !== addressText(config)) {
      this.#announcer.setAddresses(addressesOf(config));
    }
    this.#config = config;
    return async () => void (before && await this.use(before));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  #open(config: NatConfig): void {
    const { netlink, events, onFailure } = this.#options;
    this.#announcer = openAnnouncer({
      interfaces: config.interfaces,
      addresses: addressesOf(config),
      netlink,
      onConflict: ({ address, mac, interface: name }) =>
        events.add("address-conflict", { address: String(address), mac, interface: name }),
      onFailure,
    });
    this.#announcer.announce();
  }

  async #close(): Promise<void> {
    await this.#announcer?.[Symbol.asyncDispose]();
    this.#announcer = null;
  }
}

function addressText(config: NatConfig): string {
  return addressesOf(config).map(({ first, last }) => `${first}-${last}`).join();
}
