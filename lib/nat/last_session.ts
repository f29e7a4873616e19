/** Whose packet was handled last; one object for all packets. */
export interface LastSession {
  /** Its session; 0: nobody's. */
  slot: number;
  fromClient: boolean;
}
