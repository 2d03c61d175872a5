// Asks Asana, with a fresh token, whose it is and for which workspace. What Asana does not say stays null.
import { z } from 'zod';
import type { Workspace } from './account-rule';
import { callTool, withUpstreamSession } from './mcp-client';
import { UpstreamError, type ConnectionFacts } from './mcp-post';
import { readAccount, type AsanaAccount } from './token-answer';

const workspace = z
  .object({ gid: z.string().regex(/^\d{1,32}$/), name: z.string().max(500).catch('') })
  .transform(({ gid, name }) => ({ gid, name: name || gid }));
const whereabouts = z.object({
  workspace: workspace.nullish().catch(null),
  workspaces: z.array(workspace).nullish().catch(null),
});

/**
 * `get_me` (facts 1.7: text content holding `{"data": {...}}`). The workspace is what a `workspace` member says, or the only one
 * in `workspaces`: of several it can't be told which one was authorized. Best effort: an account of nulls when Asana fails.
 * Throws only `UpstreamError` with `wrongKindOfApp`, since such a token will never work.
 */
export async function whoAmI(
  facts: ConnectionFacts,
  accessToken: string,
): Promise<AsanaAccount & { workspace: Workspace | null }> {
  try {
    const result = await withUpstreamSession(facts, accessToken, 'connect', (session) =>
      callTool(session, 'get_me', {}),
    );
    if (result.isError !== true) return readMe(result);
  } catch (error) {
    if (!(error instanceof UpstreamError) || error.detail.wrongKindOfApp) throw error;
  }
  return { email: null, userGid: null, workspace: null };
}

function readMe(result: Record<string, unknown>): AsanaAccount & { workspace: Workspace | null } {
  const data = unwrapped(result.structuredContent) ?? unwrapped(textOf(result.content)) ?? {};
  const where = whereabouts.safeParse(data).data;
  const [first, ...others] = where?.workspaces ?? [];
  const only = first && others.length === 0 ? first : null;
  return { ...readAccount(data), workspace: where?.workspace ?? only };
}

function unwrapped(value: unknown): object | null {
  if (typeof value !== 'object' || value === null) return null;
  if ('data' in value && typeof value.data === 'object' && value.data !== null) return value.data;
  return value;
}

function textOf(content: unknown): unknown {
  const blocks = z.array(z.object({ type: z.string(), text: z.string().optional() })).safeParse(content).data;
  const text = blocks?.find((block) => block.type === 'text')?.text;
  try {
    return text === undefined ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
