import { mustRunHost, runHost } from "../../../lab/host_command.ts";
import { waitFor } from "../../../lab/wait.ts";

/** A terminal with a shell in it, of a tmux server of its own; gone with its disposal. */
export class Terminal implements AsyncDisposable {
  readonly #socket: string;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  static async open(
    folder: string,
    { columns, lines }: { readonly columns: number; readonly lines: number },
  ): Promise<Terminal> {
    const terminal = new Terminal(`${folder}/tmux.sock`);
    const size = ["-x", `${columns}`, "-y", `${lines}`];
    await terminal.#tmux("-f", "/dev/null", "new-session", "-d", ...size, "env PS1='$ ' sh");
    await terminal.see(/^\$/);
    return terminal;
  }

  /** What is on the screen, a line each. */
  async screen(): Promise<string[]> {
    return (await this.#tmux("capture-pane", "-p")).split("\n").slice(0, -1);
  }

  /** Waits until the screen, its lines joined, matches; returns it. */
  async see(what: RegExp, timeoutMs = 15_000): Promise<string> {
    let seen = "";
    try {
      return await waitFor(String(what), async () => {
        seen = (await this.screen()).join("\n");
        return what.test(seen) && seen;
      }, { timeoutMs, everyMs: 50 });
    } catch (error) {
      throw new Error(`${(error as Error).message}, but:\n${seen}`);
    }
  }

  /** Keys by tmux's names, such as `Enter` and `C-c`. */
  async press(...keys: string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  async type(text: string): Promise<void> {
    await this.#tmux("send-keys", "-l", text);
  }

  async resize(columns: number, lines: number): Promise<void> {
    await this.#tmux("resize-window", "-x", `${columns}`, "-y", `${lines}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await runHost(["tmux", "-S", this.#socket, "kill-server"]);
  }

  #tmux(...args: string[]): Promise<string> {
    return mustRunHost(["tmux", "-u", "-S", this.#socket, ...args]);
  }
}
