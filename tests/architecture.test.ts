// The rules of the house hold in every file, and each rule is shown to fail where it is broken.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as rules from './support/architecture';
import { parseSource, type Source } from './support/source';

const isSource = (path: string) => /\.[cm]?[jt]sx?$/.test(path) && !path.startsWith(join('lib', 'generated'));
const filesIn = (folder: string) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
    : [];
const rootFiles = readdirSync('.').filter((name) => isSource(name) && name !== 'next-env.d.ts');
const folders = ['app', 'components', 'lib', 'prisma', 'scripts', 'tests'].flatMap(filesIn);
const sources = [...rootFiles, ...folders]
  .filter((path) => isSource(path) && !path.includes('node_modules'))
  .map((path) => parseSource(path.replaceAll('\\', '/'), readFileSync(path, 'utf8')));

const owners = rules.readOwners(readFileSync('prisma/schema.prisma', 'utf8'));
const ownersOfSample = rules.readOwners('/// Owner: lib/people. One.\nmodel Member {\n  @@map("members")\n}');

/** Each rule with files that break it and files that do not. */
const cases: [name: string, rule: rules.Rule, broken: [string, string][], kept: [string, string][]][] = [
  [
    'imports point down: app and server.ts → gateway → the domains → vault → the base',
    rules.importsPointDown,
    [
      ['lib/vault/a.ts', `import { x } from '@/lib/people/members';`],
      ['lib/people/a.ts', `import type { X } from '../gateway/admit';`],
      ['lib/gateway/a.ts', `export * from "../portal/operation";`],
      ['lib/gateway/a.ts', `const page = await import('../../app/page');`],
      ['lib/db.ts', `type X = import('./vault/seal').X;`],
      ['lib/audit/a.ts', `import seal = require('@/server');`],
      ['lib/audit/a.ts', 'await import(`../../components/${name}`);'],
      ['lib/newcomer/a.ts', ''],
      ['components/a.tsx', `import { x } from '@/app/page';`],
    ],
    [
      ['lib/gateway/a.ts', `import { x } from '../vault/vault'; // import '../portal/operation'`],
      ['app/page.tsx', `import { x } from '@/lib/gateway/admit'; export default () => <b>{x}</b>;`],
    ],
  ],
  [
    'asana, oauth and people do not import each other',
    rules.strangersStayApart,
    [['lib/oauth/a.ts', `import { x } from '../people/members';`]],
    [['lib/oauth/a.ts', `import { x } from './adapter'; import { y } from '../audit/append';`]],
  ],
  [
    'the sandbox shares no code with the product, and the product does not know it',
    rules.sandboxStandsAlone,
    [
      ['lib/sandbox/a.ts', `import { x } from '../http';`],
      ['lib/sandbox/a.ts', `import { z } from 'zod';`],
      ['lib/gateway/a.ts', `import { x } from '@/lib/sandbox/world';`],
      ['server.ts', `const x = await import('./lib/sandbox/main');`],
    ],
    [
      ['lib/sandbox/a.ts', `import 'fs'; import { x } from '../catalogue/recorded-tools'; import './world';`],
      ['scripts/demo.ts', `import { x } from '@/lib/sandbox/main';`],
    ],
  ],
  [
    'nothing in lib but portal imports next, next-auth or react',
    rules.onlyPortalKnowsTheWeb,
    [
      ['lib/people/a.ts', `import { cookies } from 'next/headers';`],
      ['lib/audit/a.ts', `import type { ReactNode } from 'react';`],
    ],
    [['lib/portal/a.ts', `import { cookies } from 'next/headers';`]],
  ],
  [
    'pages and components never reach the database but through lib',
    rules.pagesReadThroughLib,
    [
      ['app/page.tsx', `import { db } from '@/lib/db';`],
      ['components/a.tsx', `import type { Member } from '../lib/generated/prisma/client';`],
    ],
    [['app/page.tsx', `import { members } from '@/lib/people/members';`]],
  ],
  [
    'each table is written by the folder that owns it',
    rules.tablesHaveOneWriter(ownersOfSample),
    [
      ['lib/tokens/a.ts', `await tx.member.updateMany({});`],
      ['lib/gateway/admit.ts', 'await sql`WITH x AS (SELECT 1) UPDATE members SET name = ${name}`;'],
      ['app/page.tsx', `query('DELETE FROM members');`],
    ],
    [
      ['lib/people/a.ts', `await tx.member.delete({});`],
      ['lib/gateway/admit.ts', 'await sql`SELECT * FROM members`; await tx.member.findMany();'],
    ],
  ],
  [
    'process.env is read in lib/env.ts, scripts and tool configurations only',
    rules.oneReaderOfTheEnvironment,
    [
      ['lib/log.ts', `const a = process.env.A;`],
      ['lib/log.ts', `const a = globalThis.process['env'];`],
      ['app/page.tsx', `const { env } = process;`],
      ['server.ts', `import { env } from 'node:process';`],
    ],
    [
      ['lib/env.ts', `const a = process.env.A;`],
      ['next.config.ts', `const a = process.env.A;`],
      ['lib/log.ts', `const a = 'process.env.A'; // process.env`],
    ],
  ],
  [
    "server actions are made by lib/portal's wrapper",
    rules.actionsAreWrapped,
    [
      ['app/actions.ts', `'use server'; export async function save() {}`],
      [
        'app/actions.ts',
        `'use server'; import { act } from '@/lib/people/act'; export const save = act({});`,
      ],
      [
        'app/page.tsx',
        `export default () => { async function save() { 'use server'; } return <form action={save} />; };`,
      ],
    ],
    [
      [
        'app/actions.ts',
        `'use server'; import { act } from '@/lib/portal/act'; export const save = act({});`,
      ],
    ],
  ],
  [
    'policy, the decoder and the seal have no I/O and no clock',
    rules.judgementIsPure,
    [
      ['lib/policy/a.ts', `import { db } from '../db';`],
      ['lib/policy/a.ts', `import { readFileSync } from 'fs';`],
      ['lib/gateway/decode-message.ts', `const at = Date.now();`],
      ['lib/vault/seal.ts', `const at = new Date();`],
      ['lib/vault/seal.ts', `await fetch(url);`],
    ],
    [
      ['lib/vault/seal.ts', `import { createHash } from 'node:crypto'; const at = new Date(milliseconds);`],
      ['lib/gateway/forward.ts', `import { request } from 'undici'; const at = Date.now();`],
    ],
  ],
  [
    'names say what: no index files, no drawers, no fourth level',
    rules.namesSayWhat,
    [
      ['lib/policy/index.ts', ''],
      ['lib/utils/dates.ts', ''],
      ['components/helpers/a.tsx', ''],
      ['lib/asana/tokens/refresh.ts', ''],
      ['tests/gateway/spellings/case.test.ts', ''],
    ],
    [
      ['lib/policy/policy.ts', ''],
      ['app/(portal)/admin/groups/[slug]/page.tsx', ''],
    ],
  ],
];

const problems = (rule: rules.Rule, files: Source[]) => files.flatMap(rule);

describe('in every file', () => {
  for (const [name, rule] of cases) {
    const checked = name.startsWith('each table') ? rules.tablesHaveOneWriter(owners) : rule;
    test(name, () => expect(problems(checked, sources)).toEqual([]));
  }

  test('the rules see the files: every folder of lib, and an owner for every table', () => {
    expect(sources.length).toBeGreaterThan(20);
    const schema = readFileSync('prisma/schema.prisma', 'utf8');
    expect(owners.size).toBe(2 * [...schema.matchAll(/^model /gm)].length);
  });
});

describe('a rule that is broken fails', () => {
  for (const [name, rule, broken, kept] of cases)
    test(name, () => {
      for (const [path, text] of broken)
        expect(rule(parseSource(path, text)), `${path}: ${text}`).not.toEqual([]);
      for (const [path, text] of kept) expect(rule(parseSource(path, text)), `${path}: ${text}`).toEqual([]);
    });
});
