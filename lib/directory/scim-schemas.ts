// What this SCIM server says of itself: its configuration, resource types and schemas (RFC 7643 §5 to §7). Fixed texts; nothing here decides.
export const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const SCHEMAS = 'urn:ietf:params:scim:schemas:core:2.0';

/** The most resources on one page. */
export const MAX_RESULTS = 200;

/** `base` is the URL of /scim/v2. */
export const serviceProviderConfig = (base: string) => ({
  schemas: [`${SCHEMAS}:ServiceProviderConfig`],
  patch: { supported: true },
  bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
  filter: { supported: true, maxResults: MAX_RESULTS },
  changePassword: { supported: false },
  sort: { supported: false },
  etag: { supported: true },
  authenticationSchemes: [
    {
      type: 'oauthbearertoken',
      name: 'Directory token',
      description: 'A token that an admin made in the portal under Directory, sent as a bearer.',
      primary: true,
    },
  ],
  meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
});

export const resourceTypes = (base: string) =>
  [
    { id: 'User', schema: USER_SCHEMA, description: 'A person of the company' },
    { id: 'Group', schema: GROUP_SCHEMA, description: 'A group of the company' },
  ].map(({ id, schema, description }) => ({
    schemas: [`${SCHEMAS}:ResourceType`],
    ...{ id, name: id, endpoint: `/${id}s`, description, schema },
    meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${id}` },
  }));

interface Attribute {
  name: string;
  type: string;
  multiValued: boolean;
  description: string;
  required: boolean;
  caseExact: boolean;
  mutability: string;
  returned: string;
  uniqueness: string;
  subAttributes?: Attribute[];
}

const attribute = (name: string, description: string, more: Partial<Attribute> = {}): Attribute => ({
  ...{ name, type: 'string', multiValued: false, description, required: false, caseExact: false },
  ...{ mutability: 'readWrite', returned: 'default', uniqueness: 'none' },
  ...more,
});
const readOnly = { mutability: 'readOnly' } as const;

const userAttributes = [
  attribute('userName', 'The name at the company, unique', { required: true, uniqueness: 'server' }),
  attribute('name', 'The parts of the name', {
    type: 'complex',
    subAttributes: [
      attribute('formatted', 'The whole name'),
      attribute('givenName', 'The given name'),
      attribute('familyName', 'The family name'),
    ],
  }),
  attribute('displayName', 'The name as people see it here'),
  attribute('emails', 'The primary one is who somebody is here; it can\u2019t change while they are active', {
    type: 'complex',
    multiValued: true,
    subAttributes: [
      attribute('value', 'The address'),
      attribute('type', 'work'),
      attribute('primary', 'Whether it counts', { type: 'boolean' }),
    ],
  }),
  attribute('active', 'false ends everything of the person at once', { type: 'boolean' }),
  attribute('groups', 'The groups the person is in', {
    ...{ type: 'complex', multiValued: true, ...readOnly },
    subAttributes: [
      attribute('value', 'The group\u2019s id', readOnly),
      attribute('display', 'The group\u2019s name', readOnly),
    ],
  }),
];

const groupAttributes = [
  attribute('displayName', 'The group\u2019s name, unique', { required: true, uniqueness: 'server' }),
  attribute('members', 'The users in it', {
    ...{ type: 'complex', multiValued: true },
    subAttributes: [
      attribute('value', 'The user\u2019s id', { mutability: 'immutable' }),
      attribute('display', 'The user\u2019s name', readOnly),
    ],
  }),
];

export const schemas = (base: string) =>
  [
    { id: USER_SCHEMA, name: 'User', attributes: userAttributes },
    { id: GROUP_SCHEMA, name: 'Group', attributes: groupAttributes },
  ].map((schema) => ({
    schemas: [`${SCHEMAS}:Schema`],
    ...schema,
    meta: { resourceType: 'Schema', location: `${base}/Schemas/${schema.id}` },
  }));
