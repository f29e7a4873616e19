import { rootTest, type RootTestOptions } from "./root_test.ts";

/** Set where all tests are run, which takes long. */
const IN_A_HURRY = Boolean(Deno.env.get("BYPATH_TESTS_TOGETHER"));

/**
 * Tests of one file that have a lab each and mostly wait. Where all tests are run they begin with the
 * first of them, so many at a time; otherwise, where one may have been chosen, each by itself.
 */
export class Together {
  readonly #atOnce: number;
  readonly #waiting: (() => Promise<void>)[] = [];
  #begun = false;

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Like {@linkcode rootTest}. */
  test(name: string, options: RootTestOptions, body: () => Promise<void>): void {
    if (!IN_A_HURRY) {
      rootTest(name, options, body);
      return;
    }
    const outcome = Promise.withResolvers<void>();
    // Of a test that nobody asks for yet.
    outcome.promise.catch(() => {});
    // The others are at work beside this test.
    const isCarriedOut = rootTest(name, { ...options, sanitize: false }, () => {
      this.#begin();
      return outcome.promise;
    });
    if (isCarriedOut) this.#waiting.push(() => body().then(outcome.resolve, outcome.reject));
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    const next = async () => {
      for (let run = this.#waiting.shift(); run; run = this.#waiting.shift()) await run();
    };
    for (let lane = 0; lane < this.#atOnce; lane++) next();
  }
}
