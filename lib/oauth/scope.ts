// The one scope: what a person's groups allow is decided call by call, not by scopes.
export const SCOPE = 'mcp';
