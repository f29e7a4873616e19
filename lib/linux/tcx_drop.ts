import { EINVAL } from "./constants.ts";
import { lastErrno, LinuxError } from "./error.ts";
import { dropWhatIsTaken } from "./ebpf_filter.ts";
import { Fd } from "./fd.ts";
import { openLibc } from "./libc.ts";
import { mapAnonymous } from "./memory.ts";
import type { BpfInstruction } from "./sockets_filter.ts";

/** The number of bpf(2): asm/unistd_64.h, asm-generic/unistd.h. */
const SYS_BPF = Deno.build.arch === "aarch64" ? 280n : 321n;

/** linux/bpf.h: commands, */
const BPF_PROG_LOAD = 5;
const BPF_LINK_CREATE = 28;
const BPF_LINK_UPDATE = 29;
/** the type of program, and where it is attached. */
const BPF_PROG_TYPE_SCHED_CLS = 3;
const BPF_TCX_INGRESS = 46;

/** The parts of `union bpf_attr` that are filled in: bytes, and where fields are. */
const LOAD = { bytes: 72, type: 0, count: 4, instructions: 8, license: 16, attachType: 68 };
const LINK = { bytes: 32, program: 0, interface: 4, attachType: 8 };
const UPDATE = { bytes: 16, link: 0, program: 4 };

const LICENSE = new TextEncoder().encode("GPL\0");

/**
 * Keeps packets of an interface from the kernel's own stack: what a filter takes is dropped, after
 * packet sockets have had it. It goes away with its descriptor, so also with a process that is killed.
 *
 * The kernel would look for a route for each of them, find that they are not for this host, and drop
 * them then. Needs Linux 6.6 (tcx), CAP_BPF and CAP_NET_ADMIN.
 */
export class TcxDrop implements Disposable {
  readonly #link: Fd;

  private constructor(link: Fd) {
    this.#link = link;
  }

  /**
   * @returns null where the kernel has no tcx
   * @throws {LinuxError} where it has, and this cannot be had of it
   */
  static attach(interfaceIndex: number, filter: readonly BpfInstruction[]): TcxDrop | null {
    using program = load(filter);
    const label = `drop at interface ${interfaceIndex}`;
    const attributes = new DataView(new ArrayBuffer(LINK.bytes));
    attributes.setUint32(LINK.program, program.number, true);
    attributes.setUint32(LINK.interface, interfaceIndex, true);
    attributes.setUint32(LINK.attachType, BPF_TCX_INGRESS, true);
    try {
      return new TcxDrop(new Fd(bpf(BPF_LINK_CREATE, attributes, `attach a ${label}`), label));
    } catch (error) {
      // The program has been loaded: what is invalid is a place to attach to that is not known.
      if (error instanceof LinuxError && error.errno === EINVAL) return null;
      throw error;
    }
  }

  /** Drops what another filter takes, from one packet to the next. @throws {LinuxError} */
  replace(filter: readonly BpfInstruction[]): void {
    using program = load(filter);
    const attributes = new DataView(new ArrayBuffer(UPDATE.bytes));
    attributes.setUint32(UPDATE.link, this.#link.number, true);
    attributes.setUint32(UPDATE.program, program.number, true);
    bpf(BPF_LINK_UPDATE, attributes, `replace the ${this.#link.label}`);
  }

  [Symbol.dispose](): void {
    this.#link.close();
  }
}

function load(filter: readonly BpfInstruction[]): Fd {
  const program = dropWhatIsTaken(filter);
  using memory = mapAnonymous(program.length + LICENSE.length);
  const bytes = new Uint8Array(memory.buffer);
  bytes.set(program);
  bytes.set(LICENSE, program.length);
  const attributes = new DataView(new ArrayBuffer(LOAD.bytes));
  attributes.setUint32(LOAD.type, BPF_PROG_TYPE_SCHED_CLS, true);
  attributes.setUint32(LOAD.count, program.length / 8, true);
  attributes.setBigUint64(LOAD.instructions, memory.address, true);
  attributes.setBigUint64(LOAD.license, memory.address + BigInt(program.length), true);
  attributes.setUint32(LOAD.attachType, BPF_TCX_INGRESS, true);
  return new Fd(bpf(BPF_PROG_LOAD, attributes, "load a program for tcx"), "program for tcx");
}

/** @returns a descriptor, or 0 */
function bpf(command: number, attributes: DataView<ArrayBuffer>, action: string): number {
  const bytes = new Uint8Array(attributes.buffer);
  const result = openLibc().syscall_bpf(SYS_BPF, command, bytes, bytes.length);
  const errno = lastErrno();
  if (result < 0) throw new LinuxError(action, errno, { call: "bpf", needs: "CAP_BPF" });
  return result;
}
