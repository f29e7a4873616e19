import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { type Identity, judgeCertificate } from "./certificate.ts";

/** The files that prove who this machine is. */
export interface IdentityFiles {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** The same, read. */
export interface IdentityPem {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  readonly identity: Identity;
}

/**
 * Reads and judges this machine's own certificate as the other side will, so that a wrong file is
 * told at the start and not by every connection.
 *
 * @throws {Error} in one line: which file, what is wrong with it
 */
export async function readOwnIdentity(
  files: IdentityFiles,
  role: "nat" | "agent",
): Promise<IdentityPem> {
  const [ca, certificate, key] = await Promise.all([
    read(files.ca),
    read(files.certificate),
    read(files.key),
  ]);
  const verdict = await judgeCertificate(derOf(certificate, files.certificate), {
    authorities: ca,
    role,
    now: new Date(),
  });
  if (verdict.kind === "refused") {
    throw new Error(
      `Cannot use ${files.certificate} with the authority ${files.ca}: ${verdict.why}`,
    );
  }
  checkKey(files, { certificate, key });
  return { ca, certificate, key, identity: verdict.identity };
}

function checkKey(files: IdentityFiles, pem: { certificate: string; key: string }): void {
  let publicKey: string;
  try {
    publicKey = spki(createPublicKey(createPrivateKey(pem.key)));
  } catch {
    throw new Error(`Cannot use ${files.key}: it is not a private key in PEM`);
  }
  if (publicKey !== spki(createPublicKey(pem.certificate))) {
    throw new Error(`Cannot use ${files.key}: it is not the key of ${files.certificate}`);
  }
}

function spki(key: KeyObject): string {
  return key.export({ type: "spki", format: "pem" }).toString();
}

async function read(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "there is no such file" : String(error);
    throw new Error(`Cannot read ${path}: ${why}`);
  }
}

function derOf(pem: string, path: string): Uint8Array {
  const body = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/.exec(pem);
  if (body === null) throw new Error(`Cannot read ${path}: no certificate in PEM`);
  return Uint8Array.from(atob(body[1]!.replaceAll(/\s/g, "")), (char) => char.charCodeAt(0));
}
