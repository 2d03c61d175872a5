// What a set-up of an MCP client is made of, and the texts that several of them share.

export type Language = 'json' | 'python' | 'shell' | 'text' | 'typescript';

export interface SetUp {
  /** What to do, in order; the code belongs to the last one. */
  steps: readonly string[];
  /** Shell lines that come first: what to install, and the token as a variable, so that it stays out of the code. */
  before?: string;
  code: string;
  language: Language;
}

/** `endpoint` is the URL of `/mcp`; `token` is an agent token, or null for the placeholder. */
export type SnippetOf = (endpoint: string, token: string | null) => SetUp;

/** The two ways in: signing in through the client's browser window (OAuth), or an agent token that one pastes. */
export type Way = 'oauth' | 'token';

export interface McpClient {
  id: string;
  title: string;
  /** `app` is used by a person, `code` by a program, `check` to see that it works. */
  kind: 'app' | 'code' | 'check';
  /** Only the ways that the client has. */
  ways: Partial<Record<Way, SnippetOf>>;
  /** It calls from its maker's servers, so the endpoint must be reachable from there. */
  fromOutside?: true;
}

/** What stands in a snippet where no token is known. */
export const TOKEN_PLACEHOLDER = 'YOUR_AGENT_TOKEN';

/** The value of the header Authorization (RFC 6750). */
export const bearer = (token: string | null) => `Bearer ${token ?? TOKEN_PLACEHOLDER}`;
export const json = (value: unknown) => JSON.stringify(value, null, 2);
export const lines = (...all: string[]) => all.join('\n');
/** A shell line. */
export const tokenVariable = (token: string | null) =>
  `export GATEHOUSE_TOKEN='${token ?? TOKEN_PLACEHOLDER}'`;
