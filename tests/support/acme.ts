// Acme, the smallest company that can call: a gate of its own, Ana with her Asana account in the group Readers, and her agent's token.
import { transaction } from '@/lib/db';
import { updateOrganization } from '@/lib/people/organizations';
import {
  makeGroup,
  makeMember,
  makeOrganization,
  mint,
  startGate,
  type Gate,
  type GateOptions,
  type TestMember,
  type TestOrganization,
} from './gate';
import { startRawUpstream, type RawUpstream } from './raw-upstream';

export interface Acme<Name extends string = never> {
  gate: Gate;
  organization: TestOrganization;
  ana: TestMember;
  /** Ana's agent token, and its id. */
  token: string;
  credentialId: string;
  colleagues: Record<Name, { member: TestMember; token: string }>;
}

export interface AcmeOptions<Name extends string> extends GateOptions {
  /** More Readers, each at Asana as `{name}@example.com`. */
  colleagues?: Name[];
}

/** Starts a gate with Acme behind it; the Readers may use `tools`. */
export async function startAcme<Name extends string = never>(
  tools: string[],
  options: AcmeOptions<Name> = {},
): Promise<Acme<Name>> {
  const gate = await startGate(options);
  const organization = await makeOrganization(gate, 'Acme');
  const join = (name: string) =>
    makeMember(gate, organization, `${name}@acme.example`, { asana: `${name}@example.com` });
  const ana = await join('ana');
  const others: [Name, TestMember][] = [];
  for (const name of options.colleagues ?? []) others.push([name, await join(name)]);
  await makeGroup(organization, 'Readers', tools, [ana, ...others.map(([, member]) => member)]);
  const { id, token } = await mint(ana);
  const colleagues = {} as Acme<Name>['colleagues'];
  for (const [name, member] of others) colleagues[name] = { member, token: (await mint(member)).token };
  return { gate, organization, ana, token, credentialId: id, colleagues };
}

/** A gate without a chainer, and an Asana that answers what a test likes and ends with the gate; `ASANA_MCP_URL` still leads to the sandbox. */
export async function startGateAndRaw(): Promise<{ gate: Gate; raw: RawUpstream }> {
  return besideRaw(await startGate({ chain: false }));
}

/** Acme, and the same. */
export async function startAcmeAndRaw<Name extends string = never>(
  tools: string[],
  colleagues: Name[] = [],
): Promise<Acme<Name> & { raw: RawUpstream }> {
  const acme = await startAcme(tools, { chain: false, colleagues });
  await letToolsDiffer(acme.organization);
  return { ...acme, ...(await besideRaw(acme.gate)) };
}

/** Has tools stay although Asana lists them otherwise than they were reviewed: an Asana that a test makes up tells nothing of its tools. */
export async function letToolsDiffer({ actor }: TestOrganization): Promise<void> {
  await transaction((tx) => updateOrganization(tx, actor, { driftPolicy: 'warn' }));
}

async function besideRaw(gate: Gate): Promise<{ gate: Gate; raw: RawUpstream }> {
  const raw = await startRawUpstream();
  const stop = async () => {
    await gate.stop();
    await raw.close();
  };
  return { gate: { ...gate, stop }, raw };
}

let newcomers = 0;

/** A new member, at Asana as Ana, alone in a group with `tools`; nothing went through the connection yet. */
export async function makeNewcomer(
  gate: Gate,
  organization: TestOrganization,
  tools: string[],
): Promise<TestMember> {
  const n = (newcomers += 1);
  const member = await makeMember(gate, organization, `person${n}@acme.example`, {
    asana: 'ana@example.com',
  });
  await makeGroup(organization, `Group ${n}`, tools, [member]);
  return member;
}
