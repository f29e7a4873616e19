/**
 * What to capture, as one writes it down: tests joined by `and` (which may be left out), `or` and `not`,
 * with parentheses.
 *
 * ```
 * service web and client 198.51.100.0/24
 * dropped noSession or (path bypass and not udp)
 * ```
 *
 * @module
 */

import { reasonName } from "../wire/reason.ts";
import { DROP_REASONS, dropName } from "./drop_reason.ts";
import { readEndpointFilter } from "../wire/endpoint_filter.ts";
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocol.ts";

/** Ends of a session, and `host`: either end of the packet as it is. */
export type EndpointName = "client" | "vip" | "nat" | "server" | "host";

/** What a filter asks of a packet. Endpoints as `EndpointFilter` takes them. */
export type CaptureTest =
  | { readonly op: "and" | "or"; readonly of: readonly CaptureTest[] }
  | { readonly op: "not"; readonly of: CaptureTest }
  | { readonly op: "endpoint"; readonly name: EndpointName; readonly endpoint: string }
  | { readonly op: "protocol"; readonly name: ProtocolWord }
  | { readonly op: "direction"; readonly name: "in" | "out" | "own" }
  | { readonly op: "path"; readonly path: "nat" | "bypass" }
  /** Null: for whatever reason. */
  | { readonly op: "dropped"; readonly reason: string | null }
  | { readonly op: "service"; readonly name: string }
  | { readonly op: "session"; readonly id: string };

export const PROTOCOL_WORDS = {
  tcp: [PROTOCOL_TCP],
  udp: [PROTOCOL_UDP],
  icmp: [PROTOCOL_ICMP, PROTOCOL_ICMPV6],
} as const;
type ProtocolWord = keyof typeof PROTOCOL_WORDS;

/** The longest filter, in characters and in tests; each costs time for every packet. */
export const MAX_FILTER_LENGTH = 1000;
const MAX_TESTS = 64;
const MAX_DEPTH = 16;

const TESTS = "there are service NAME, session ID, client, vip, nat, server and host ENDPOINT, " +
  "path nat|bypass, dropped [REASON], tcp, udp, icmp, in, out and own";
