import { type CaptureSubject, END } from "../session/capture_subject.ts";
import { F64, I32, INSTRUCTION, RECORD_BYTES, U16, U8 } from "../session/layout.ts";
import type { SessionRecords } from "../session/session_records.ts";
import type { LastSession } from "./last_session.ts";

/** Fills in what the table says of the session of the packet handled last. Allocates nothing. */
export function describeSession(
  records: SessionRecords,
  { slot, fromClient }: LastSession,
  subject: CaptureSubject,
): void {
  subject.slot = slot;
  if (slot === 0) return;
  subject.id = records.getF64(slot, F64.id);
  subject.fromClient = fromClient;
  // A response that is here came via NAT; of a request it is the path that its response would take.
  const bypasses = fromClient && records.getU8(slot, U8.instruction) === INSTRUCTION.installed;
  subject.path = bypasses ? "bypass" : "nat";
  const { ends } = subject;
  const { i32, dictionary } = records;
  const client = slot * (RECORD_BYTES / 4) + I32.client;
  const vip = records.getU16(slot, U16.vip) * 8;
  const nat = records.getU16(slot, U16.natAddress) * 8;
  const server = records.getU16(slot, U16.server) * 8;
  for (let i = 0; i < 4; i++) {
    ends[END.client + i] = i32[client + i]!;
    ends[END.vip + i] = dictionary[vip + i]!;
    ends[END.nat + i] = dictionary[nat + i]!;
    ends[END.server + i] = dictionary[server + i]!;
  }
  ends[END.client + 4] = records.getU16(slot, U16.clientPort);
  ends[END.vip + 4] = dictionary[vip + 4]!;
  ends[END.nat + 4] = records.getU16(slot, U16.natPort);
  ends[END.server + 4] = dictionary[server + 4]!;
}
