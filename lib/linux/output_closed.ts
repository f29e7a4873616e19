/** The reader of the output has gone (EPIPE, write(2)), as `| head` does: no reason to complain. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}
