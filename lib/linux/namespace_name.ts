/**
 * Takes a name that one process of a network namespace can have at a time, until it gives it up or
 * ends, however it ends: the kernel keeps abstract socket addresses by namespace (unix(7)).
 *
 * Answers null when another process has it.
 */
export function takeNamespaceName(name: string): Disposable | null {
  try {
    return Deno.listen({ transport: "unix", path: `\0${name}` });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return null;
    throw error;
  }
}
