// Which Asana account may be connected: decided on exact addresses; what Asana did not say is not allowed.
import { describe, expect, test } from 'vitest';
import {
  accountRefusal,
  lowerAscii,
  renewalRefusal,
  type AccountRule,
  type Identity,
} from '@/lib/asana/account-rule';

const rule: AccountRule = {
  asanaEmail: 'same',
  memberEmail: 'kim@example.com',
  listedEmails: ['kim.extra@example.com'],
  workspaceGids: null,
};
const works = { gid: '1', name: 'Works' };
const identity: Identity = { email: 'kim@example.com', userGid: '10', workspace: works };

describe('OC-06: the account rule', () => {
  test('same: the member’s own address in any ASCII case, nothing else', () => {
    for (const email of ['kim@example.com', 'KIM@Example.COM'])
      expect(accountRefusal(rule, { ...identity, email })).toBeNull();
    expect(accountRefusal({ ...rule, memberEmail: 'Kim@example.com' }, identity)).toBeNull();
    for (const email of ['tim@example.com', 'kim.extra@example.com', 'kim@example.com.evil.example'])
      expect(accountRefusal(rule, { ...identity, email })).toBe('account_differs');
  });

  test.each([
    ['Kelvin sign, which toLowerCase turns into k', '\u212Aim@example.com'],
    ['dotless i', 'k\u0131m@example.com'],
    ['Cyrillic i', 'k\u0456m@example.com'],
    ['full width', '\uFF4Bim@example.com'],
    ['a space in front', ' kim@example.com'],
    ['a zero-width space', 'kim\u200B@example.com'],
    ['a no-break space behind', 'kim@example.com\u00A0'],
    ['a plus address', 'kim+x@example.com'],
    ['a dot behind', 'kim@example.com.'],
    ['a decomposed accent', 'ki\u0301m@example.com'],
    ['nothing', ''],
  ])('an address that merely looks like it is another: %s', (_, email) => {
    for (const asanaEmail of ['same', 'listed'] as const)
      expect(
        accountRefusal({ ...rule, asanaEmail, listedEmails: [rule.memberEmail] }, { ...identity, email }),
      ).toBe('account_differs');
  });

  test('listed: only the listed addresses; the member’s own must be listed too', () => {
    const listed = { ...rule, asanaEmail: 'listed' as const };
    expect(accountRefusal(listed, { ...identity, email: 'Kim.Extra@example.com' })).toBeNull();
    expect(accountRefusal(listed, identity)).toBe('account_differs');
    expect(accountRefusal({ ...listed, listedEmails: [] }, identity)).toBe('account_differs');
  });

  test('an account without an address is refused by same and listed, and taken by any', () => {
    const nobody = { ...identity, email: null };
    expect(accountRefusal(rule, nobody)).toBe('account_unknown');
    expect(accountRefusal({ ...rule, asanaEmail: 'listed' }, nobody)).toBe('account_unknown');
    expect(accountRefusal({ ...rule, asanaEmail: 'any' }, nobody)).toBeNull();
  });
});

test('OC-07: a pinned workspace is taken; another, or one that Asana did not name, is refused', () => {
  const pinned = { ...rule, workspaceGids: ['1', '2'] };
  expect(accountRefusal(pinned, identity)).toBeNull();
  expect(accountRefusal(pinned, { ...identity, workspace: { gid: '3', name: 'Works' } })).toBe(
    'workspace_differs',
  );
  expect(accountRefusal(pinned, { ...identity, workspace: null })).toBe('workspace_unknown');
  expect(accountRefusal({ ...pinned, workspaceGids: [] }, identity)).toBe('workspace_differs');
  expect(accountRefusal(rule, { ...identity, workspace: null })).toBeNull();
});

describe('OC-06: a connection is renewed', () => {
  test('by the same user id, even below another address', () => {
    expect(renewalRefusal(identity, { ...identity, email: 'kim.new@example.com' })).toBeNull();
    expect(renewalRefusal(identity, { ...identity, userGid: '11' })).toBe('account_changed');
  });

  test('by the same address where a user id is missing', () => {
    const unnamed = { ...identity, userGid: null };
    expect(renewalRefusal(unnamed, identity)).toBeNull();
    expect(renewalRefusal(unnamed, { ...identity, email: 'tim@example.com' })).toBe('account_changed');
  });

  test('not where nothing says that it is the same', () => {
    const nobody = { ...identity, email: null, userGid: null };
    expect(renewalRefusal(nobody, nobody)).toBe('account_changed');
    expect(renewalRefusal(nobody, identity)).toBe('account_changed');
  });

  test('in the same workspace', () => {
    expect(renewalRefusal(identity, { ...identity, workspace: { gid: '2', name: 'Works' } })).toBe(
      'workspace_changed',
    );
    expect(renewalRefusal({ ...identity, workspace: null }, identity)).toBeNull();
  });
});

test('lower case is that of ASCII letters only', () => {
  expect(lowerAscii('AZaz09@\u00C4\u212A')).toBe('azaz09@\u00C4\u212A');
});
