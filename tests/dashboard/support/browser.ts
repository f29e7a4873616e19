import { type Browser, chromium, type Page } from "playwright-core";

/** What is started; Debian's. */
const EXECUTABLE = "/usr/bin/chromium";
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A page, and what went on in it that its user does not see. */
export interface WatchedPage {
  readonly page: Page;
  /** What it said to the console, whatever its kind, and errors that nobody caught. */
  readonly said: string[];
  /** Every address that it asked for something. */
  readonly asked: string[];
}

/** A real browser without a window; closed when disposed of. */
export class WatchedBrowser implements AsyncDisposable {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async start(): Promise<WatchedBrowser> {
    return new WatchedBrowser(
      await chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS }),
    );
  }

  async open(url: string): Promise<WatchedPage> {
    const page = await this.#browser.newPage({ viewport: { width: 1280, height: 900 } });
    const said: string[] = [];
    const asked: string[] = [];
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(error.message));
    page.on("request", (request) => asked.push(request.url()));
    await page.goto(url);
    return { page, said, asked };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}
