// Real clients, each in the era that it prefers, before the built Gatehouse with an Asana of the older era behind it, with one of the modern
// era alone (MCP 2026-07-28), and with one that becomes the other while they work.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startProgram } from '../clients/client-program';
import { ANA_AT_ASANA, startSetting, type Setting } from '../clients/setting';
import { START_MS } from '../support/portal';

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
}, START_MS);
afterAll(() => setting.portal.stop());

const LONG_MS = 120_000;

const CLIENTS: { name: string; path: string; args?: string[] }[] = [
  { name: 'AI SDK (modern)', path: 'ecosystem/ai-sdk.mjs' },
  { name: 'OpenAI Agents (modern)', path: 'ecosystem/openai-agents.mjs' },
  { name: 'Mastra (modern)', path: 'ecosystem/mastra.mjs' },
  { name: 'LangChain (legacy)', path: 'ecosystem/langchain.mjs' },
  { name: 'mcp-remote (legacy)', path: 'ecosystem/mcp-remote.mjs' },
  { name: 'Inspector (legacy)', path: 'clients/inspector.mjs', args: ['--protocol-era', 'legacy'] },
  { name: 'Inspector (modern)', path: 'clients/inspector.mjs', args: ['--protocol-era', 'modern'] },
];

/** The versions in which Asana was called. */
const versionsAtAsana = () => [
  ...new Set(
    setting.portal.sandbox.log.entries
      .filter(({ rpc }) => rpc?.method === 'tools/call')
      .map(({ headers }) => headers['mcp-protocol-version']),
  ),
];

describe.each(CLIENTS)('$name', ({ path, args }) => {
  test.each(['legacy', 'modern'] as const)(
    'lists and calls where Asana speaks the %s era only, and no byte of the other reaches it',
    async (era) => {
      setting.portal.sandbox.set({ era });
      const { token } = await setting.mint();
      const program = startProgram(path);
      try {
        await program.do('connect', { url: setting.url, token, ...(args ? { args } : {}) });
        // What Gatehouse had found before may be of the other era: the first call may ask once more.
        await program.do('list');
        setting.portal.sandbox.log.clear();
        expect((await program.do('list')).toSorted()).toEqual(['get_me', 'search_tasks']);
        const answer = await program.do('call', { tool: 'get_me', args: {} });
        expect(JSON.stringify(answer)).toContain(ANA_AT_ASANA);
        expect(setting.calledAtAsana()).toEqual(['get_me']);
        expect(versionsAtAsana()).toEqual([era === 'modern' ? '2026-07-28' : '2025-11-25']);
        await program.do('close');
      } finally {
        program.stop();
      }
    },
    LONG_MS,
  );
});
