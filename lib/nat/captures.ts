import { AdminError, type AdminRequest } from "../control/admin_protocol.ts";
import type { AdminHandler } from "../control/admin_server.ts";
import { CaptureDesk, captureRequestOf, type CaptureResult } from "../control/capture_desk.ts";
import { type CapturePlace, LocalPlace } from "../control/capture_place.ts";
import type { CaptureOrder } from "../control/messages.ts";
import { WorkerCapture } from "../datapath/worker_capture.ts";
import type { PacketThread } from "../datapath/packet_thread.ts";
import {
  type CaptureNames,
  type CaptureTest,
  formatCaptureFilter,
  parseCaptureFilter,
  resolveCaptureFilter,
} from "../session/capture_filter.ts";
import { F64, U16, U8 } from "../session/layout.ts";
import { formatSessionId } from "../session/session_id.ts";
import { SessionViewer } from "../session/session_view.ts";
import { formatEndpoint } from "../wire/address.ts";
import { protocolName } from "../wire/protocol.ts";
import { AgentCaptures } from "./agent_captures.ts";
import type { NatMachine } from "./nat_machine.ts";

/** How a NAT machine calls itself in a capture. */
const HERE = "nat";

/** The captures of a NAT machine: of its own packets, and at its agents. */
export class Captures {
  readonly atAgents: AgentCaptures;
  readonly #machine: NatMachine;
  readonly #threads: readonly PacketThread[];
  readonly #desk = new CaptureDesk();

  constructor(
    machine: NatMachine,
    threads: readonly PacketThread[],
    send: (agent: string, message: CaptureOrder) => void,
  ) {
    this.#machine = machine;
    this.#threads = threads;
    this.atAgents = new AgentCaptures(send);
  }

  /** How many go on. */
  get size(): number {
    return this.#desk.size;
  }

  stop(id: unknown): { stopped: true } {
    return this.#desk.stop(id);
  }

  /** The packet thread is about to end. */
  stopAll(): void {
    this.#desk.stopAll();
  }

  /** Answers the verb `capture`. @throws {AdminError} */
  run(request: AdminRequest, stream: Parameters<AdminHandler>[1]): Promise<CaptureResult> {
    const { filter: text, snapBytes, limitMs, at } = captureRequestOf(request);
    const filter = this.#resolved(text);
    return this.#desk.run(this.#places(at, filter, snapBytes), limitMs, stream);
  }

  #resolved(text: string): CaptureTest | null {
    try {
      return resolveCaptureFilter(parseCaptureFilter(text), this.#names());
    } catch (error) {
      throw error instanceof AdminError ? error : new AdminError((error as Error).message, 2);
    }
  }

  #places(
    at: readonly string[],
    filter: CaptureTest | null,
    snapBytes: number,
  ): CapturePlace[] {
    const here = () => this.#here(filter, snapBytes);
    const order = { filter: formatCaptureFilter(filter), snapBytes };
    const agents = this.#machine.agents.all();
    const places = (at.length === 0 ? [HERE] : at).flatMap((where): CapturePlace[] => {
      if (where === HERE) return [here()];
      if (where === "all") {
        return [here(), ...agents.map((agent) => this.atAgents.place(agent, order))];
      }
      const name = where.replace(/^agent[ :]/, "");
      const agent = name === where ? undefined : agents.find((it) => it.name === name);
      if (agent === undefined) {
        const known = agents.map((it) => it.name).join(", ");
        throw new AdminError(
          `Cannot capture at "${where}": there are nat, all` +
            (known === "" ? " and no agents" : ` and the agents ${known}, as "agent NAME"`),
          2,
        );
      }
      return [this.atAgents.place(agent, order)];
    });
    return [...new Map(places.map((place) => [place.name, place])).values()];
  }

  #here(filter: CaptureTest | null, snapBytes: number): CapturePlace {
    const { interfaces } = this.#machine.config;
    const { records } = this.#machine.state;
    const viewer = new SessionViewer(records);
    return new LocalPlace(HERE, {
      begin: () => WorkerCapture.begin(this.#threads, { filter, snapBytes }),
      links: { sources: interfaces, outputs: interfaces },
      nameOf: (slot, id) => {
        const session = formatSessionId(records.epoch, id);
        // The slot may be another session's by now.
        if (records.getF64(slot, F64.id) !== id) return { session, service: "" };
        const protocol = protocolName(records.getU8(slot, U8.protocol));
        const vip = viewer.endpointText(records.getU16(slot, U16.vip));
        const service = this.#machine.config.services.find((it) =>
          it.protocol === protocol && formatEndpoint(it.vip) === vip
        );
        return { session, service: service?.name ?? "" };
      },
    });
  }

  #names(): CaptureNames {
    const { config, bypass, state } = this.#machine;
    return {
      service: (name) => {
        const found = config.services.find((it) => it.name === name);
        if (found === undefined) {
          const names = config.services.map((it) => it.name).join(", ");
          throw new AdminError(`There is no service "${name}": there are ${names}`, 2);
        }
        return { protocol: found.protocol, vip: formatEndpoint(found.vip) };
      },
      session: (id) => {
        const slot = bypass.find(id);
        if (slot === 0) {
          throw new AdminError(`There is no session "${id}": see bypath inspect sessions`, 2);
        }
        const { records } = state;
        const viewer = new SessionViewer(records);
        return {
          protocol: protocolName(records.getU8(slot, U8.protocol)) as "tcp" | "udp",
          nat: viewer.natText(slot),
          server: viewer.endpointText(records.getU16(slot, U16.server)),
        };
      },
    };
  }
}