const ENDPOINTS: ReadonlySet<string> = new Set(["client", "vip", "nat", "server", "host"]);
const NAME = /^[^\s()"]+$/;

/** Names of drop reasons, by number; `malformed` stands for all of a packet's own. */
export function reasonText(reason: number): string {
  return dropName(reason) ?? reasonName(reason);
}

/** The reasons that a name stands for; none: it is no reason's name. */
export function reasonsNamed(name: string): readonly number[] {
  const all = Array.from({ length: DROP_REASONS - 1 }, (_, i) => i + 1);
  return all.filter((reason) =>
    reasonText(reason) === name || (name === "malformed" && dropName(reason) === undefined) ||
    (dropName(reason) === undefined && reasonName(reason) === name)
  );
}

/** Reads a filter; null: everything. @throws {SyntaxError} saying which word is wrong */
export function parseCaptureFilter(text: string): CaptureTest | null {
  if (text.length > MAX_FILTER_LENGTH) {
    throw wrong(text.slice(0, 40) + "…", `it is longer than ${MAX_FILTER_LENGTH} characters`);
  }
  const reader = new FilterReader(text);
  return reader.isAtEnd ? null : reader.read();
}

/** The filter in words again; parsing it gives the same. */
export function formatCaptureFilter(test: CaptureTest | null): string {
  if (test === null) return "";
  switch (test.op) {
    case "and":
    case "or":
      return `(${test.of.map(formatCaptureFilter).join(` ${test.op} `)})`;
    case "not":
      return `not ${formatCaptureFilter(test.of)}`;
    case "endpoint":
      return `${test.name} ${test.endpoint}`;
    case "protocol":
    case "direction":
      return test.name;
    case "path":
      return `path ${test.path}`;
    case "dropped":
      return test.reason === null ? "dropped" : `dropped ${test.reason}`;
    case "service":
      return `service ${test.name}`;
    case "session":
      return `session ${test.id}`;
  }
}

/** What names mean where the packets are. */
export interface CaptureNames {
  /** Protocol and VIP (`address:port`) of a service. @throws {Error} when there is none */
  service(name: string): { readonly protocol: ProtocolWord; readonly vip: string };
  /** The ends of a session (`address:port`) by which its packets are known. @throws {Error} likewise */
  session(id: string): {
    readonly protocol: ProtocolWord;
    readonly nat: string;
    readonly server: string;
  };
}

/** The same with services and sessions put as protocols and endpoints, which anybody can test. */
export function resolveCaptureFilter(
  test: CaptureTest | null,
  names: Partial<CaptureNames>,
): CaptureTest | null {
  if (test === null) return null;
  const resolve = (one: CaptureTest): CaptureTest => {
    switch (one.op) {
      case "and":
      case "or":
        return { op: one.op, of: one.of.map(resolve) };
      case "not":
        return { op: "not", of: resolve(one.of) };
      case "service": {
        if (names.service === undefined) return one;
        const { protocol, vip } = names.service(one.name);
        return all({ op: "protocol", name: protocol }, endpoint("vip", vip));
      }
      case "session": {
        if (names.session === undefined) return one;
        const { protocol, nat, server } = names.session(one.id);
        const ends = [endpoint("nat", nat), endpoint("server", server)];
        return all({ op: "protocol", name: protocol }, ...ends);
      }
      default:
        return one;
    }
  };
  return resolve(test);
}

function endpoint(name: EndpointName, text: string): CaptureTest {
  return { op: "endpoint", name, endpoint: text };
}

function all(...of: CaptureTest[]): CaptureTest {
  return { op: "and", of };
}

/** Recursive descent: `or` of `and` of `not` of tests. */
class FilterReader {
  readonly #text: string;
  readonly #words: readonly string[];
  #at = 0;
  #tests = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#words = text.match(/[()!]|&&|\|\||[^\s()!&|]+|[&|]/g) ?? [];
  }

  get isAtEnd(): boolean {
    return this.#at === this.#words.length;
  }

  read(): CaptureTest {
    const test = this.#or();
    if (!this.isAtEnd) throw this.#wrong(`"${this.#words[this.#at]}" is one too many`);
    return test;
  }

  #or(): CaptureTest {
    const of = [this.#and()];
    while (this.#take("or", "||")) of.push(this.#and());
    return of.length === 1 ? of[0]! : { op: "or", of };
  }

  #and(): CaptureTest {
    const of = [this.#not()];
    for (;;) {
      const isJoined = this.#take("and", "&&");
      const next = this.#words[this.#at];
      if (!isJoined && (next === undefined || [")", "or", "||"].includes(next))) break;
      of.push(this.#not());
    }
    return of.length === 1 ? of[0]! : { op: "and", of };
  }

  #not(): CaptureTest {
    if (++this.#depth > MAX_DEPTH) throw this.#wrong(`it is nested more than ${MAX_DEPTH} deep`);
    const test = this.#take("not", "!") ? { op: "not" as const, of: this.#not() } : this.#one();
    this.#depth--;
    return test;
  }

  #one(): CaptureTest {
    if (this.#take("(")) {
      const test = this.#or();
      if (!this.#take(")")) throw this.#wrong('a ")" is missing');
      return test;
    }
    const word = this.#words[this.#at++];
    if (word === undefined) throw this.#wrong("something is missing at its end");
    if (++this.#tests > MAX_TESTS) throw this.#wrong(`it has more than ${MAX_TESTS} tests`);
    if (ENDPOINTS.has(word)) return endpoint(word as EndpointName, this.#endpoint(word));
    switch (word) {
      case "tcp":
      case "udp":
      case "icmp":
        return { op: "protocol", name: word };
      case "in":
      case "out":
      case "own":
        return { op: "direction", name: word };
      case "service":
        return { op: "service", name: this.#value(word, "a name", (it) => NAME.test(it)) };
      case "session":
        return {
          op: "session",
          id: this.#value(word, "an id", (it) => /^[A-Za-z0-9_.:-]{1,64}$/.test(it)),
        };
      case "path":
        return {
          op: "path",
          path: this.#value(word, "nat or bypass", (it) => it === "nat" || it === "bypass") as
            | "nat"
            | "bypass",
        };
      case "dropped":
        return { op: "dropped", reason: this.#reason() };
      default:
        throw this.#wrong(`"${word}" is no test, ${TESTS}${this.#afterDropped()}`);
    }
  }

  /** What is no test may have been meant as the reason of a drop. */
  #afterDropped(): string {
    return this.#words[this.#at - 2] === "dropped"
      ? "; nor is it a reason of drops, which bypath inspect status names"
      : "";
  }

  #reason(): string | null {
    const next = this.#words[this.#at];
    if (next === undefined || reasonsNamed(next).length === 0) return null;
    this.#at++;
    return next;
  }

  #endpoint(name: string): string {
    const form = "ADDRESS, PREFIX/LENGTH, ADDRESS:PORT or :PORT";
    return this.#value(name, form, (text) => {
      try {
        readEndpointFilter(text);
        return true;
      } catch {
        return false;
      }
    });
  }

  #value(name: string, form: string, isRight: (text: string) => boolean): string {
    const value = this.#words[this.#at++];
    if (value === undefined) throw this.#wrong(`${name} needs ${form}`);
    if (!isRight(value)) throw this.#wrong(`${name} needs ${form}, "${value}" is none`);
    return value;
  }

  #take(...words: string[]): boolean {
    const next = this.#words[this.#at];
    if (next === undefined || !words.includes(next)) return false;
    this.#at++;
    return true;
  }

  #wrong(why: string): SyntaxError {
    return wrong(this.#text, why);
  }
}

function wrong(text: string, why: string): SyntaxError {
  return new SyntaxError(`Cannot use the filter "${text}": ${why}`);
}
