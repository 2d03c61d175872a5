// Aurora behind a server of its own, with its admin signed in: what tests of /api/v1 begin with.
import {
  addOrganization,
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
