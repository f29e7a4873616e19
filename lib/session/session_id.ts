/**
 * A session's name for people and programs: the table's epoch (so that a name never means another
 * session of a later table) and the session's number in it, `k3x9-1a2b`.
 */
export function formatSessionId(epoch: number, id: number): string {
  return `${epochTag(epoch)}-${id.toString(36)}`;
}

/** The session number of a name of this table, or null when it is none. */
export function parseSessionId(epoch: number, text: string): number | null {
  const match = /^([0-9a-z]{4})-([0-9a-z]{1,10})$/.exec(text);
  if (match === null || match[1] !== epochTag(epoch)) return null;
  return parseInt(match[2]!, 36);
}

function epochTag(epoch: number): string {
  return (epoch % 36 ** 4).toString(36).padStart(4, "0");
}
