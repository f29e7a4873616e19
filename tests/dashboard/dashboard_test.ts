/** `inspect dashboard` in a real browser, beside a NAT machine that carries traffic. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { BypathLab } from "../../lab/bypath_lab.ts";
import { LabProcess } from "../../lab/lab_process.ts";
import { waitFor } from "../../lab/wait.ts";
import { selfCommand } from "../../lib/datapath/self_command.ts";
import { rootTest } from "../support/root_test.ts";
import { WatchedBrowser } from "./support/browser.ts";

const CRITERION_BYTES = 1_000_000;
const RATE = 3_000_000;

rootTest("the dashboard shows live traffic in a browser", {
  tools: ["chromium"],
  timeoutMs: 120_000,
  sanitize: false,
}, async (context) => {
  await using lab = await BypathLab.up();
  await lab.startServers();
  await lab.startNat((config) => {
    for (const service of config.services) {
      service.bypass = { start: { bytes: CRITERION_BYTES } };
    }
  });
  await lab.startAgents();
  const command = ["inspect", "dashboard", "--listen", "127.0.0.1:0", "--json"];
  await using dashboard = new LabProcess(
    [...selfCommand(), ...command, "--socket", lab.socketOf("nat")],
    "bypath inspect dashboard",
  );
  const { url } = JSON.parse(await dashboard.waitForLine((line) => line.startsWith("{")));
  await using browser = await WatchedBrowser.start();
  const { page, said, asked } = await browser.open(url);

  await context.step("a session is seen via NAT and then to bypass", async () => {
    await lab.switchBypass("stop");
    lab.download({ bytes: 300_000_000, rate: RATE });
    await page.waitForSelector("#sessions tr[data-path=nat]");
    await lab.switchBypass("start");
    await page.waitForSelector("#sessions tr[data-path=bypass]");
    assert.match(
      (await page.textContent("#sessions tr[data-path=bypass]"))!,
      /bytes 1000000 reached/,
    );
    // A level line has no height: it is there, and for the browser's driver not visible.
    const drawn = { state: "attached" } as const;
    await page.waitForSelector("#topology .form.wide .flow.bypass:not(.idle)", drawn);
    await page.waitForSelector("#throughput .form.wide .edge.bypass", drawn);
    await page.waitForSelector("#events .type:text('bypass-started')");
    assert.match((await page.textContent("#agents"))!, /s1.*connected.*able/);
    await page.uncheck("#session-events");
    assert.equal(await page.locator("#events .of-session:visible").count(), 0);
    assert.ok(await page.locator("#events li:visible").count() > 0);
    await page.check("#session-events");
    assert.ok(await page.locator("#events .of-session:visible").count() > 0);
  });

  await context.step("the table is sorted by keyboard, and stays so", async () => {
    const sessions = lab.openSessions(5);
    await page.waitForSelector("#sessions tr:nth-child(6)");
    await tabTo(page, "Client");
    await page.keyboard.press("Enter");
    await page.waitForSelector("th[aria-sort=ascending]:has-text('Client')");
    const ports = await clientPorts(page);
    assert.deepEqual(ports, ports.toSorted((a, b) => a - b));
    await page.keyboard.press("Space");
    await nextLook(page);
    assert.deepEqual(await clientPorts(page), ports.toReversed());
    assert.equal(await page.evaluate("document.activeElement.textContent"), "Client");
    assert.match((await page.textContent("#announcement"))!, /sorted by Client, descending/);
    await page.fill("#filter-text", "bytes reached");
    assert.equal(await page.locator("#sessions tr:visible").count(), 1);
    await page.fill("#filter-text", "");
    await sessions.stop();
  });

  await context.step("it fits a narrow screen, and is dark where that is wanted", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 360);
    assert.equal(await page.locator("#topology .form.narrow").isVisible(), true);
    assert.equal(await page.locator("#topology .form.wide").isVisible(), false);
    const ground = "getComputedStyle(document.documentElement).backgroundColor";
    await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
    assert.equal(await page.evaluate(ground), "rgb(19, 21, 23)");
    const transition = "getComputedStyle(document.querySelector('.flow')).transitionDuration";
    assert.equal(await page.evaluate(transition), "0s");
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "no-preference" });
    assert.notEqual(await page.evaluate(ground), "rgb(19, 21, 23)");
    assert.notEqual(await page.evaluate(transition), "0s");
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  await context.step("it says that the NAT machine is gone, and finds the next one", async () => {
    lab.nat.kill("SIGKILL");
    await lab.nat.ended;
    await page.waitForSelector("#connection:has-text('Not seen since')");
    await lab.restartNat();
    await page.waitForSelector("#connection:has-text('Live')");
    await page.waitForSelector("#sessions tr[data-key]");
    await page.waitForSelector("#events .type:text('started')");
  });

  await context.step("nothing came from elsewhere, and the console is empty", () => {
    assert.deepEqual(said, []);
    assert.deepEqual([...new Set(asked.map((each) => new URL(each).origin))], [
      new URL(url).origin,
    ]);
  });

  await context.step("the page says when the dashboard ends, which SIGTERM does", async () => {
    const { code } = await dashboard.stop();
    assert.equal(code, 0);
    await page.waitForSelector("#connection:has-text('Not live')");
  });
});

/** Presses Tab until the button of that name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate("document.activeElement.textContent") === name) return;
  }
  assert.fail(`no way to ${name} by keyboard`);
}

/** Waits until the page has taken in something new. */
async function nextLook(page: Page): Promise<void> {
  const before = await page.textContent("#machine");
  await waitFor("another look", async () => await page.textContent("#machine") !== before);
}

async function clientPorts(page: Page): Promise<number[]> {
  const clients = await page.locator("#sessions th").allTextContents();
  return clients.map((client) => Number(client.split(":")[1]));
}
