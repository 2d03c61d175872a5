// The matrix's draft, merge, pairs and presets: what is saved is what was ticked, and nobody's change is lost.
import { describe, expect, test } from 'vitest';
import { acceptOptions, effectWords } from '@/components/requests/accept-options';
import { remediesFor, type Explanation } from '@/components/explain/remedies';
import { bandText, cellName, columnsOf, HALF, PENDING, rowText, TICKED } from '@/components/matrix/cells';
import {
  applyPreset,
  changesOf,
  emptyDraft,
  fromText,
  inverseOf,
  onto,
  setTools,
  sizeOf,
  toText,
} from '@/components/matrix/draft';
import { cellKey, conflictsOf, mergeOf, resolved } from '@/components/matrix/merge';
import {
  filterOf,
  queryOf,
  sectionsOf,
  shownTools,
  summaryOf,
  type MatrixGroup,
  type MatrixTool,
} from '@/components/matrix/model';
import { neededBy, offerAfter, pairsOf, powersOf } from '@/components/matrix/pairs';
import { recordedTools } from '@/lib/catalogue/recorded-tools';

const tool = (name: string, part: Partial<MatrixTool> = {}): MatrixTool => ({
  ...{ name, title: null, class: 'read', status: 'reviewed', blocked: false, groups: [], tokens: 100 },
  ...{ hints: [], summary: null, powers: [] },
  ...part,
});
const group = (slug: string, tools: string[], part: Partial<MatrixGroup> = {}): MatrixGroup => ({
  ...{ slug, name: slug, version: 1, people: 3, tools },
  ...part,
});
const tools = [
  tool('get_me'),
  tool('create_task_preview_v4'),
  tool('create_tasks', { class: 'write' }),
  tool('delete_task', { class: 'destructive' }),
  tool('create_task_confirm', { class: 'internal' }),
];
const pairs = pairsOf(tools);
const known = new Set(tools.map(({ name }) => name));

describe('the draft', () => {
  test('holds only what differs, so that a tick taken back is no change', () => {
    const sales = group('sales', ['get_me']);
    const ticked = setTools(emptyDraft, sales, ['create_tasks', 'get_me'], true);
    expect(changesOf([sales], ticked)).toEqual([
      { slug: 'sales', version: 1, add: ['create_tasks'], remove: [] },
    ]);
    const back = setTools(ticked, sales, ['create_tasks'], false);
    expect(changesOf([sales], back)).toEqual([]);
    expect(sizeOf(back)).toEqual({ cells: 0, groups: 0 });
  });

  test('sends each group once, with its version, what to add and what to remove', () => {
    const groups = [group('a', ['get_me'], { version: 7 }), group('b', []), group('c', [])];
    let draft = setTools(emptyDraft, groups[0]!, ['get_me'], false);
    draft = setTools(draft, groups[0]!, ['delete_task'], true);
    draft = setTools(draft, groups[1]!, ['create_tasks'], true);
    expect(changesOf(groups, draft)).toEqual([
      { slug: 'a', version: 7, add: ['delete_task'], remove: ['get_me'] },
      { slug: 'b', version: 1, add: ['create_tasks'], remove: [] },
    ]);
    expect(sizeOf(draft)).toEqual({ cells: 3, groups: 2 });
  });

  test('is undone by its inverse with the versions that saving gave', () => {
    const change = { slug: 'a', version: 7, add: ['x'], remove: ['y'] };
    expect(inverseOf([change], [{ slug: 'a', version: 8 }])).toEqual([
      { slug: 'a', version: 8, add: ['y'], remove: ['x'] },
    ]);
  });

  test('survives being kept as text, and anything else reads as empty', () => {
    const sales = group('sales', []);
    const draft = applyPreset(emptyDraft, sales, 'read', tools);
    expect(fromText(toText(draft))).toEqual(draft);
    for (const text of [null, '', '{}', '{"cells":3}', 'null']) expect(fromText(text)).toEqual(emptyDraft);
  });

  test('laid on other groups drops what stands already, groups that are gone and tools that are unknown', () => {
    const before = [group('a', []), group('gone', [])];
    let draft = setTools(emptyDraft, before[0]!, ['get_me', 'create_tasks', 'no_such'], true);
    draft = setTools(draft, before[1]!, ['get_me'], true);
    const fresh = [group('a', ['get_me'], { version: 2 })];
    expect(changesOf(fresh, onto(draft, fresh, known))).toEqual([
      { slug: 'a', version: 2, add: ['create_tasks'], remove: [] },
    ]);
  });
});

