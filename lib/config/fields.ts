/**
 * The kinds of value that configuration files are made of, as zod schemas: text on one side, plain values of the program
 * on the other. Each carries what the published JSON Schema says of it.
 *
 * @module
 */

import { z } from "zod";
import { type Endpoint, formatEndpoint, IpAddress, parseEndpoint } from "../wire/address.ts";
import { isForwardable, isLinkLocal } from "../wire/address_class.ts";
import { parseAddressRange, parsePrefix } from "../wire/prefix.ts";
import { LOAD_PATTERN, parseLoad, parseRate, RATE_PATTERN } from "./rate.ts";
import {
  DURATION_PATTERN,
  formatDurationMs,
  MICROSECONDS_PATTERN,
  parseDurationMs,
  parseMicroseconds,
  parsePortRange,
  parseSizeBytes,
  parseStatusRange,
  PORT_RANGE_PATTERN,
  SIZE_PATTERN,
  STATUS_RANGE_PATTERN,
} from "./units.ts";

/** A value in a message: short, and on one line. */
export function show(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "keys with values";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}..."` : text;
}

/** The message of a schema that wants `what`, for zod's `error` parameter. */
function expected(what: string) {
  return (issue: { input?: unknown }) =>
    issue.input === undefined ? "missing" : `expected ${what}, got ${show(issue.input)}`;
}

interface TextFieldOptions {
  /** `a duration such as 10s`, for the message when the value is no text at all. */
  readonly what: string;
  /** What documents and editors call such a value. */
  readonly title: string;
  /** Regular expression for editors; the parser decides. */
  readonly pattern?: string;
  readonly examples: string[];
}

/** A text that `parse` turns into a value; what it throws becomes the problem's message. */
function textField<T>(parse: (text: string) => T, options: TextFieldOptions) {
  const { what, ...schema } = options;
  return z.string({ error: expected(what) }).meta(schema)
    .transform((text, context) => valueOrIssue(() => parse(text), text, context));
}

interface IssueSink {
  readonly issues: unknown[];
}

function valueOrIssue<T>(make: () => T, input: unknown, context: IssueSink): T {
  try {
    return make();
  } catch (error) {
    context.issues.push({ code: "custom", input, message: lowerFirst((error as Error).message) });
    return z.NEVER;
  }
}

/** Messages stand behind `file:line:column: key: ` and so begin small. */
function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** An address, `10.0.0.1` or `2001:db8::1`. */
export const address = () =>
  textField((text) => unicast(IpAddress.parse(text)), {
    what: "an address such as 10.0.0.1",
    title: "address",
    examples: ["203.0.113.10", "2001:db8:f::10"],
  });

/** One address, a range or a prefix. */
export const addressRange = () =>
  textField((text) => {
    const range = parseAddressRange(text);
    unicast(range.first);
    unicast(range.last);
    return range;
  }, {
    what: "an address, a range a-b or a prefix a/length",
    title: "addresses",
    examples: ["10.0.1.1", "10.0.1.1-10.0.1.9", "10.0.1.0/24", "2001:db8:1::/120"],
  });

/**
 * Gives the address back when one host can have it, and packets with it are forwarded.
 *
 * @throws SyntaxError for the unspecified, loopback, link-local, multicast, reserved and broadcast addresses
 */
function unicast(value: IpAddress): IpAddress {
  if (isForwardable(value)) return value;
  throw new SyntaxError(
    isLinkLocal(value)
      ? `${value} is link-local: no router forwards packets with it`
      : `${value} is not an address of one host on a network`,
  );
}

/** An address and a port other than 0: `10.0.0.1:7400`, `[2001:db8::1]:7400`. */
export const endpoint = () =>
  textField((text): Endpoint => {
    const value = parseEndpoint(text);
    if (value.port === 0) throw new SyntaxError(`"${text}" has port 0: ports go from 1 to 65535`);
    if (value.address.family === 6 && isLinkLocal(value.address)) {
      throw new SyntaxError(
        `${value.address} is link-local and means another host on each link: take a global or unique local address`,
      );
    }
    return value;
  }, {
    what: "an endpoint such as 10.0.0.1:7400",
    title: "address:port",
    examples: ["10.0.0.1:7400", "[2001:db8:10::1]:7400"],
  });

interface DurationOptions {
  readonly minMs?: number;
  readonly maxMs?: number;
}

const DAY_MS = 86_400_000;

/** A duration in milliseconds; at most a day unless said otherwise. */
export const duration = (options: DurationOptions = {}) => {
  const { minMs = 0, maxMs = DAY_MS } = options;
  return textField((text) => {
    const durationMs = parseDurationMs(text);
    if (durationMs < minMs || durationMs > maxMs) {
      throw new RangeError(
        `${text} is out of range: from ${formatDurationMs(minMs)} to ${formatDurationMs(maxMs)}`,
      );
    }
    return durationMs;
  }, {
    what: "a duration with its unit, such as 500ms, 10s or 5m",
    title: "duration",
    pattern: DURATION_PATTERN,
    examples: ["10s", "500ms", "5m"],
  });
};

