import { type Endpoint, formatEndpoint } from "../wire/address.ts";
import type { Collect } from "./metric.ts";
import { MetricsServer } from "./metrics_server.ts";

/** Another place for the metrics, ready; one of both has to follow. */
export interface PreparedMetrics {
  take(): Promise<void>;
  cancel(): Promise<void>;
}

const NOTHING: PreparedMetrics = { take: async () => {}, cancel: async () => {} };

/** Where metrics are served, if anywhere; a configuration can move it. */
export class MetricsDoor implements AsyncDisposable {
  readonly #collect: Collect;
  #at = "";
  #server: MetricsServer | null = null;

  constructor(collect: Collect) {
    this.#collect = collect;
  }

  /**
   * Opens what another configuration asks for; what is open stays so until it is taken.
   * @throws {Error} when the address cannot be listened on
   */
  async prepare(endpoint: Endpoint | undefined): Promise<PreparedMetrics> {
    const at = endpoint === undefined ? "" : formatEndpoint(endpoint);
    if (at === this.#at) return NOTHING;
    const server = endpoint === undefined
      ? null
      : await MetricsServer.listen(endpoint, this.#collect);
    return {
      take: async () => {
        const before = this.#server;
        this.#server = server;
        this.#at = at;
        await before?.[Symbol.asyncDispose]();
      },
      cancel: async () => await server?.[Symbol.asyncDispose](),
    };
  }

  /** @throws {Error} when the address cannot be listened on */
  async open(endpoint: Endpoint | undefined): Promise<void> {
    await (await this.prepare(endpoint)).take();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.open(undefined);
  }
}