describe('presets', () => {
  test('read-only leaves exactly the open readers, and takes the rest away', () => {
    const sales = group('sales', ['delete_task', 'create_tasks']);
    const [change] = changesOf([sales], applyPreset(emptyDraft, sales, 'read', tools));
    expect(change).toMatchObject({
      add: ['get_me', 'create_task_preview_v4'],
      remove: ['create_tasks', 'delete_task'],
    });
  });

  test('tick nothing that is blocked or waits for review', () => {
    const sales = group('sales', []);
    const closed = [tool('a', { blocked: true }), tool('b', { status: 'new' }), tool('c')];
    expect(changesOf([sales], applyPreset(emptyDraft, sales, 'everything', closed))[0]!.add).toEqual(['c']);
  });
});

describe('pairs', () => {
  test('are found in the recorded catalogue: each create preview and the tools behind its button', () => {
    const { needs, serves } = pairsOf(recordedTools() as { name: string }[]);
    expect(Object.fromEntries(needs)).toEqual({
      create_task_preview_v4: ['create_task_confirm'],
      create_project_preview_v3: ['create_project_confirm', 'create_project_confirm_populate'],
    });
    expect(serves.get('create_task_confirm')).toEqual(['create_task_preview_v4']);
  });

  test('hold over the versions that a preview’s name has gone through', () => {
    for (const name of ['create_task_preview', 'create_task_preview_v2', 'create_task_preview_v11'])
      expect(neededBy(name, tools)).toEqual(['create_task_confirm']);
    expect(neededBy('search_tasks_preview', tools)).toEqual([]);
  });

  test('say what the inner tool can do, deletions at any depth of its arguments included', () => {
    const powers = new Map(
      (recordedTools() as { name: string; inputSchema?: unknown }[]).map((each) => [
        each.name,
        powersOf(each),
      ]),
    );
    expect(powers.get('create_task_confirm')).toEqual(['creates tasks']);
    expect(powers.get('save_project_changes_confirm')).toEqual([
      'changes projects',
      expect.stringMatching(/^deletes .*tasks.*$/),
    ]);
    expect(powers.get('save_project_changes_confirm')![1]).toContain('sections');
    expect(powers.get('get_me')).toEqual([]);
  });

  test('are offered, never ticked unasked: a preview without its button’s tool, and the other way round', () => {
    const cells = [{ tool: 'create_task_preview_v4', group: 'a' }];
    const none = () => false;
    expect(offerAfter(cells, true, none, pairs)).toMatchObject({
      kind: 'preview_lacks_confirm',
      on: true,
      tools: ['create_task_confirm'],
      groups: ['a'],
    });
    expect(offerAfter(cells, true, () => true, pairs)).toBeNull();
    expect(offerAfter([{ tool: 'create_task_confirm', group: 'a' }], false, () => true, pairs)).toMatchObject(
      { kind: 'confirm_left_preview', on: false, tools: ['create_task_preview_v4'] },
    );
    expect(offerAfter([{ tool: 'create_task_confirm', group: 'a' }], true, none, pairs)).toMatchObject({
      kind: 'confirm_lacks_preview',
      on: true,
    });
    expect(offerAfter([{ tool: 'get_me', group: 'a' }], true, none, pairs)).toBeNull();
  });
});

