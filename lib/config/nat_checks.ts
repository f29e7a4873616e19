/**
 * What must be true between the values of nat.yaml, beyond what each value must be on its own.
 *
 * @module
 */

import { type Endpoint, formatEndpoint, type IpAddress } from "../wire/address.ts";
import {
  type AddressRange,
  countAddresses,
  formatAddressRange,
  rangeContains,
  rangesOverlap,
} from "../wire/prefix.ts";
import { checkCriteria } from "./criteria_checks.ts";
import type { NatDocument } from "./nat_schema.ts";
import { type ConfigPath, formatPath } from "./problem.ts";
import type { Draft } from "./read.ts";
import { formatDurationMs } from "./units.ts";
import { checkCpus } from "./worker_schema.ts";

/** Takes one problem. */
export type Report = (path: ConfigPath, message: string) => void;

/** 4096 addresses make more NAT endpoints than any session table holds; more of them are a slip in a prefix length. */
const MAX_SNAT_ADDRESSES = 4096;

/** The session table knows 65535 VIPs, servers and SNAT addresses; half of them are for those that reloads bring. */
const MAX_ENDPOINTS = 32_767;

type NatDraft = Draft<NatDocument>;
type ServiceDraft = NonNullable<NonNullable<NatDraft["services"]>[number]>;

/** Reports everything that is wrong between the values of a document; values that are undefined are left out. */
export function checkNatDocument(draft: NatDraft, report: Report): void {
  const snat = draft.snat?.addresses ?? [];
  const services = draft.services ?? [];
  checkInterfaces(draft.interfaces ?? [], report);
  checkSnatRanges(snat, report);
  checkServiceNames(services, report);
  const vips = checkVips(services, snat, report);
  checkFamilies(services, draft.snat?.addresses, report);
  services.forEach((service, index) => {
    if (service === undefined) return;
    checkServers(service, { path: ["services", index], vips, snat, report });
    checkHealth(service, { path: ["services", index], report });
    if (service.health?.agent !== undefined && draft.control === undefined) {
      report(["services", index, "health", "agent"], "needs a control section: no agent connects");
    }
    checkBypass(service, { path: ["services", index], report }, draft.control?.report);
  });
  checkEndpointCount(services, snat, report);
  checkControl(draft, report);
  checkOwnEndpoint(draft.control?.listen, { path: ["control", "listen"], vips, snat, report });
  checkOwnEndpoint(draft.metrics, { path: ["metrics"], vips, snat, report });
  checkCpus(draft, report);
  checkWorkers(draft, report);
  if (draft.socket !== undefined && draft.socket === draft.state) {
    report(["state"], "the same path as socket");
  }
}

/** Each worker gives out every so many-th port. */
function checkWorkers({ workers = 1, snat }: NatDraft, report: Report): void {
  const ports = snat?.ports;
  if (ports === undefined || ports.last - ports.first + 1 >= workers) return;
  report(["workers"], `${workers} packet workers share snat.ports: there have to be as many ports`);
}

function checkInterfaces(names: readonly (string | undefined)[], report: Report): void {
  names.forEach((name, index) => {
    if (name !== undefined && names.indexOf(name) < index) {
      report(["interfaces", index], `"${name}" is named twice`);
    }
  });
}

function checkSnatRanges(ranges: readonly (AddressRange | undefined)[], report: Report): void {
  const total = totalAddresses(ranges);
  const sorted: { range: AddressRange; index: number }[] = [];
  ranges.forEach((range, index) => {
    if (range === undefined) return;
    sorted.push({ range, index });
  });
  if (total > MAX_SNAT_ADDRESSES) {
    report(
      ["snat", "addresses"],
      `${showCount(total)} addresses are too many: at most ${MAX_SNAT_ADDRESSES}`,
    );
  }
  sorted.sort((a, b) => a.range.first.compare(b.range.first));
  let widest = sorted[0];
  for (const entry of sorted.slice(1)) {
    if (rangesOverlap(widest!.range, entry.range)) {
      const [later, earlier] = entry.index > widest!.index ? [entry, widest!] : [widest!, entry];
      report(
        ["snat", "addresses", later.index],
        `${formatAddressRange(later.range)} overlaps ${formatAddressRange(earlier.range)}`,
      );
    }
    if (entry.range.last.compare(widest!.range.last) > 0) widest = entry;
  }
}

