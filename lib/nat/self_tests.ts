/**
 * Whether packets that an agent sends with a virtual address as their source get past the first hop:
 * tested with a few small packets that come back to the NAT machine, before anything is bypassed. Pure:
 * time, randomness and sending are arguments.
 *
 * ```
 *                     the packet came back
 *   pending ------------------------------------------> passed
 *      |  \   it left the agent, thrice, and never came
 *      |   +------------------------------------------> failed    again after growing pauses
 *      |      there is no way to test, or the agent does not
 *      +----------------------------------------------> untested  likewise
 * ```
 *
 * @module
 */

import type { Probe, Probed } from "../control/messages.ts";

export type TestState = "pending" | "passed" | "failed" | "untested";

/** What to test of an agent: a virtual address, and where its packets are to come back. */
export interface TestCase {
  readonly vip: string;
  readonly destinations: readonly string[];
}

export interface SelfTestOptions {
  send(agent: string, probe: Probe): void;
  /** The packet worker is to look for this nonce. */
  expect(nonce: number): void;
  /** A test has come to its end. */
  changed(agent: string, vip: string, state: TestState): void;
  /** Whole, from 1 to 2^48 - 1; not to be guessed. */
  nonce(): number;
}

interface Test {
  readonly agent: string;
  readonly case: TestCase;
  state: TestState;
  reason: string | null;
  tries: number;
  nonce: number;
  /** Whether the agent said that the newest probe left. */
  left: boolean;
  dueMs: number;
  /** Before it is made again; doubles, since a busy host or a lost packet is soon over. */
  pauseMs: number;
}

const TRIES = 3;
/** For the control channel there, and the packet back; twice as long with each further try. */
const ANSWER_MS = 400;
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;
/** Tests begun at once, so that many agents that come together do not ask too much of anybody. */
const UNDER_WAY = 256;

export class SelfTests {
  readonly #options: SelfTestOptions;
  /** By agent and virtual address. */
  readonly #tests = new Map<string, Test>();
  readonly #byNonce = new Map<number, Test>();

  constructor(options: SelfTestOptions) {
    this.#options = options;
  }

  /** Begins to test an agent that has connected; what was known of it counts no more. */
  begin(agent: string, cases: readonly TestCase[], now: number): void {
    this.#forget((test) => test.agent === agent);
    this.follow(agent, cases, now);
  }

  /** Begins what is not tested yet, and forgets what is not wanted any more. */
  follow(agent: string, cases: readonly TestCase[], now: number): void {
    const wanted = new Set(cases.map(({ vip }) => vip));
    this.#forget((test) => test.agent === agent && !wanted.has(test.case.vip));
    for (const each of cases) {
      const key = `${agent} ${each.vip}`;
      if (this.#tests.has(key)) continue;
      const test: Test = {
        agent,
        case: each,
        state: "pending",
        reason: null,
        tries: 0,
        nonce: 0,
        left: false,
        dueMs: now,
        pauseMs: FIRST_PAUSE_MS,
      };
      this.#tests.set(key, test);
    }
    this.tick(now);
  }

  /** The agent is gone. */
  end(agent: string): void {
    this.#forget((test) => test.agent === agent);
  }

  /** What is known; undefined when nothing is being tested. */
  state(agent: string, vip: string): { state: TestState; reason: string | null } | undefined {
    const test = this.#tests.get(`${agent} ${vip}`);
    return test && { state: test.state, reason: test.reason };
  }

  /** Sessions have shown that direct packets of this agent arrive, whatever tests say. */
  prove(agent: string): void {
    for (const test of this.#tests.values()) {
      if (test.agent === agent && test.state === "failed") this.#finish(test, "passed", null, 0);
    }
  }

  /** The packet worker has seen a probe. */
  seen(nonce: number): void {
    const test = this.#byNonce.get(nonce);
    if (test !== undefined) this.#finish(test, "passed", null, 0);
  }

  /** An agent has sent a probe, or could not. */
  answered(agent: string, { nonce, sent, reason }: Probed, now: number): void {
    const test = this.#byNonce.get(nonce);
    if (test?.agent !== agent) return;
    if (sent === 0) return this.#finish(test, "untested", reason ?? "nothing was sent", now);
    test.left = true;
    test.dueMs = now + answerMs(test);
  }

  /** To be called ten times a second. */
  tick(now: number): void {
    for (const test of this.#tests.values()) {
      if (test.state === "passed" || now < test.dueMs) continue;
      if (test.tries < TRIES) {
        if (test.nonce === 0 && this.#byNonce.size >= UNDER_WAY) continue;
        this.#try(test, now);
      } else if (test.left) this.#finish(test, "failed", failureText(test.case.vip), now);
      else this.#finish(test, "untested", "the agent does not answer", now);
    }
  }

  #try(test: Test, now: number): void {
    // An earlier probe of this test may still come back.
    test.nonce = this.#options.nonce();
    test.tries++;
    test.dueMs = now + answerMs(test);
    this.#byNonce.set(test.nonce, test);
    this.#options.expect(test.nonce);
    this.#options.send(test.agent, {
      type: "probe",
      nonce: test.nonce,
      source: test.case.vip,
      destinations: [...test.case.destinations],
    });
  }

  #finish(test: Test, state: TestState, reason: string | null, now: number): void {
    const before = test.state;
    test.state = state;
    test.reason = reason;
    test.nonce = 0;
    test.tries = 0;
    test.left = false;
    test.dueMs = now + test.pauseMs;
    test.pauseMs = Math.min(2 * test.pauseMs, LONGEST_PAUSE_MS);
    this.#release(test);
    if (before !== state) this.#options.changed(test.agent, test.case.vip, state);
  }

  #release(test: Test): void {
    for (const [nonce, of] of this.#byNonce) if (of === test) this.#byNonce.delete(nonce);
  }

  #forget(which: (test: Test) => boolean): void {
    for (const [key, test] of this.#tests) {
      if (!which(test)) continue;
      this.#tests.delete(key);
      this.#release(test);
    }
  }
}

function answerMs({ tries }: Test): number {
  return ANSWER_MS * 2 ** (tries - 1);
}

function failureText(vip: string): string {
  return `test packets from ${vip} did not come back by the first hop`;
}
