// Puts the demo's people in place, or brings those of an earlier run up to date: the sandbox begins anew each time, so everybody
// connects again, through the same OAuth steps as in a browser.
import { saveAsanaApp } from '@/lib/asana/asana-app';
import { beginConnect, finishConnect } from '@/lib/asana/connect';
import { browserSecretFor } from '@/lib/asana/connect-cookie';
import type { Actor } from '@/lib/audit/append';
import { db, deploymentDb, transaction } from '@/lib/db';
import { createGroup } from '@/lib/people/groups';
import { addMember } from '@/lib/people/members';
import { createOrganization } from '@/lib/people/organizations';
import type { Sandbox } from '@/lib/sandbox/start-sandbox';
import { mintAgentToken, revokeAgentToken } from '@/lib/tokens/agent-tokens';

export interface DemoPlan {
  admin: { email: string; name: string };
  people: readonly { email: string; name: string; role: 'member' | 'auditor'; groups: readonly string[] }[];
  groups: readonly { name: string }[];
  leadTools: readonly string[];
  adminTools: readonly string[];
  password: string;
}

const TOKEN_NAME = 'Demo agent';

/** Seeds the demo and returns an agent token for each person, by e-mail. */
export async function seedDemo(sandbox: Sandbox, plan: DemoPlan): Promise<Map<string, string>> {
  const admin = await adminOf(plan);
  const [app] = sandbox.apps;
  await transaction((tx) =>
    saveAsanaApp(tx, admin, { clientId: app!.clientId, clientSecret: app!.clientSecret }, { confirm: true }),
  );
  const tokens = new Map<string, string>();
  for (const { email } of [plan.admin, ...plan.people]) {
    const actor = await actorOf(email);
    await connect(sandbox, actor);
    tokens.set(email, await freshToken(actor));
  }
  return tokens;
}

/** The admin, with the organization, its groups and its people made in the first run. */
async function adminOf(plan: DemoPlan): Promise<Actor & { memberId: string }> {
  const existing = await deploymentDb().member.findUnique({ where: { email: plan.admin.email } });
  if (existing) return actorOf(plan.admin.email);
  const { organizationId } = await transaction((tx) =>
    createOrganization(tx, {
      name: 'Example Works',
      admin: { ...plan.admin, password: plan.password },
      credentialName: 'npm run demo',
    }),
  );
  const admin = await actorOf(plan.admin.email);
  const readers = await db().tool.findMany({
    where: { organizationId, class: 'read' },
    select: { name: true },
  });
  const reading = readers.map(({ name }) => name).filter((name) => !name.includes('preview'));
  const tools = [reading, plan.leadTools, plan.adminTools];
  for (const [n, { name }] of plan.groups.entries())
    await transaction((tx) => createGroup(tx, admin, { name, tools: [...tools[n]!], members: [] }));
  for (const { groups, ...person } of plan.people)
    await transaction((tx) =>
      addMember(tx, admin, { ...person, groups: [...groups], password: plan.password }),
    );
  return admin;
}

async function actorOf(email: string): Promise<Actor & { memberId: string }> {
  const member = await deploymentDb().member.findUniqueOrThrow({ where: { email } });
  return {
    organizationId: member.organizationId,
    memberId: member.id,
    memberEmail: email,
    credential: { kind: 'session', id: 'demo', name: null },
  };
}

async function connect(sandbox: Sandbox, actor: Actor & { memberId: string }): Promise<void> {
  const { organizationId, memberId, memberEmail } = actor;
  const user = sandbox.users.find(({ email }) => email === memberEmail);
  if (!user) return;
  const earlier = await db().connection.findFirst({
    where: { organizationId, memberId },
    orderBy: { createdAt: 'asc' },
  });
  const browserSecret = browserSecretFor(undefined);
  const { location } = await beginConnect({
    organizationId,
    memberId,
    connectionId: earlier?.id,
    browserSecret,
  });
  const page = new URL(location);
  page.searchParams.set('sandbox_user', user.email);
  page.searchParams.set('sandbox_workspace', user.workspaces[0]!.gid);
  const answer = await fetch(page, { redirect: 'manual' });
  const { searchParams: params } = new URL(answer.headers.get('location') ?? '', page);
  const result = await finishConnect({ organizationId, memberId, params, browserSecret });
  if (!('connected' in result)) throw new Error(`${memberEmail} could not connect: ${result.title}`);
}

async function freshToken(actor: Actor & { memberId: string }): Promise<string> {
  const { organizationId, memberId } = actor;
  const earlier = await db().agentToken.findMany({
    where: { organizationId, memberId, name: TOKEN_NAME },
    select: { id: true },
  });
  return transaction(async (tx) => {
    for (const { id } of earlier) await revokeAgentToken(tx, actor, id);
    return (await mintAgentToken(tx, actor, { name: TOKEN_NAME })).token;
  });
}