function checkServiceNames(
  services: readonly (ServiceDraft | undefined)[],
  report: Report,
): void {
  const seen = new Set<string>();
  services.forEach((service, index) => {
    const name = service?.name;
    if (name === undefined) return;
    if (seen.has(name)) report(["services", index, "name"], `"${name}" is already a service`);
    seen.add(name);
  });
}

/** Checks each VIP, and gives back which service has which one first. */
function checkVips(
  services: readonly (ServiceDraft | undefined)[],
  snat: readonly (AddressRange | undefined)[],
  report: Report,
): ReadonlyMap<string, ConfigPath> {
  const vips = new Map<string, ConfigPath>();
  const served = new Map<string, ConfigPath>();
  services.forEach((service, index) => {
    const { vip, port, protocol } = service ?? {};
    if (vip === undefined) return;
    const path: ConfigPath = ["services", index, "vip"];
    const range = findRange(snat, vip);
    if (range) report(path, `${vip} is a SNAT address too (${formatAddressRange(range)})`);
    if (!vips.has(String(vip))) vips.set(String(vip), path);
    if (port === undefined || protocol === undefined) return;
    const what = `${protocol} ${formatEndpoint({ address: vip, port })}`;
    const first = served.get(what);
    if (first) report(path, `${what} is already served by ${formatPath(first.slice(0, 2))}`);
    else served.set(what, path);
  });
  return vips;
}

/** What a server sees in place of its client is of the server's own family, so each family needs SNAT addresses. */
function checkFamilies(
  services: readonly (ServiceDraft | undefined)[],
  snat: readonly (AddressRange | undefined)[] | undefined,
  report: Report,
): void {
  // Ranges that could not be read may have been of any family.
  if (snat === undefined || snat.includes(undefined)) return;
  for (const family of [4, 6]) {
    if (snat.some((range) => range?.first.family === family)) continue;
    const index = services.findIndex((service) => service?.vip?.family === family);
    if (index < 0) continue;
    report(
      ["snat", "addresses"],
      `no IPv${family} address is among them, which services[${index}] needs: its VIP is ${
        services[index]!.vip
      }`,
    );
  }
}

interface Around {
  readonly path: ConfigPath;
  readonly report: Report;
}

interface Addresses extends Around {
  readonly vips: ReadonlyMap<string, ConfigPath>;
  readonly snat: readonly (AddressRange | undefined)[];
}

function checkServers(service: ServiceDraft, { path, vips, snat, report }: Addresses): void {
  const servers = service.servers ?? [];
  const seen = new Map<string, number>();
  servers.forEach((server, index) => {
    const { address, port = service.port } = server ?? {};
    if (address === undefined) return;
    const at = [...path, "servers", index];
    if (service.vip !== undefined && service.vip.family !== address.family) {
      report(
        at,
        `${address} is IPv${address.family} and the VIP ${service.vip} IPv${service.vip.family}: ` +
          `all addresses of a service are of one family`,
      );
    }
    const vip = vips.get(String(address));
    // Packets to such a server would come back to the NAT machine and go round.
    if (service.vip?.equals(address)) report(at, `${address} is the VIP of this service itself`);
    else if (vip) report(at, `${address} is a VIP (${formatPath(vip)})`);
    const range = findRange(snat, address);
    if (range) report(at, `${address} is a SNAT address too (${formatAddressRange(range)})`);
    if (port === undefined) return;
    const endpoint = formatEndpoint({ address, port });
    const first = seen.get(endpoint);
    if (first !== undefined) report(at, `${endpoint} is already servers[${first}]`);
    else seen.set(endpoint, index);
  });
  if (servers.length > 0 && servers.every((server) => server?.weight === 0)) {
    report([...path, "servers"], "every weight is 0: no server would get a new session");
  }
}

