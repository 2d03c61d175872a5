// Aurora behind a server of its own, with its admin signed in: what tests of /api/v1 and walks of its rooms begin with.
import { transaction } from '@/lib/db';
import { createGroup } from '@/lib/people/groups';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import {
  addConnection,
  addOrganization,
  addPerson,
  signIn,
  startPortal,
  type Client,
  type Portal,
  type PortalOrganization,
} from './portal';

export interface Aurora {
  portal: Portal;
  organization: PortalOrganization;
  admin: Client;
}

/** Starts the server; `isAtAsana` registers the sandbox's app for the organization. The admin is admin@aurora.example. */
export async function startAurora({ isAtAsana }: { isAtAsana: boolean }): Promise<Aurora> {
  const portal = await startPortal();
  const organization = await addOrganization(
    'Aurora',
    'admin@aurora.example',
    isAtAsana ? portal.sandbox : undefined,
  );
  return { portal, organization, admin: await signIn(portal, 'admin@aurora.example') };
}

/** Ana, connected to Asana, and a token of her agent. */
async function addAna(portal: Portal, organization: PortalOrganization): Promise<{ token: string }> {
  const memberEmail = 'ana@aurora.example';
  const memberId = await addPerson(organization, memberEmail, { name: 'Ana' });
  await addConnection(portal, organization.id, memberId, 'ana@example.com');
  const person = { ...organization.actor, memberId, memberEmail };
  return transaction((tx) => mintAgentToken(tx, person, { name: 'Agent of Ana' }));
}

export interface AuroraAtWork extends Aurora {
  /** Of Ana's agent. */
  token: string;
  people: Record<'ana' | 'lea' | 'auditor' | 'elsewhere', Client>;
}

/** Aurora at Asana with Ana and her agent, Lea, an auditor, and the admin of another organization; nobody is in a group. */
export async function startAuroraAtWork(): Promise<AuroraAtWork> {
  const aurora = await startAurora({ isAtAsana: true });
  const { portal, organization } = aurora;
  await addOrganization('Borealis', 'admin@borealis.example');
  const { token } = await addAna(portal, organization);
  await addPerson(organization, 'lea@aurora.example', { name: 'Lea' });
  await addPerson(organization, 'auditor@aurora.example', { role: 'auditor' });
  const people = {
    ana: await signIn(portal, 'ana@aurora.example'),
    lea: await signIn(portal, 'lea@aurora.example'),
    auditor: await signIn(portal, 'auditor@aurora.example'),
    elsewhere: await signIn(portal, 'admin@borealis.example'),
  };
  return { ...aurora, token, people };
}

/** For a walk: Aurora at Asana, Ana with her agent in the group "Website desk" with these tools; nobody is signed in. `postgresUrl`: of the run. */
export async function startWebsiteDesk(tools: string[], postgresUrl: string | undefined) {
  const portal = await startPortal({}, postgresUrl);
  const organization = await addOrganization('Aurora', 'admin@aurora.example', portal.sandbox);
  const { token } = await addAna(portal, organization);
  const members = ['ana@aurora.example'];
  await transaction((tx) => createGroup(tx, organization.actor, { name: 'Website desk', tools, members }));
  return { portal, organization, token };
}
