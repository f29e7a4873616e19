/**
 * What a reload does with another value of a key of nat.yaml: the first entry whose beginning of a
 * path fits. `lib/nat/reload_plan.ts` and what it calls do it.
 */
export const RELOAD_EFFECTS: readonly (readonly [begins: string, effect: string])[] = [
  ["interfaces", "takeover"],
  ["capacity", "takeover"],
  ["socket", "takeover"],
  ["state", "takeover"],
  ["engine", "takeover"],
  ["workers", "takeover"],
  ["cpus", "takeover"],
  ["busyPoll", "takeover"],
  ["hostShield", "takeover"],
  ["snat.addresses", "one that is gone gets no new sessions; those on it live on, via NAT"],
  ["snat", "for new sessions"],
  ["services[].name", "the same service under another name"],
  ["services[].vip", "another service: the former one is removed"],
  ["services[].protocol", "another service: the former one is removed"],
  ["services[].port", "another service: the former one is removed"],
  ["services[].servers[].weight", "for new sessions"],
  ["services[].servers[]", "another server: the former one is removed"],
  ["services[].servers", "one that is gone gets no new sessions; its own live on, via NAT"],
  ["services[].health", "from the next check on; what is known is kept"],
  ["services[].bypass.start", "the service's instructions are stopped; the new criteria decide"],
  ["services[].bypass.stop", "at once, for what is in force too"],
  ["services[].bypass", "as the keys below say"],
  ["services[].", "for new sessions"],
  ["services", "one that is gone gets no new sessions; its own live on, via NAT"],
  ["control.lease", "agents connect again, which stops nothing"],
  ["control.report", "agents connect again, which stops nothing"],
  ["control.instructions", "at once"],
  ["control.", "agents meet it with their next connection"],
  ["control", "keys below: by reload; all of it added or removed: takeover"],
  ["", "at once"],
];

export function reloadEffect(path: string): string {
  return RELOAD_EFFECTS.find(([begins]) => path.startsWith(begins))![1];
}