/** A time in microseconds, for what is shorter than a duration. */
export const shortDuration = ({ maxUs }: { readonly maxUs: number }) =>
  textField((text) => {
    const us = parseMicroseconds(text);
    if (us > maxUs) throw new RangeError(`${text} is out of range: from 0us to ${maxUs}us`);
    return us;
  }, {
    what: "a short time with its unit, such as 50us or 1ms",
    title: "duration",
    pattern: MICROSECONDS_PATTERN,
    examples: ["50us", "0us"],
  });

/** A size in bytes, at least 1. */
export const size = () =>
  numberOrText(z.int().min(1), atLeastOneByte, {
    what: "a size such as 4096, 64KiB or 10MB",
    title: "size",
    pattern: SIZE_PATTERN,
    examples: ["64KiB", "10MB"],
  });

function atLeastOneByte(text: string): number {
  const bytes = parseSizeBytes(text);
  if (bytes < 1) throw new RangeError("a size of 0 is reached before the first packet");
  return bytes;
}

/** A rate of bytes or of packets. */
export const rate = () =>
  textField(parseRate, {
    what: "a rate such as 10Mbit/s or, in packets, 1000/s",
    title: "rate",
    pattern: RATE_PATTERN,
    examples: ["10Mbit/s", "1000/s"],
  });

/** A rate, or a share of a processor core. */
export const load = () =>
  textField(parseLoad, {
    what: "a load such as 500Mbit/s, 100000/s or 50%",
    title: "rate or percentage",
    pattern: LOAD_PATTERN,
    examples: ["500Mbit/s", "100000/s", "50%"],
  });

/** A network, or one address. */
export const prefix = () =>
  textField(parsePrefix, {
    what: "a prefix such as 10.0.0.0/8",
    title: "prefix",
    examples: ["198.51.100.0/24", "2001:db8:c::/64", "198.51.100.7"],
  });

/** A server by its address, or by address and port; canonical text. */
export const serverName = () =>
  textField((text) => {
    try {
      return String(IpAddress.parse(text.replace(/^\[(.*:.*)\]$/, "$1")));
    } catch {
      return formatEndpoint(parseEndpoint(text));
    }
  }, {
    what: "a server such as 10.0.0.11 or 10.0.0.11:8080",
    title: "address or address:port",
    examples: ["10.0.0.11", "10.0.0.11:8080"],
  });

/** A port number. */
export const port = () =>
  z.int({ error: expected("a port from 1 to 65535") }).min(1).max(65535)
    .meta({ examples: [8080] });

/** `1024-65535`, or one port. */
export const portRange = () =>
  numberOrText(port(), parsePortRange, {
    what: "a range of ports such as 1024-65535",
    title: "range",
    pattern: PORT_RANGE_PATTERN,
    examples: ["1024-65535"],
  });

/** A status code of HTTP, or a range of them: `204`, `200-399`. */
export const statusRange = () =>
  numberOrText(z.int().min(100).max(599), parseStatusRange, {
    what: "a status such as 200 or 200-399",
    title: "range",
    pattern: STATUS_RANGE_PATTERN,
    examples: ["200-399"],
  });

/** A number, or a text for what a number cannot say (YAML makes a number of `4096` and a text of `4KiB`). */
function numberOrText<T>(
  number: z.ZodNumber,
  parse: (text: string) => T,
  { what, ...schema }: TextFieldOptions,
) {
  return z.union([number, z.string().meta(schema)], { error: expected(what) })
    .transform((value, context) => valueOrIssue(() => parse(String(value)), value, context));
}

/** The name of a service: what people type on command lines and read in metrics. */
export const name = () =>
  z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, {
    error: (issue) =>
      `${
        show(issue.input)
      } is not a name: 1-63 letters, digits, ".", "_" and "-", a letter or digit first`,
  }).meta({ title: "name", examples: ["web"] });

/** The name of a network interface (net/core/dev.c, dev_valid_name: 1-15 bytes, no slash, colon or space). */
export const interfaceName = () =>
  z.string({ error: expected("the name of an interface") }).regex(/^(?!\.{1,2}$)[^\s/:]{1,15}$/, {
    error: (issue) => `${show(issue.input)} is not a name of an interface: 1-15 characters`,
  }).meta({ title: "interface", examples: ["eth0"] });

/** A path of a file; relative ones belong to the directory of the configuration file. */
export const path = () =>
  // A NUL would end the path early in every system call.
  z.string({ error: expected("a path") }).min(1).regex(/^[^\0]*$/, {
    error: "a path holds no NUL character",
  }).meta({ title: "path", examples: ["keys/ca.pem"] });