function checkHealth({ health, protocol }: ServiceDraft, { path, report }: Around): void {
  if (health?.passive !== undefined && protocol === "udp") {
    report(
      [...path, "health", "passive"],
      "udp has no answer that every session begins with: only tcp shows signs",
    );
  }
  if (health?.interval === undefined || health.timeout === undefined) return;
  if (health.timeout > health.interval) {
    const interval = formatDurationMs(health.interval);
    report(
      [...path, "health", "timeout"],
      `${formatDurationMs(health.timeout)} is longer than the interval of ${interval}`,
    );
  }
}

function checkBypass(
  { vip, port, servers = [], bypass }: ServiceDraft,
  { path, report }: Around,
  reportMs: number | undefined,
): void {
  const endpoints = servers.map((server) => {
    const own = server?.port ?? port;
    return server?.address === undefined || own === undefined
      ? undefined
      : { address: server.address, port: own };
  });
  if (bypass === undefined) return;
  checkCriteria(bypass, {
    path: [...path, "bypass"],
    vip,
    servers: endpoints,
    reportMs,
    report,
  });
}

function checkEndpointCount(
  services: readonly (ServiceDraft | undefined)[],
  snat: readonly (AddressRange | undefined)[],
  report: Report,
): void {
  const endpoints = new Set<string>();
  for (const service of services) {
    endpoints.add(`${service?.vip} ${service?.port}`);
    for (const server of service?.servers ?? []) {
      endpoints.add(`${server?.address} ${server?.port ?? service?.port}`);
    }
  }
  const total = endpoints.size + totalAddresses(snat);
  if (total > MAX_ENDPOINTS && totalAddresses(snat) <= MAX_SNAT_ADDRESSES) {
    report(
      ["services"],
      `${total} VIPs, servers and SNAT addresses are too many: at most ${MAX_ENDPOINTS}`,
    );
  }
}

/** Beyond what can be counted one by one: the power of two that an IPv6 prefix is, or is near to. */
function showCount(count: number): string {
  return Number.isSafeInteger(count) ? String(count) : `2^${Math.round(Math.log2(count))}`;
}

/** How many addresses these ranges hold; what is undefined, none. */
export function totalAddresses(ranges: readonly (AddressRange | undefined)[]): number {
  return ranges.reduce((sum, range) => sum + (range ? countAddresses(range) : 0), 0);
}

function checkControl({ control }: NatDraft, report: Report): void {
  if (control?.lease === undefined || control.report === undefined) return;
  if (control.lease < 3 * control.report) {
    report(
      ["control", "lease"],
      `${formatDurationMs(control.lease)} is shorter than three reports of ${
        formatDurationMs(control.report)
      }: one lost report would end the bypass`,
    );
  }
}

/** VIPs and SNAT addresses are on no interface of this host, so nothing of its own can listen there. */
function checkOwnEndpoint(endpoint: Endpoint | undefined, around: Addresses): void {
  if (endpoint === undefined) return;
  const { path, vips, snat, report } = around;
  const vip = vips.get(String(endpoint.address));
  const range = findRange(snat, endpoint.address);
  if (vip) report(path, `${endpoint.address} is a VIP (${formatPath(vip)})`);
  if (range) report(path, `${endpoint.address} is a SNAT address (${formatAddressRange(range)})`);
}

function findRange(
  ranges: readonly (AddressRange | undefined)[],
  address: IpAddress,
): AddressRange | undefined {
  return ranges.find((range) => range !== undefined && rangeContains(range, address));
}
