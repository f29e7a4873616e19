import { ETH_P_ALL } from "../linux/constants.ts";
import { Fd } from "../linux/fd.ts";
import {
  fanoutGroup,
  joinProgramFanout,
  openPacketSocket,
  setFanoutProgram,
} from "../linux/packet_socket.ts";
import { type BpfInstruction, DROP_ALL } from "../linux/sockets_filter.ts";

/** What a packet socket may hold, each way. */
export const SOCKET_BUFFER_BYTES = 64 * 1024 * 1024;

/**
 * Sockets of a process before, by interface and then by its packet worker; an interface that it did not
 * have has none.
 */
export type PassedSockets = readonly (readonly number[])[];

/** An interface that packet workers take packets from. */
export interface SharedInterface {
  readonly name: string;
  readonly index: number;
}

/**
 * Opens the sockets by which several packet workers share interfaces. Those of a process before are
 * gone on with; what waits in them is the workers' to take, more sockets than workers included.
 *
 * Packets wait in them until the workers take them. With one worker, and none before, it opens its own,
 * and nothing is done here.
 *
 * @param program as of steeringProgram
 * @returns by worker and then by interface: the numbers of its sockets, the one to send by first
 * @throws {LinuxError}
 */
export function shareInterfaces(
  interfaces: readonly SharedInterface[],
  options: {
    readonly workers: number;
    readonly program: readonly BpfInstruction[];
    /** What new sockets take. */
    readonly filter: readonly BpfInstruction[];
    readonly passed: PassedSockets | undefined;
  },
): (readonly number[])[][] {
  const { workers, program, filter, passed } = options;
  const all = interfaces.map(({ index }, i) => {
    const sockets = (passed?.[i] ?? []).map(borrowed);
    if (workers === 1 && sockets.length <= 1) return sockets;
    let group: number | null = null;
    for (const socket of sockets) group ??= fanoutGroup(socket);
    for (const socket of sockets) {
      if (fanoutGroup(socket) === null) group = joinProgramFanout(socket, group);
    }
    while (sockets.length < workers) {
      const socket = openPacketSocket({
        interfaceIndex: index,
        protocol: ETH_P_ALL,
        vnetHeader: true,
        ignoreOutgoing: true,
        receiveBufferBytes: SOCKET_BUFFER_BYTES,
        sendBufferBytes: SOCKET_BUFFER_BYTES,
        // Until it has joined, others have all packets.
        filter: DROP_ALL,
      });
      group = joinProgramFanout(socket.fd, group);
      socket.setFilter(filter);
      sockets.push(socket.fd);
    }
    // From here on packets come to all of them, and wait.
    setFanoutProgram(sockets[0]!, program);
    return sockets;
  });
  const numbers = all.map((sockets) => sockets.map((socket) => socket.release()));
  return Array.from(
    { length: workers },
    (_, worker) => numbers.map((sockets) => sockets.filter((_, n) => n % workers === worker)),
  );
}

/** Has the kernel steer by another program. */
export function steerAnew(
  sockets: readonly (readonly number[])[],
  program: readonly BpfInstruction[],
): void {
  for (const [number] of sockets) {
    if (number === undefined) continue;
    const socket = borrowed(number);
    if (fanoutGroup(socket) !== null) setFanoutProgram(socket, program);
    socket.release();
  }
}

function borrowed(number: number): Fd {
  return new Fd(number, "packet socket");
}
