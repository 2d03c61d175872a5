// Gathers what the other sides know: the sandbox while it runs, the audit and the policy when all is over.
import { layChain } from '@/lib/audit/chain';
import { verifyChain } from '@/lib/audit/verify-chain';
import { searchAudit } from '@/lib/audit/records';
import { pool } from '@/lib/db';
import type { LogEntry } from '@/lib/sandbox/request-log';
import type { Sandbox } from '@/lib/sandbox/start-sandbox';
import { now, type Arrival, type AuditRow, type History } from './history';

const EVERY_MS = 250;
/** By then an answer has its status, or will never have one. */
const SETTLED_MS = 15_000;
const SHOWN = 100;

export interface SandboxWatch {
  arrivals: Arrival[];
  tasks: Record<string, number>;
  /** Takes over what is left. */
  end(): void;
}

/** Takes over the sandbox's log before it forgets (10,000 entries), and the tasks that were made, so that its world stays small. */
export function watchSandbox(sandbox: Sandbox): SandboxWatch {
  const arrivals: Arrival[] = [];
  const tasks: Record<string, number> = {};
  let pending: LogEntry[] = [];
  let last = 0;

  function take(all: boolean): void {
    const entries = sandbox.log.since(last);
    last = entries.at(-1)?.n ?? last;
    pending.push(...entries.filter(({ path, method }) => path.startsWith('/v2/mcp') && method === 'POST'));
    const isSettled = ({ at, status }: LogEntry) =>
      all || status !== undefined || Date.now() - at > SETTLED_MS;
    arrivals.push(...pending.filter(isSettled).map(toArrival));
    pending = pending.filter((entry) => !isSettled(entry));
    const { world } = sandbox;
    for (const [gid, { name }] of world.tasks) {
      if (!name.startsWith('torture-')) continue;
      tasks[name] = (tasks[name] ?? 0) + 1;
      world.tasks.delete(gid);
    }
    for (const [gid, { taskGid }] of world.stories) if (!world.tasks.has(taskGid)) world.stories.delete(gid);
  }

  const timer = setInterval(() => take(false), EVERY_MS);
  return {
    arrivals,
    tasks,
    end() {
      clearInterval(timer);
      take(true);
    },
  };
}

function toArrival({ at, rpc, body, status }: LogEntry): Arrival {
  return {
    atMs: at,
    method: rpc?.method ?? '',
    id: typeof rpc?.id === 'string' ? rpc.id : null,
    tool: rpc?.tool ?? null,
    marker: /torture-\d+-/.exec(body)?.[0] ?? null,
    status: status ?? null,
  };
}

/** Until every record has its link; how long that took. Gives up after a minute. */
export async function untilChained(organizationId: string): Promise<number> {
  const fromMs = now();
  for (;;) {
    const { records, links } = await countRecords(organizationId).catch(() => ({ records: 1, links: 0 }));
    if (records === links || now() - fromMs > 60_000) return now() - fromMs;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function countRecords(organizationId: string): Promise<{ records: number; links: number }> {
  const { rows } = await pool().query<{ records: number; links: number }>(
    `SELECT (SELECT count(*)::int FROM audit_records WHERE organization_id = $1) AS records,
       (SELECT count(*)::int FROM audit_chain WHERE organization_id = $1) AS links`,
    [organizationId],
  );
  return rows[0]!;
}

/** What the database says when nobody works with it any more. */
export async function readDatabase(organizationId: string): Promise<
  Pick<History, 'audit' | 'shownWithoutOutcome' | 'groups' | 'tokens' | 'lostConnections'> & {
    chain: Omit<History['chain'], 'caughtUpMs'>;
  }
> {
  while ((await layChain()) > 0);
  const { ok, records } = await verifyChain(organizationId);
  const { links: linked } = await countRecords(organizationId);
  const audit = await readAudit(organizationId);
  const query = async <Row extends object>(text: string) =>
    (await pool().query<Row>(text, [organizationId])).rows;
  const groups = await query<{ slug: string; version: number; tools: string[] }>(
    `SELECT slug, version, ARRAY(SELECT tool_name FROM group_tools t WHERE t.group_id = g.id ORDER BY 1) AS tools
     FROM groups g WHERE organization_id = $1`,
  );
  const tokens = await query<{ id: string }>('SELECT id FROM agent_tokens WHERE organization_id = $1');
  const lost = await query(`SELECT 1 FROM connections WHERE organization_id = $1 AND status <> 'active'`);
  return {
    audit,
    chain: { ok, records, linked },
    shownWithoutOutcome: await readShown(organizationId, audit),
    groups: Object.fromEntries(groups.map(({ slug, tools, version }) => [slug, { tools, version }])),
    tokens: tokens.map(({ id }) => id),
    lostConnections: lost.length,
  };
}

async function readAudit(organizationId: string): Promise<AuditRow[]> {
  const { rows } = await pool().query<AuditRow>(
    `SELECT id, (extract(epoch FROM at) * 1000)::float8 AS "atMs", kind, call_id AS "callId", method, tool,
       arguments_hash AS "argumentsHash", credential_id AS "credentialId", decision, reason, outcome, action, target,
       ARRAY(SELECT jsonb_array_elements_text(after->'tools')) AS tools, (after->>'version')::int AS version
     FROM audit_records WHERE organization_id = $1 AND (after IS NULL OR jsonb_typeof(after->'tools') IS DISTINCT FROM 'null')
     UNION ALL
     SELECT id, (extract(epoch FROM at) * 1000)::float8, kind, call_id, method, tool, arguments_hash, credential_id, decision, reason,
       outcome, action, target, NULL, NULL
     FROM audit_records WHERE organization_id = $1 AND jsonb_typeof(after->'tools') = 'null'`,
    [organizationId],
  );
  return rows;
}

/** How people see the newest allowed calls that have no outcome. */
async function readShown(organizationId: string, audit: AuditRow[]): Promise<Record<string, string>> {
  const settled = new Set(audit.map(({ callId }) => callId));
  const intents = audit.filter(
    ({ kind, decision, id }) => kind === 'call' && decision === 'allow' && !settled.has(id),
  );
  const shown: Record<string, string> = {};
  for (const { id } of intents.slice(-SHOWN)) {
    const { records } = await searchAudit(organizationId, { id }, { limit: 1 });
    shown[id] = records[0]?.outcome ?? 'nothing';
  }
  return shown;
}
