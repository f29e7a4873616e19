/** Hands a command to the packet worker; false when it has no room now. */
export type SendCommand = (command: number, slot: number, id: number, value: number) => boolean;

/** Commands to the packet worker, in order, also those that found its ring full. */
export class WorkerCommands {
  readonly #send: SendCommand;
  readonly #unsent: [number, number, number, number][] = [];

  constructor(send: SendCommand) {
    this.#send = send;
  }

  send(command: number, slot: number, id: number, value: number): void {
    if (this.#unsent.length > 0 || !this.#send(command, slot, id, value)) {
      this.#unsent.push([command, slot, id, value]);
    }
  }

  /** Sends what waits, as far as there is room. */
  retry(): void {
    let sent = 0;
    while (sent < this.#unsent.length && this.#send(...this.#unsent[sent]!)) sent++;
    // All at once: each shift() of a long array moves the whole of it.
    this.#unsent.splice(0, sent);
  }
}
