// Shows the main job in the terminal, through the running server: what each agent sees, one call that goes through, one refused, and
// their audit records.
import { setTimeout as sleep } from 'node:timers/promises';
import { searchAudit } from '@/lib/audit/records';
import { listTools } from '@/lib/catalogue/catalogue';
import { db, deploymentDb } from '@/lib/db';
import { env } from '@/lib/env';
import { flushOutcomes } from '@/lib/gateway/outcomes';
import type { Sandbox } from '@/lib/sandbox/start-sandbox';

interface Shown {
  sandbox: Sandbox;
  tokens: ReadonlyMap<string, string>;
  people: readonly { email: string; name: string; groups: readonly string[] }[];
}

interface Answer {
  result?: { tools?: { name: string }[]; content?: { text: string }[]; isError?: boolean };
  error?: { code: number; message: string };
}

/** Prints the tables. Throws where the gate does not do what it promises: a demo that shows nonsense must not exit 0. */
export async function showMainJob({ sandbox, tokens, people }: Shown): Promise<void> {
  const member = await deploymentDb().member.findUniqueOrThrow({ where: { email: people[0]!.email } });
  const catalogue = await listTools(db(), member.organizationId);
  const cost = (names: ReadonlySet<string>) =>
    catalogue.filter(({ name }) => names.has(name)).reduce((sum, { tokens }) => sum + tokens, 0);
  const everything = cost(new Set(catalogue.map(({ name }) => name)));

  print(
    'What each person’s agent sees (tools/list)',
    ['person', 'groups', 'tools', 'tokens in context'],
    await Promise.all(
      people.map(async ({ email, name, groups }) => {
        const tools = (await ask(tokens.get(email)!, 'tools/list')).result?.tools ?? [];
        const names = new Set(tools.map((tool) => tool.name));
        return [
          name,
          groups.join(', '),
          `${names.size} of ${catalogue.length}`,
          `${thousands(cost(names))} of ${thousands(everything)}`,
        ];
      }),
    ),
  );

  const before = sandbox.log.entries.length;
  const [ana, ben] = people as [Shown['people'][number], Shown['people'][number]];
  const args = { tasks: [{ name: 'Order the chairs', assignee: 'me' }] };
  const allowed = await ask(tokens.get(ben.email)!, 'tools/call', { name: 'create_tasks', arguments: args });
  const between = toolCalls(sandbox, before);
  const refused = await ask(tokens.get(ana.email)!, 'tools/call', { name: 'create_tasks', arguments: args });
  const after = toolCalls(sandbox, before);
  if (
    !allowed.result ||
    allowed.result.isError ||
    refused.error?.code !== -32602 ||
    between !== 1 ||
    after !== 1
  )
    throw new Error('The gate did not do what the demo is meant to show.');
  print(
    'The same call by two agents (tools/call create_tasks)',
    ['person', 'answer', 'reached Asana'],
    [
      [ben.name, `ok: ${allowed.result.content?.[0]?.text.slice(0, 60) ?? ''}…`, 'yes, once'],
      [ana.name, `error ${refused.error.code}: ${refused.error.message}`, 'no byte'],
    ],
  );

  await flushOutcomes();
  await sleep(600); // the chain is laid within a second
  const { records } = await searchAudit(member.organizationId, { tool: 'create_tasks' }, { limit: 2 });
  print(
    'Their audit records',
    ['seq', 'who', 'through', 'tool', 'decision', 'reason', 'outcome', 'took'],
    records.map((record) => [
      String(record.seq ?? 'soon'),
      record.member ?? '',
      record.credential.name ?? '',
      record.tool ?? '',
      record.decision ?? '',
      record.reason ?? '',
      record.outcome ?? '',
      record.latencyMs === undefined ? '' : `${record.latencyMs.toFixed(1)} ms`,
    ]),
  );
}

function toolCalls(sandbox: Sandbox, from: number): number {
  return sandbox.log.entries.slice(from).filter(({ rpc }) => rpc?.method === 'tools/call').length;
}

async function ask(token: string, method: string, params: unknown = {}): Promise<Answer> {
  const response = await fetch(`http://${env().HOST}:${env().PORT}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  const text = await response.text();
  const data = text.startsWith('{')
    ? text
    : text
        .split('\n')
        .findLast((line) => line.startsWith('data:'))
        ?.slice(5);
  return JSON.parse(data ?? '{}') as Answer;
}

const thousands = (tokens: number) => `${(tokens / 1000).toFixed(1)}k`;

function print(title: string, head: string[], rows: string[][]): void {
  const widths = head.map((cell, n) => Math.max(cell.length, ...rows.map((row) => row[n]!.length)));
  const line = (row: string[]) => `  ${row.map((cell, n) => cell.padEnd(widths[n]!)).join('  ')}`.trimEnd();
  console.log(
    `\n${title}\n${line(head)}\n${line(widths.map((width) => '-'.repeat(width)))}\n${rows.map(line).join('\n')}`,
  );
}
