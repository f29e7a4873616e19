/**
 * Certificates of the private authority: making them, and reading what one says about its holder. Everything in PEM.
 *
 * Keys are Ed25519. A certificate names its holder (common name), the addresses that the holder speaks for (subject
 * alternative names) and its role (extended key usage: serverAuth for a NAT machine, clientAuth for an agent).
 *
 * The X.509 library takes a fifth of a second to load, so it is loaded when the first certificate is read or made.
 *
 * @module
 */

import type * as X509 from "@peculiar/x509";
import { IpAddress } from "../wire/address.ts";

const DAY_MS = 86_400_000;
const ALGORITHM = { name: "Ed25519" };
/** A certificate counts as valid a little before it is made, for machines whose clock is late. */
const EARLIER_MS = DAY_MS;

/** What a holder may be. `any` holds both usages. */
export type Role = "nat" | "agent" | "any";

/** A certificate and its private key. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** What a certificate says about its holder. */
export interface Identity {
  readonly name: string;
  /** In canonical form, see `IpAddress.toString`. */
  readonly addresses: readonly string[];
}

/** The identity, or why the certificate is not accepted. */
export type Verdict =
  | { readonly kind: "accepted"; readonly identity: Identity }
  | { readonly kind: "refused"; readonly why: string };

let loading: Promise<typeof X509> | undefined;

function loadX509(): Promise<typeof X509> {
  // The library asks for this polyfill to be there first.
  loading ??= import("reflect-metadata").then(() => import("@peculiar/x509"));
  return loading;
}

