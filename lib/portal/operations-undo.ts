// Operations on what was kept before calls changed or deleted something: what there is, what putting it back would do, and doing it.
import { z } from 'zod';
import { AppError } from '../errors';
import type { Back } from '../undo/compare-parts';
import { listKept, readContents, requireKept, type BundleRow } from '../undo/list';
import { previewRestore, restore } from '../undo/restore';
import { UNDO_TOOLS } from '../undo/what-is-there';
import { operation, type Context } from './operation';
import { EVERYONE, instant, uuid } from './schemas';

const kept = z.object({
  /** Of the call's audit record. */
  id: uuid,
  tool: z.enum(UNDO_TOOLS),
  member: z.object({ email: z.string(), name: z.string() }),
  /** Tasks and projects in it. */
  things: z.number(),
  state: z.enum(['kept', 'restoring', 'restored', 'broken_off']),
  keptAt: instant,
  expiresAt: instant,
  begunAt: instant.nullable(),
  begunBy: z.string().nullable(),
  isOwn: z.boolean(),
  /** Whether the caller reads what was there; others than the person only where the organization keeps arguments. */
  mayRead: z.boolean(),
  hindrance: z.enum(['no_connection', 'not_made', 'used', 'role']).nullable(),
});
const thing = { kind: z.enum(['task', 'project']), gid: z.string(), title: z.string().nullable() };
const preview = z.object({
  items: z.array(
    z.object({
      ...thing,
      state: z.enum(['differs', 'same', 'gone', 'new']),
      changes: z.array(
        z.object({
          what: z.string(),
          /** Null for whoever may not read it. */
          was: z.string().nullable(),
          now: z.string().nullable(),
          changedSince: z.boolean(),
        }),
      ),
      lost: z.array(z.string()),
    }),
  ),
  changedSince: z.boolean(),
  /** To be sent back with the confirmation; stands for exactly what is shown. */
  confirm: z.string(),
  tools: z.array(z.string()),
});
const restored = z.object({
  items: z.array(
    z.object({
      ...thing,
      result: z.enum(['back', 'not_back', 'unknown']),
      why: z.string().nullable(),
      newGid: z.string().nullable(),
    }),
  ),
  calls: z.array(uuid),
});
const idPath = z.object({ id: z.string().max(100) });

function viewerOf({ member, role }: Context) {
  if (!member) throw new AppError('forbidden');
  return { memberId: member.id, role };
}

/** The row of a call that the caller may know of; ids that are none can't be anybody's. */
function rowOf(context: Context, { id }: { id: string }): Promise<BundleRow> {
  if (!uuid.safeParse(id).success) throw new AppError('not_found');
  return requireKept(context.tx, context.actor.organizationId, viewerOf(context), id.toLowerCase());
}

/** What somebody else than the person reads of it: how much, but not what. */
const shown = (items: Back[], { mayRead }: BundleRow) =>
  items.map((item) => ({
    ...item,
    title: mayRead ? item.title : null,
    lost: mayRead ? item.lost : [...new Set(item.lost.map(hiddenLoss))],
    changes: item.changes.map((change) =>
      mayRead ? change : { ...change, what: hidden(change.what), was: null, now: null },
    ),
  }));

/** So are names in what does not come back. */
const hiddenLoss = (sentence: string) =>
  /^(?:The c|C)ustom field/.test(sentence) ? 'A custom field does not come back.' : sentence;

/** Names of projects and custom fields are the person's own, too. */
const hidden = (what: string) =>
  /^Project /.test(what) ? 'Project' : KNOWN_PARTS.includes(what) ? what : 'Custom field';
const KNOWN_PARTS = [
  ...[
    'Name',
    'Description',
    'Assignee',
    'Owner',
    'Dates',
    'Due',
    'State',
    'Parent task',
    'Projects',
    'Waits for',
  ],
  ...['Others wait', 'Followers', 'Members', 'Custom fields of the project', 'Section', 'Removed sections'],
  ...['Added sections', 'Color', 'Icon', 'View', 'Who can see it', 'Access of new members', 'Archived'],
];

export const undoOperations = {
  'GET /undo': operation({
    summary:
      'Calls of which is kept what was there before, newest first, the last 200: my own agents\u2019, and everybody\u2019s for admins and auditors',
    who: EVERYONE,
    keys: false,
    effect: 'read',
    query: z.object({
      /** Only that of the call with this audit record. */
      id: uuid.optional(),
    }),
    answer: z.object({ bundles: z.array(kept) }),
    run: async (context, { query }) => ({
      bundles: await listKept(context.tx, context.actor.organizationId, viewerOf(context), query.id),
    }),
  }),
  'GET /undo/{id}': operation({
    summary: 'One of them, by the id of the call\u2019s audit record',
    who: EVERYONE,
    keys: false,
    effect: 'read',
    path: idPath,
    answer: kept,
    run: (context, { path }) => rowOf(context, path),
  }),
  'POST /undo/{id}/contents': operation({
    summary:
      'What was there before, as JSON; read by somebody else than the person only where arguments are kept, and then on record',
    who: EVERYONE,
    keys: false,
    effect: 'change',
    path: idPath,
    answer: z.object({ text: z.string() }),
    run: async (context, { path }) => readContents(context.tx, context.actor, await rowOf(context, path)),
  }),
  'POST /undo/{id}/preview': operation({
    summary:
      'What putting it back would change, compared with what is at Asana now, and what can\u2019t come back',
    who: EVERYONE,
    keys: false,
    effect: 'outside',
    path: idPath,
    answer: preview,
    run: async (context, { path }) => {
      const row = await rowOf(context, path);
      const looked = await previewRestore(context.actor, row);
      return { ...looked, items: shown(looked.items, row) };
    },
  }),
  'POST /undo/{id}/restore': operation({
    summary:
      'Put it back, once, as calls of the person whose call it was; confirm (of the preview) is needed where somebody changed it since',
    who: EVERYONE,
    keys: false,
    effect: 'outside',
    path: idPath,
    body: z.object({ confirm: z.string().max(100).optional() }),
    answer: restored,
    run: async (context, { path, body }) => {
      const row = await rowOf(context, path);
      const done = await restore({ ...context.actor, memberEmail: context.member!.email }, row, body.confirm);
      return {
        ...done,
        items: done.items.map((item) => (row.mayRead ? item : { ...item, title: null, why: null })),
      };
    },
  }),
};
