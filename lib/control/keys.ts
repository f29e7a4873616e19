/**
 * `bypath keys`: a directory with a private authority and the certificates it signed. Nothing is ever overwritten.
 *
 * @module
 */

import { IpAddress } from "../wire/address.ts";
import { createAuthority, issueCertificate, type KeyPair, type Role } from "./certificate.ts";

/** Where the two files of a key pair are. */
export interface KeyFiles {
  readonly certificatePath: string;
  readonly keyPath: string;
}

/** What `issueKeys` needs besides the directory. */
export interface IssueOptions {
  /** Names the two files and the holder: letters, digits, `.`, `_`, `-`. */
  readonly name: string;
  /** The addresses that the holder speaks for, as text. */
  readonly addresses: readonly string[];
  /** Default `any`: good for a NAT machine and for an agent. */
  readonly role?: Role;
  readonly days?: number;
}

/**
 * Makes the directory when it is missing, and in it `ca.pem` and `ca.key`.
 *
 * @throws Error when one of the two files exists already
 */
export async function initKeys(directory: string): Promise<KeyFiles> {
  const files = filesOf(directory, "ca");
  await refuseExisting(files);
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  return await writeFiles(files, await createAuthority({ now: new Date() }));
}

/**
 * Makes `NAME.pem` and `NAME.key` in the directory, signed by its authority.
 *
 * @throws SyntaxError for a name or address that is none
 * @throws Error when there is no authority in the directory, or one of the two files exists already
 */
export async function issueKeys(directory: string, options: IssueOptions): Promise<KeyFiles> {
  const { name } = options;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name) || name === "ca") {
    throw new SyntaxError(
      `Cannot issue a certificate for "${name}": need a name of letters, digits, ".", "_" and "-", other than "ca"`,
    );
  }
  if (options.addresses.length === 0) {
    throw new SyntaxError(`Cannot issue a certificate for "${name}": need at least one address`);
  }
  const addresses = options.addresses.map(IpAddress.parse);
  const files = filesOf(directory, name);
  await refuseExisting(files);
  const authority = await readAuthority(directory);
  return await writeFiles(
    files,
    await issueCertificate(authority, { ...options, addresses, now: new Date() }),
  );
}

function filesOf(directory: string, name: string): KeyFiles {
  return { certificatePath: `${directory}/${name}.pem`, keyPath: `${directory}/${name}.key` };
}

async function readAuthority(directory: string): Promise<KeyPair> {
  const files = filesOf(directory, "ca");
  try {
    return {
      certificate: await Deno.readTextFile(files.certificatePath),
      key: await Deno.readTextFile(files.keyPath),
    };
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new Error(
      `Cannot issue a certificate: no authority in "${directory}", make one with "bypath keys init --dir ${directory}"`,
      { cause },
    );
  }
}

async function refuseExisting(files: KeyFiles): Promise<void> {
  for (const path of [files.certificatePath, files.keyPath]) {
    try {
      await Deno.lstat(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      throw error;
    }
    throw existsAlready(path);
  }
}

async function writeFiles(files: KeyFiles, pair: KeyPair): Promise<KeyFiles> {
  await writeNew(files.keyPath, pair.key, 0o600);
  await writeNew(files.certificatePath, pair.certificate, 0o644);
  return files;
}

async function writeNew(path: string, text: string, mode: number): Promise<void> {
  try {
    await Deno.writeTextFile(path, text, { createNew: true, mode });
  } catch (error) {
    throw error instanceof Deno.errors.AlreadyExists ? existsAlready(path) : error;
  }
}

function existsAlready(path: string): Error {
  return new Error(
    `Cannot write "${path}": it exists already, and keys are never overwritten`,
  );
}
