/**
 * Who may ask for what. The page is for whoever sits at this host, or comes by a tunnel: a foreign web
 * page that the same person has open must not read it, neither as another origin nor by a name of its
 * own that it has pointed at this host (DNS rebinding).
 *
 * @module
 */
import { IpAddress } from "../../wire/address.ts";

/** As much of a request as matters. */
export interface Asked {
  readonly method: string;
  /** Header `Host`; null: none. */
  readonly host: string | null;
  readonly origin: string | null;
  /** Header `Sec-Fetch-Site` (Fetch Metadata Request Headers, section 2.4). */
  readonly site: string | null;
}

export interface Refusal {
  readonly status: 403 | 405 | 421;
  readonly why: string;
}

/** @param address where the server listens. Returns null when the request may be answered. */
export function refusalOf({ method, host, origin, site }: Asked, address: string): Refusal | null {
  if (method !== "GET" && method !== "HEAD") {
    return { status: 405, why: "This page is for reading: GET and HEAD only" };
  }
  if (host === null || !isOwnName(host, address)) {
    return { status: 421, why: "Nothing of that name is served here: ask by address or localhost" };
  }
  if (origin !== null && origin !== `http://${host}`) {
    return { status: 403, why: "Other origins may not read this" };
  }
  if (site === "cross-site" || site === "same-site") {
    return { status: 403, why: "Other sites may not read this" };
  }
  return null;
}

/**
 * An attacker's name is never an address and never `localhost`. The port may be another one: that of
 * the near end of a tunnel.
 */
function isOwnName(host: string, address: string): boolean {
  const name = host.replace(/:\d{1,5}$/, "").toLowerCase();
  if (isLoopback(address)) return name === "localhost" || isLoopback(name);
  if (name === "localhost") return false;
  const asked = parsed(name);
  const own = parsed(address);
  if (asked === null || own === null) return false;
  const isAny = own.words.every((word) => word === 0) || String(own) === "0.0.0.0";
  return isAny || String(asked) === String(own);
}

/** 127.0.0.0/8 (RFC 1122, section 3.2.1.3) and ::1 (RFC 4291, section 2.5.3). */
export function isLoopback(address: string): boolean {
  const parts = parsed(address);
  if (parts === null) return false;
  const text = String(parts);
  return text === "::1" || /^127(\.\d+){3}$/.test(text);
}

/** Of `127.0.0.1`, `::1` and `[::1]`. */
function parsed(text: string): IpAddress | null {
  try {
    return IpAddress.parse(text.replace(/^\[(.*)\]$/, "$1"));
  } catch {
    return null;
  }
}
