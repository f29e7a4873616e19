/**
 * Who is at the other end of a TLS connection: a name and addresses, or one reason why it is not trusted.
 *
 * @module
 */

import type { TLSSocket } from "node:tls";
import { judgeCertificate, type Verdict } from "./certificate.ts";

/** What a side shows and trusts, as PEM. */
export interface Credentials {
  /** The authorities that sign the other side's certificate. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** For `tls.connect` and `tls.createServer`: TLS 1.3, and the handshake completes so that refusals can be explained. */
export function tlsOptions(credentials: Credentials) {
  return {
    ca: credentials.ca,
    cert: credentials.certificate,
    key: credentials.key,
    minVersion: "TLSv1.3",
    // Whoever is not authorized is told why and sent away by `authenticate`, before a byte of theirs is read.
    rejectUnauthorized: false,
  } as const;
}

/** Judges the other side, after the handshake. Accepted means: by TLS and by our own eyes. */
export async function authenticate(
  socket: TLSSocket,
  options: { readonly ca: string; readonly role: "nat" | "agent" },
): Promise<Verdict> {
  const der: Uint8Array | undefined = socket.getPeerCertificate()?.raw;
  if (!der) return { kind: "refused", why: "it showed no certificate" };
  const verdict = await judgeCertificate(der, {
    authorities: options.ca,
    role: options.role,
    now: new Date(),
  });
  if (verdict.kind === "refused" || socket.authorized) return verdict;
  return { kind: "refused", why: `TLS does not trust it: ${socket.authorizationError}` };
}