describe('the merge of two admins’ changes', () => {
  const merged = (draft: typeof emptyDraft, base: MatrixGroup[], fresh: MatrixGroup[]) => {
    const merge = mergeOf(base, fresh, draft, tools, pairs);
    const decide = (decided = new Map<string, boolean>()) =>
      changesOf(fresh, resolved(merge, fresh, draft, known, decided));
    return { merge, decide };
  };

  test('keeps both: yours goes on top of theirs, with their version', () => {
    const base = [group('sales', ['get_me'])];
    const fresh = [group('sales', ['get_me', 'delete_task'], { version: 2 })];
    const { merge, decide } = merged(setTools(emptyDraft, base[0]!, ['create_tasks'], true), base, fresh);
    expect(conflictsOf(merge)).toEqual([]);
    expect(merge.groups[0]!.cells).toEqual([
      expect.objectContaining({ tool: 'create_tasks', yours: true, theirs: false, result: true }),
      expect.objectContaining({ tool: 'delete_task', yours: false, theirs: true, result: true }),
    ]);
    expect(decide()).toEqual([{ slug: 'sales', version: 2, add: ['create_tasks'], remove: [] }]);
  });

  test('drops what both did alike', () => {
    const base = [group('sales', [])];
    const fresh = [group('sales', ['get_me'], { version: 2 })];
    const { decide } = merged(setTools(emptyDraft, base[0]!, ['get_me'], true), base, fresh);
    expect(decide()).toEqual([]);
  });

  test('leaves groups alone that nobody else touched', () => {
    const base = [group('sales', []), group('ops', [])];
    const fresh = [group('sales', ['get_me'], { version: 2 }), base[1]!];
    let draft = setTools(emptyDraft, base[0]!, ['create_tasks'], true);
    draft = setTools(draft, base[1]!, ['create_tasks'], true);
    const { merge, decide } = merged(draft, base, fresh);
    expect(merge.groups.map(({ slug }) => slug)).toEqual(['sales']);
    expect(decide().map(({ slug, version }) => [slug, version])).toEqual([
      ['sales', 2],
      ['ops', 1],
    ]);
  });

  test('asks where you made a group read-only and they added a tool that deletes', () => {
    const base = [group('sales', ['create_tasks'])];
    const fresh = [group('sales', ['create_tasks', 'delete_task'], { version: 2 })];
    const { merge, decide } = merged(applyPreset(emptyDraft, base[0]!, 'read', tools), base, fresh);
    const [conflict] = conflictsOf(merge);
    expect(conflict).toMatchObject({ tool: 'delete_task', conflict: { kind: 'preset' } });
    expect(decide(new Map([[cellKey(conflict!), false]]))[0]!.remove).toContain('delete_task');
    expect(decide(new Map([[cellKey(conflict!), true]]))[0]!.remove).not.toContain('delete_task');
  });

  test('asks where you ticked a preview and they took away the tool behind its button', () => {
    const base = [group('sales', ['create_task_confirm'])];
    const fresh = [group('sales', [], { version: 2 })];
    const draft = setTools(emptyDraft, base[0]!, ['create_task_preview_v4'], true);
    const { merge, decide } = merged(draft, base, fresh);
    const [conflict] = conflictsOf(merge);
    expect(conflict).toMatchObject({ tool: 'create_task_confirm', conflict: { kind: 'pair' } });
    expect(decide(new Map([[cellKey(conflict!), true]]))[0]!.add.sort()).toEqual([
      'create_task_confirm',
      'create_task_preview_v4',
    ]);
  });

  test('says what can’t be saved any more: a deleted group, a vanished tool', () => {
    const base = [group('gone', []), group('sales', [])];
    let draft = setTools(emptyDraft, base[0]!, ['get_me'], true);
    draft = setTools(draft, base[1]!, ['vanished'], true);
    const { merge, decide } = merged(draft, base, [base[1]!]);
    expect(merge.gone).toEqual([{ slug: 'gone', name: 'gone', tools: ['get_me'] }]);
    expect(merge.lost).toEqual(['vanished']);
    expect(decide()).toEqual([]);
  });

  test('tells when other people than you saw would be reached', () => {
    const base = [group('sales', [], { people: 3 })];
    const fresh = [group('sales', [], { people: 14, version: 2 })];
    const { merge } = merged(setTools(emptyDraft, base[0]!, ['get_me'], true), base, fresh);
    expect(merge.groups[0]).toMatchObject({ cells: [{ tool: 'get_me' }], people: { before: 3, now: 14 } });
  });
});

