import type {
  AnswerSpec,
  Case,
  Expectation,
  Family,
  MayDiffer,
  OutSpec,
  PacketSpec,
  Step,
  TranslationDetails,
  Way,
} from "./case.ts";
import { titleOf } from "./case.ts";
import { allowDifferences } from "./differences.ts";
import { addressOf, endText, Names, sameEnd, textOf } from "./names.ts";
import { conservationFault, faultsOf } from "./oracles.ts";
import { buildPacket, type Ends, isL4Right, look, translate } from "./reference.ts";
import { compareTable, table } from "./table.ts";
import type { BoundSession, Counted, Output, Result, Side, World } from "./world.ts";

export interface RunOptions {
  readonly way: Way;
  readonly family: Family;
  /** Different for every run in the same world: its clients have addresses of their own. */
  readonly run: number;
}

/** A case that came out otherwise; the message shows everything that happened. */
export class ConformanceError extends Error {
  override readonly name = "ConformanceError";
}

/** Runs a case in a world. @throws {ConformanceError} */
export async function runCase(it: Case, world: World, options: RunOptions): Promise<void> {
  await new Run(it, world, options).all();
}

class Run {
  readonly #case: Case;
  readonly #world: World;
  readonly #names: Names;
  readonly #way: Way;
  readonly #family: Family;
  readonly #bypassed = new Set<string>();
  readonly #trace: string[][] = [["step", "in", "out", "counted"]];
  readonly #counted: Counted[] = [];
  readonly #sent: { spec: PacketSpec; side: Side; bytes: Uint8Array }[] = [];
  /** By both addresses and identification, as they come out, which datagram it was. */
  readonly #datagrams = new Map<string, string>();
  readonly #identifications = new Map<string, number>();
  #at = "";

  constructor(it: Case, world: World, { way, family, run }: RunOptions) {
    this.#case = it;
    this.#world = world;
    this.#way = way;
    this.#family = family;
    this.#names = new Names(it.flows ?? {}, { way, family, run });
  }