/** Makes a new authority: its own key, its certificate signed by itself, and nothing below it but holders. */
export async function createAuthority(options: { now: Date; days?: number }): Promise<KeyPair> {
  const x509 = await loadX509();
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=bypath authority ${serialNumber().slice(0, 8)}`,
    ...validity(options.now, options.days ?? 7300),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString("pem") + "\n", key: await keyToPem(keys.privateKey) };
}

/** What `issueCertificate` writes into a certificate. */
export interface HolderOptions {
  readonly name: string;
  readonly addresses: readonly IpAddress[];
  /** Default `any`. */
  readonly role?: Role;
  readonly now: Date;
  /** Default ten years. */
  readonly days?: number;
}

/**
 * Makes a key and a certificate for it, signed by the authority.
 *
 * @throws SyntaxError when the authority's certificate or key cannot be read, or they do not belong together
 */
export async function issueCertificate(
  authority: KeyPair,
  options: HolderOptions,
): Promise<KeyPair> {
  const x509 = await loadX509();
  const issuer = readPem(x509, authority.certificate);
  const keys = await generateKeys();
  const usage = x509.ExtendedKeyUsage;
  const role = options.role ?? "any";
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [options.name] }],
    issuer: issuer.subject,
    ...validity(options.now, options.days ?? 3650),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: await keyFromPem(x509, authority.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        ...(role === "agent" ? [] : [usage.serverAuth]),
        ...(role === "nat" ? [] : [usage.clientAuth]),
      ]),
      new x509.SubjectAlternativeNameExtension(
        options.addresses.map((address) => ({ type: "ip" as const, value: String(address) })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  if (!await certificate.verify({ publicKey: issuer.publicKey, signatureOnly: true })) {
    throw new SyntaxError("Cannot sign: the authority's key does not belong to its certificate");
  }
  return { certificate: certificate.toString("pem") + "\n", key: await keyToPem(keys.privateKey) };
}

/**
 * Judges the certificate of the other side: signed by one of the authorities, valid now, of that role.
 *
 * TLS has checked the same. It is done again because TLS says only yes or no, because the runtime's text form of the
 * names in a certificate cannot be trusted (a DNS name may hold `, IP Address:…`), and because two locks are better here.
 */
export async function judgeCertificate(
  der: Uint8Array,
  options: { authorities: string; role: "nat" | "agent"; now: Date },
): Promise<Verdict> {
  const x509 = await loadX509();
  let certificate: X509.X509Certificate;
  try {
    certificate = new x509.X509Certificate(Uint8Array.from(der));
  } catch {
    return refused("its certificate cannot be read");
  }
  const name = certificate.subjectName.getField("CN")[0] ?? "";
  const who = `the certificate of "${name.replaceAll(/\p{Cc}/gu, "?").slice(0, 64)}"`;
  if (!await isSignedBy(certificate, readBundle(x509, options.authorities))) {
    return refused(`${who} is signed by another authority`);
  }
  if (options.now < certificate.notBefore) {
    return refused(`${who} is not valid before ${certificate.notBefore.toISOString()}`);
  }
  if (options.now > certificate.notAfter) {
    return refused(`${who} ended on ${certificate.notAfter.toISOString()}`);
  }
  const needs = options.role === "nat" ? "serverAuth" : "clientAuth";
  const usages = certificate.getExtension(x509.ExtendedKeyUsageExtension)?.usages ?? [];
  if (!usages.includes(x509.ExtendedKeyUsage[needs])) {
    return refused(`${who} is not one of ${options.role === "nat" ? "a NAT machine" : "an agent"}`);
  }
  if (!/^\P{Cc}{1,64}$/u.test(name)) return refused(`${who} has no usable name`);
  try {
    return { kind: "accepted", identity: { name, addresses: addressesOf(x509, certificate) } };
  } catch {
    return refused(`${who} names an address that cannot be read`);
  }
}

/**
 * Reads what a certificate of our own says.
 *
 * @throws SyntaxError when it is not a certificate in PEM
 */
export async function readIdentity(pem: string): Promise<Identity> {
  const x509 = await loadX509();
  const certificate = readPem(x509, pem);
  return {
    name: certificate.subjectName.getField("CN")[0] ?? "",
    addresses: addressesOf(x509, certificate),
  };
}

function refused(why: string): Verdict {
  return { kind: "refused", why };
}

async function isSignedBy(
  certificate: X509.X509Certificate,
  authorities: X509.X509Certificate[],
): Promise<boolean> {
  for (const authority of authorities) {
    if (authority.subject !== certificate.issuer) continue;
    try {
      const { publicKey } = authority;
      if (await certificate.verify({ publicKey, signatureOnly: true })) return true;
    } catch {
      // A key of a kind that cannot have made this signature.
    }
  }
  return false;
}

function addressesOf(x509: typeof X509, certificate: X509.X509Certificate): string[] {
  const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  return names.filter((item) => item.type === "ip").map((item) =>
    String(IpAddress.parse(item.value))
  );
}

function readPem(x509: typeof X509, pem: string): X509.X509Certificate {
  const [first] = readBundle(x509, pem);
  if (!first) throw new SyntaxError("Cannot read the certificate: no certificate in PEM");
  return first;
}

function readBundle(x509: typeof X509, pem: string): X509.X509Certificate[] {
  try {
    return x509.PemConverter.decodeWithHeaders(pem)
      .filter((block) => block.type === "CERTIFICATE")
      .map((block) => new x509.X509Certificate(block.rawData));
  } catch (cause) {
    throw new SyntaxError("Cannot read the certificate: not valid PEM", { cause });
  }
}

function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]) as Promise<CryptoKeyPair>;
}

async function keyToPem(key: CryptoKey): Promise<string> {
  const x509 = await loadX509();
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", key);
  return x509.PemConverter.encode(pkcs8, "PRIVATE KEY") + "\n";
}

async function keyFromPem(x509: typeof X509, pem: string): Promise<CryptoKey> {
  try {
    const pkcs8 = x509.PemConverter.decodeFirst(pem);
    return await crypto.subtle.importKey("pkcs8", pkcs8, ALGORITHM, false, ["sign"]);
  } catch (cause) {
    throw new SyntaxError("Cannot read the authority's key: not an Ed25519 key in PEM", { cause });
  }
}

function validity(now: Date, days: number): { notBefore: Date; notAfter: Date } {
  return {
    notBefore: new Date(now.getTime() - EARLIER_MS),
    notAfter: new Date(now.getTime() + days * DAY_MS),
  };
}

/** 127 random bits: positive, and never 0 in practice (RFC 5280 section 4.1.2.2). */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0]! &= 0x7f;
  return bytes.toHex();
}
