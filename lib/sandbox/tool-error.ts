// The one way in which a tool of the sandbox fails: its message becomes a result with `isError: true`.

/** Thrown by tools. `status` is what Asana's REST API would answer; the text of Asana's MCP errors is not known. */
export class ToolError extends Error {
  constructor(
    message: string,
    readonly status: 400 | 402 | 403 | 404 = 400,
  ) {
    super(message);
  }
}

/** What Asana says of a thing that does not exist and of one that the person may not see: the same. */
export function unknownObject(argument: string, gid: string): ToolError {
  return new ToolError(`${argument}: Unknown object: ${gid}`, 404);
}