  async all(): Promise<void> {
    for (const [i, step] of this.#case.steps.entries()) {
      this.#at = `${i + 1}`;
      await this.#step(step);
    }
    const total = this.#counted.reduce((sum, it) => ({
      received: sum.received + it.received,
      forwarded: sum.forwarded + it.forwarded,
      answered: sum.answered + it.answered,
      dropped: { ...sum.dropped, ...addUp(sum.dropped, it.dropped) },
    }), { received: 0, forwarded: 0, answered: 0, dropped: {} });
    const fault = conservationFault(total);
    if (fault !== null) this.#fail(fault);
    const left = await this.#world.leftovers();
    if (left.length > 0) this.#fail(`O9: left behind: ${left.join(", ")}`);
  }

  async #step(step: Step): Promise<void> {
    if ("client" in step) await this.#packet("client", step.client, step.expect);
    else if ("server" in step) {
      await this.#packet(step.from ?? "S1", { leg: "S>P", ...step.server }, step.expect);
    } else if ("open" in step) await this.#open(step.open);
    else if ("exchange" in step) await this.#exchange(step.exchange);
    else if ("bypass" in step) await this.#bypass(step.bypass);
    else if ("session" in step) await this.#session(step.session, step.is);
    else if ("compare" in step) this.#compare(step);
    else {
      const counted = await this.#world.idle(step.idle, step.until);
      this.#counted.push(counted);
      this.#trace.push([this.#at, `idle: ${step.until} ${step.idle}`, "", countedText(counted)]);
    }
  }

  async #open(flow: string): Promise<void> {
    await this.#packet("client", { flow, tcp: "SYN" }, "translated");
    const side = this.#serverSide(flow);
    await this.#packet(side, { flow, leg: "S>P", tcp: "SYN ACK" }, "translated");
    await this.#packet("client", { flow, tcp: "ACK" }, "translated");
  }

  async #exchange(flow: string): Promise<void> {
    await this.#packet("client", { flow, payload: 20 }, "translated");
    await this.#packet(this.#serverSide(flow), { flow, leg: "S>P", payload: 30 }, "translated");
  }

  /** A server may be a client of the VIP. */
  #clientSide(flow: string): Side {
    const side = /^S[12]/.exec(this.#names.flow(flow).client)?.[0];
    return side === undefined ? "client" : side as Side;
  }

  #serverSide(flow: string): Side {
    const bound = this.#names.bound(flow);
    if (bound === undefined) return this.#fail(`${flow} has no server`);
    return textOf(bound.server.address) === addressOf("S2", this.#family) ? "S2" : "S1";
  }

  async #bypass(flow: string): Promise<void> {
    if (this.#way === "nat") return;
    await this.#world.bypass(this.#boundSession(flow)).catch((error) => this.#fail(String(error)));
    this.#bypassed.add(flow);
    this.#trace.push([this.#at, `bypass ${flow}`, "", ""]);
  }

  async #session(flow: string, expected: string): Promise<void> {
    const { protocol, client, vip } = this.#names.flow(flow);
    const state = await this.#world.session({
      protocol,
      client: this.#names.end(client),
      vip: this.#names.end(vip),
    });
    this.#trace.push([this.#at, `session ${flow}`, state, ""]);
    if (state !== expected) this.#fail(`The session ${flow} is ${state}, expected ${expected}`);
    if (state === "none") this.#names.forget(flow);
  }

  #compare(step: Extract<Step, { compare: unknown }>): void {
    const [a, b] = step.compare.map((flow) => this.#names.bound(flow));
    if (a === undefined || b === undefined) return this.#fail("A flow has no server");
    const check = (what: string, expected: string | undefined, same: boolean) => {
      if (expected !== undefined && same !== (expected === "same")) {
        this.#fail(`${step.compare.join(" and ")}: expected ${expected} ${what}`);
      }
    };
    check("NAT endpoint", step.natEndpoint, sameEnd(a.nat, b.nat));
    check("SNAT address", step.natAddress, textOf(a.nat.address) === textOf(b.nat.address));
    check("server", step.servers, sameEnd(a.server, b.server));
  }

  #boundSession(flow: string): BoundSession {
    const bound = this.#names.bound(flow);
    if (bound === undefined) return this.#fail(`${flow} has no server`);
    const { protocol, client, vip } = this.#names.flow(flow);
    return { protocol, client: this.#names.end(client), vip: this.#names.end(vip), ...bound };
  }

  async #packet(side: Side, given: PacketSpec, expect: Expectation): Promise<void> {
    const spec = given;
    const { flow } = spec;
    // The agent hears of it by way of the control channel, which no fence passes.
    if (flow !== undefined && this.#bypassed.has(flow) && isCut(expect)) {
      const heard = this.#world.pathMtuHeard(this.#boundSession(flow));
      await heard.catch((error) => this.#fail(String(error)));
    }
    const bytes = buildPacket(spec, this.#names);
    this.#sent.push({ spec, side, bytes });
    const result = await this.#world.send({
      side,
      toAgent: side === "S1" && this.#way === "bypass",
      bytes,
      partial: spec.checksum === "partial",
      mac: spec.mac ?? "machine",
      etherType: spec.etherType,
      tag: spec.tag === undefined ? undefined : Uint8Array.fromHex(spec.tag),
    });
    this.#counted.push(result.counted);
    this.#trace.push([
      this.#at,
      `${side}: ${describe(bytes)}`,
      result.out.map((it) => `${it.side} by ${it.by}: ${describe(it.bytes)}`).join("; ") ||
      "nothing",
      countedText(result.counted),
    ]);
    this.#oracles(spec, bytes, result);
    this.#judge(spec, side, bytes, expect, result);
  }

  /** R-072: the fragments of a datagram share an identification, no two datagrams between two hosts do. */
  #identify(input: Uint8Array, output: Uint8Array): void {
    const it = look(output);
    if (it.fragmentOffset === 0 && !it.more) return;
    const pair = [it.ends.source, it.ends.destination].map(({ address }) => textOf(address)).join();
    const from = look(input);
    const datagram = `${textOf(from.ends.source.address)} ${from.id}`;
    const key = `${pair} ${it.id}`;
    const other = this.#datagrams.get(key);
    const known = this.#identifications.get(`${pair} ${datagram}`);
    if ((other !== undefined && other !== datagram) || (known !== undefined && known !== it.id)) {
      this.#fail(`O4: identification ${it.id}`, [["in", input], ["out", output]], []);
    }
    this.#datagrams.set(key, datagram);
    this.#identifications.set(`${pair} ${datagram}`, it.id);
  }

  #oracles(spec: PacketSpec, bytes: Uint8Array, { out }: Result): void {
    for (const output of out) this.#identify(bytes, output.bytes);
    const inputWasRight = spec.checksum === undefined || spec.checksum === "zero behind the NAT";
    const vips = ["VIP", "VIP2"].map((name) => addressOf(name, this.#family, this.#way));
    for (const output of out) {
      const isHairpin = spec.flow !== undefined && this.#clientSide(spec.flow) !== "client";
      const faults = faultsOf(output, { inputWasRight, vips: isHairpin ? [] : vips });
      if (faults.length > 0) {
        this.#fail(faults.join(", "), [["in", bytes], ["out", output.bytes]], []);
      }
    }
  }

  #judge(
    spec: PacketSpec,
    side: Side,
    bytes: Uint8Array,
    expect: Expectation,
    { out, counted }: Result,
  ): void {
    if (expect === "translated") this.#translated(spec, side, bytes, {}, out);
    else if (expect === "consumed" || expect === "held") this.#none(bytes, out);
    else if ("translated" in expect) this.#translated(spec, side, bytes, expect.translated, out);
    else if ("out" in expect) this.#expectOut(bytes, expect.out, out);
    else if (expect.answer !== undefined) {
      this.#expectOut(bytes, [{ ...expect.answer, side: side as "client" | "server" }], out);
    } else this.#none(bytes, out);
    const dropped = typeof expect === "object" && "dropped" in expect ? expect : null;
    const names = Object.keys(counted.dropped);
    const isNotTaken = dropped?.lab === "not taken" && this.#world.kind === "lab";
    const wanted = dropped === null || isNotTaken ? [] : [dropped.dropped];
    if (names.join() !== wanted.join() || names.some((name) => counted.dropped[name] !== 1)) {
      this.#fail(
        `Expected ${wanted.length === 0 ? "no drop" : `one drop, ${wanted}`}; ` +
          `dropped: ${JSON.stringify(counted.dropped)}`,
        [["in", bytes]],
        [],
      );
    }
  }

  #translated(
    spec: PacketSpec,
    side: Side,
    bytes: Uint8Array,
    details: TranslationDetails,
    out: readonly Output[],
  ): void {
    const first = out[0];
    if (first === undefined) return this.#fail("Nothing came out", [["in", bytes]], []);
    const flow = spec.flow;
    if (flow === undefined) return this.#fail("A packet of no flow cannot be translated");
    const leg = spec.leg ?? "C>VIP";
    if (leg === "C>VIP" && this.#names.bound(flow) === undefined) this.#bind(flow, first);
    const all = [
      { spec, side, bytes, mayDiffer: details.mayDiffer ?? {} },
      ...(details.andHeld ?? []).map((i) => ({
        ...this.#sent[i]!,
        mayDiffer: details.mayDiffer ?? {},
      })),
    ];
    if (out.length !== all.length) {
      return this.#fail(
        `${out.length} packets came out, expected ${all.length}`,
        [["in", bytes]],
        [],
      );
    }
    for (const [i, sent] of all.entries()) this.#compareOne(sent, details, out[i]!);
  }

  #compareOne(
    sent: { spec: PacketSpec; bytes: Uint8Array; mayDiffer: MayDiffer },
    details: TranslationDetails,
    output: Output,
  ): void {
    const { spec, bytes, mayDiffer } = sent;
    const flow = spec.flow!;
    const leg = spec.leg ?? "C>VIP";
    const direct = leg === "S>P" && this.#isDirect(spec, details, output);
    // Segments get their checksums when they are cut.
    const partial = spec.checksum === "partial" || details.segmentBytes !== undefined;
    if (output.segmentBytes !== (details.segmentBytes ?? 0)) {
      this.#fail(`Segments of ${output.segmentBytes}, expected ${details.segmentBytes ?? 0}`);
    }
    const to: Ends = this.#names.otherSide(spec);
    const expected = translate(bytes, to, { hops: direct ? 0 : 1, partial });
    const wantedSide = leg === "S>P" ? this.#clientSide(flow) : this.#serverSide(flow);
    this.#expectOne(bytes, output, {
      expected,
      mayDiffer,
      side: wantedSide,
      by: direct ? "agent" : "nat",
    });
  }

  /** Has the agent to send it? Until the case says so, its instruction may come at any moment. */
  #isDirect({ flow, tcp = "" }: PacketSpec, { by }: TranslationDetails, output: Output): boolean {
    if (this.#way === "nat" || by === "nat") return false;
    if (by === "either") return output.by === "agent";
    if (this.#bypassed.has(flow!)) return true;
    return !tcp.includes("SYN") && output.by === "agent";
  }

  #expectOne(
    input: Uint8Array,
    output: Output,
    wanted: { expected: Uint8Array; mayDiffer: MayDiffer; side: Side; by: "nat" | "agent" },
  ): void {
    const columns: [string, Uint8Array][] = [
      ["in", input],
      ["expected", wanted.expected],
      ["out", output.bytes],
    ];
    if (output.side !== wanted.side || output.by !== wanted.by) {
      const where = `It came out at ${output.side} by ${output.by}`;
      this.#fail(`${where}, expected ${wanted.side} by ${wanted.by}`, columns, [1, 2]);
    }
    const allowed = allowDifferences(wanted.expected, output.bytes, wanted.mayDiffer);
    if (allowed.toHex() !== output.bytes.toHex()) {
      this.#fail("What came out is not what was expected", columns, [1, 2]);
    }
  }

  #expectOut(input: Uint8Array, specs: readonly OutSpecOfAnySide[], out: readonly Output[]): void {
    if (out.length !== specs.length) {
      return this.#fail(
        `${out.length} packets came out, expected ${specs.length}`,
        [["in", input], ["out", out[0]?.bytes ?? null]],
        [],
      );
    }
    for (const [i, { packet, mayDiffer = {}, side }] of specs.entries()) {
      const expected = buildPacket(packet, this.#names);
      const output = out[i]!;
      const wanted = side === "server" ? (output.side === "S2" ? "S2" : "S1") : side;
      this.#expectOne(input, output, { expected, mayDiffer, side: wanted, by: "nat" });
    }
  }

  #none(input: Uint8Array, out: readonly Output[]): void {
    if (out.length === 0) return;
    this.#fail("Nothing was to come out", [["in", input], ["out", out[0]!.bytes]], []);
  }

  /** The first packet of a flow shows its NAT endpoint and its server. */
  #bind(flow: string, { bytes }: Output): void {
    const { ends } = look(bytes);
    const isSnat = /^10\.0\.1\.[1-4]$|^2001:db8:1::[1-4]$/.test(textOf(ends.source.address));
    const { port } = ends.source;
    const server = endText(ends.destination);
    const isServer = /^(10\.0\.0\.1[12]|\[2001:db8:10::1[12]\]):(8080|5353)$/.test(server);
    if (!isSnat || port < 20000 || port > 60999 || !isServer) {
      this.#fail("Not from a NAT endpoint to a server", [["out", bytes]], []);
    }
    this.#names.bind(flow, ends.source, ends.destination);
  }

  #fail(
    why: string,
    columns: readonly (readonly [string, Uint8Array | null])[] = [],
    compare: readonly number[] = [],
  ): never {
    const { clause, ids } = this.#case;
    const hex = columns.map(([title, bytes]) => `${title}: ${bytes?.toHex() ?? "-"}`);
    const packets = columns.length === 0
      ? ""
      : `\n${compareTable(columns, compare)}\n${hex.join("\n")}`;
    throw new ConformanceError(
      `${titleOf(this.#case, this.#way, this.#family)}\n` +
        `${ids.join(", ")}: ${clause}; ${this.#world.kind}; step ${this.#at}: ${why}` +
        `${packets}\n\n${table(this.#trace)}\n`,
    );
  }
}