describe('what is shown', () => {
  test('a cell says tool, group, state and that it is pending', () => {
    const [first] = tools;
    expect(cellName(first!, 'Sales', TICKED + PENDING)).toBe('get_me, Sales, allowed, pending');
    expect(cellName(first!, 'Sales', 0)).toBe('get_me, Sales, not allowed');
    expect(cellName({ ...first!, blocked: true }, 'Sales', TICKED)).toBe(
      'get_me, Sales, allowed, but blocked',
    );
    expect(cellName({ ...first!, status: 'new' }, 'Sales', TICKED)).toContain('but waiting for review');
    expect(cellName(first!, 'Sales', TICKED + HALF, ['x'])).toContain('without x');
  });

  test('rows and sections follow the draft, and a preview without its button’s tool is marked', () => {
    const groups = [group('a', ['get_me']), group('b', [])];
    const draft = setTools(emptyDraft, groups[1]!, ['create_task_preview_v4', 'get_me'], true);
    const columns = columnsOf(groups, draft);
    expect(rowText('get_me', columns, pairs)).toBe(`${TICKED}${TICKED + PENDING}`);
    expect(rowText('create_task_preview_v4', columns, pairs)).toBe(`0${TICKED + PENDING + HALF}`);
    expect(bandText(tools.slice(0, 2), columns)).toBe('21');
  });

  test('what waits for review stands on top, then what nobody can class, then by risk', () => {
    const mixed = [
      tool('d', { class: 'destructive' }),
      tool('u', { class: 'unknown' }),
      tool('r'),
      tool('n', { class: 'unknown', status: 'new' }),
      tool('c', { status: 'changed' }),
    ];
    expect(sectionsOf(mixed).map(({ id, tools: own }) => [id, own.map(({ name }) => name)])).toEqual([
      ['waiting', ['n', 'c']],
      ['unknown', ['u']],
      ['read', ['r']],
      ['destructive', ['d']],
    ]);
  });

  test('the filter survives the URL, and nonsense in the URL filters nothing', () => {
    const filter = filterOf({ q: 'task', class: 'write', status: 'review', groups: 'a,b' });
    expect(filterOf(Object.fromEntries(queryOf(filter)))).toEqual(filter);
    expect(filterOf({ class: 'constructor', status: '<', q: ['a', 'b'] })).toEqual({
      search: '',
      toolClass: 'all',
      status: 'all',
      groups: null,
    });
    expect(shownTools(tools, { ...filterOf({}), search: 'DELETE' }).map(({ name }) => name)).toEqual([
      'delete_task',
    ]);
  });

  test('a description is cut to its first sentence', () => {
    expect(summaryOf('Gets a task. More follows.')).toBe('Gets a task.');
    expect(summaryOf(`${'long '.repeat(60)}`)!.length).toBeLessThanOrEqual(140);
    expect(summaryOf(null)).toBeNull();
  });
});

describe('accepting a request', () => {
  const ask = { tool: 'delete_task', member: { email: 'ben@example.com' } };
  const of = (slug: string, tools_: string[], members: string[]) => ({
    slug,
    name: slug,
    tools: tools_,
    members,
  });

  test('offers the group that changes least first, and says what each changes for whom', () => {
    const options = acceptOptions(ask, [
      of('everyone', ['get_me'], ['ben@example.com', 'ana@example.com', 'cleo@example.com']),
      of('leads', ['get_me', 'delete_task', 'update_tasks'], ['cleo@example.com']),
      of('far', [], ['ana@example.com']),
    ]);
    expect(options.map(({ slug, kind, alsoGets, others }) => [slug, kind, alsoGets, others])).toEqual([
      ['far', 'both', [], 1],
      ['leads', 'join', ['update_tasks'], 0],
      ['everyone', 'tick', [], 2],
    ]);
    expect(effectWords(options[1]!, 'delete_task', 'Ben')).toBe(
      'Ben joins leads. Joining leads also gives Ben update_tasks.',
    );
    expect(effectWords(options[2]!, 'delete_task', 'Ben')).toBe(
      'everyone gets delete_task. 2 other people in everyone may use delete_task, too.',
    );
  });

  test('a group that has both already is no way to accept', () => {
    expect(acceptOptions(ask, [of('x', ['delete_task'], ['ben@example.com'])])).toEqual([]);
  });
});

describe('what to do about a refusal', () => {
  const refusal = (part: Partial<Explanation>): Explanation => ({
    member: { email: 'ben@example.com', name: 'Ben' },
    token: null,
    tool: { name: 'delete_task', title: null, class: 'destructive', status: 'reviewed', blocked: false },
    toolName: 'delete_task',
    allowed: false,
    reason: 'not_in_group',
    sentence: '',
    checks: [{ id: 'groups', passed: false, message: '', change: null }],
    groups: [{ slug: 'everyone', name: 'Everyone', hasTool: false, rules: [], change: null }],
    candidates: [{ slug: 'leads', name: 'Leads' }],
    request: null,
    record: null,
    ...part,
  });

  test('names the cell to tick and the group to join', () => {
    expect(remediesFor(refusal({})).map(({ href }) => href)).toEqual([
      '/admin/tools?tool=delete_task&group=everyone',
      '/admin/groups/leads',
    ]);
  });

  test('leads to the request where one is open, and to review and unblocking where those fail', () => {
    const id = '00000000-0000-4000-8000-000000000000';
    const checks: Explanation['checks'] = [
      { id: 'blocked', passed: false, message: '', change: null },
      { id: 'review', passed: false, message: '', change: null },
    ];
    const remedies = remediesFor(refusal({ checks, request: { id, status: 'open', at: '' } }));
    expect(remedies.map(({ href }) => href)).toEqual([
      `/admin/requests#${id}`,
      '/admin/tools/delete_task',
      '/admin/tools/delete_task',
    ]);
  });

  test('offers nothing for what is allowed', () => {
    expect(remediesFor(refusal({ allowed: true }))).toEqual([]);
  });
});
