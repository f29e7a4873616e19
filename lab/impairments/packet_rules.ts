import type { Lab } from "../lab.ts";
import type { NodeName } from "../topology.ts";

/** Where packets meet the rules: as they come in by a device. */
export interface RulesPlace {
  readonly node: NodeName;
  readonly device: string;
  /** In the words of nft(8), one a line, in order; `drop` is preceded by a counter of its own. */
  readonly rules: readonly string[];
}

let made = 0;

/**
 * Rules of nftables in the lab that do packets harm, until they are disposed of. They stand at the
 * ingress of a device, where a packet is as it came from the wire: neither end can tell it from
 * a fault of the network.
 */
export class PacketRules implements AsyncDisposable {
  readonly #lab: Lab;
  readonly #places: readonly RulesPlace[];
  readonly #table = `fault${++made}`;
  #gone = false;

  private constructor(lab: Lab, places: readonly RulesPlace[]) {
    this.#lab = lab;
    this.#places = places;
  }

  /** In force when it resolves. @throws {HostCommandError} with the words of nft */
  static async install(lab: Lab, places: readonly RulesPlace[]): Promise<PacketRules> {
    const rules = new PacketRules(lab, places);
    await Promise.all(places.map((place) => rules.#apply(place)));
    return rules;
  }

  /** How many packets they have dropped so far. */
  async dropped(): Promise<number> {
    let packets = 0;
    for (const { node } of this.#places) {
      const list = await this.#lab.mustRun(node, ["nft", "list", "table", "netdev", this.#table]);
      for (const [, count] of list.matchAll(/counter packets (\d+)/g)) packets += Number(count);
    }
    return packets;
  }

  /** Takes them away. May be called again. */
  async end(): Promise<void> {
    if (this.#gone) return;
    this.#gone = true;
    await Promise.all(
      this.#places.map(({ node }) =>
        this.#lab.run(node, ["nft", "delete", "table", "netdev", this.#table])
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async #apply({ node, device, rules }: RulesPlace): Promise<void> {
    const chain = rules.map((rule) => `    ${rule.replace(/\bdrop$/, "counter drop")}`);
    const ruleset = [
      `table netdev ${this.#table} {`,
      "  chain in {",
      `    type filter hook ingress device ${device} priority 0; policy accept;`,
      ...chain,
      "  }",
      "}\n",
    ];
    await this.#lab.mustRun(node, ["nft", "-f", "-"], ruleset.join("\n"));
  }
}
