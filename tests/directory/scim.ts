// SCIM in this process over a real database: an organization with its directory's token, and requests as a connector sends them.
import { transaction } from '@/lib/db';
import { createDirectoryToken } from '@/lib/directory/directory-tokens';
import { serveScim } from '@/lib/directory/serve-scim';
import { addOrganization, type PortalOrganization } from '../support/portal';

export interface ScimAnswer {
  status: number;
  headers: Headers;
  body: any;
}

export interface Directory {
  organization: PortalOrganization;
  token: string;
  tokenId: string;
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ScimAnswer>;
}

/** One request below /scim/v2 with any bearer. */
export async function sendScim(
  bearer: string | null,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<ScimAnswer> {
  const response = await serveScim(
    new Request(`http://localhost:3000/scim/v2${path}`, {
      method,
      headers: {
        ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/scim+json' }),
        ...headers,
      },
      body:
        body === undefined || typeof body === 'string' ? (body as string | undefined) : JSON.stringify(body),
    }),
  );
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

/** An organization whose directory is connected. */
export async function connectDirectory(name: string): Promise<Directory> {
  const organization = await addOrganization(name, `admin@${name.toLowerCase()}.example`);
  const { id, token } = await transaction((tx) =>
    createDirectoryToken(tx, organization.actor, { name: `Directory of ${name}` }),
  );
  return {
    ...{ organization, token, tokenId: id },
    send: (method, path, body, headers) => sendScim(token, method, path, body, headers),
  };
}

export const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
export const patchOf = (...Operations: object[]) => ({ schemas: [PATCH], Operations });