type OutSpecOfAnySide = AnswerSpec & { readonly side: OutSpec["side"] | Side };

/** A packet in one line. */
function describe(packet: Uint8Array): string {
  if (packet.length < 20) return packet.toHex() || "empty";
  const { ends, protocol, l4Offset, fragmentOffset, more, totalBytes } = look(packet);
  const names: Record<number, string> = { 1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6" };
  const detail = protocol === 6
    ? ` ${(packet[l4Offset + 13] ?? 0).toString(16)}`
    : protocol === 1 || protocol === 58
    ? ` ${packet[l4Offset]}/${packet[l4Offset + 1]}`
    : "";
  const fragment = fragmentOffset > 0 || more ? ` at ${fragmentOffset}${more ? "+" : ""}` : "";
  const right = isL4Right(packet) === false ? " bad checksum" : "";
  return `${names[protocol] ?? protocol}${detail} ${endText(ends.source)} > ` +
    `${endText(ends.destination)} ${totalBytes} B${fragment}${right}`;
}

function countedText({ received, forwarded, answered, dropped }: Counted): string {
  const drops = Object.entries(dropped).map(([name, count]) => `${name} ${count}`).join(", ");
  return `${received} in, ${forwarded} on, ${answered} served${drops && `, dropped: ${drops}`}`;
}

function addUp(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>) {
  return Object.fromEntries(
    Object.entries(b).map(([name, count]) => [name, count + (a[name] ?? 0)]),
  );
}

/** Is the packet to leave in segments of a given size? */
function isCut(expect: Expectation): boolean {
  return typeof expect === "object" && "translated" in expect &&
    expect.translated.segmentBytes !== undefined;
}
