// What saving would change and whom it affects, in view until it is saved or discarded. A stale save says what happened.
'use client';
import Minus from 'lucide-react/icons/minus';
import Plus from 'lucide-react/icons/plus';
import type { ReactNode } from 'react';
import { count, toolClasses, type ToolLine } from '../tools/words';
import { Badge } from '../ui/badge';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import type { Changes } from './draft';

/** `people` is how many are in the group after saving. */
export function PendingChanges({
  changes,
  tools,
  people,
  pending,
  blocked,
  stale,
  problem,
  replay,
  onSave,
  onDiscard,
  onReload,
}: {
  changes: Changes;
  tools: readonly ToolLine[];
  people: number;
  pending: boolean;
  blocked: boolean;
  stale: boolean;
  problem: ReactNode;
  /** What the changes would have done to the calls of the last days. */
  replay: ReactNode;
  onSave: () => void;
  onDiscard: () => void;
  onReload: (keep: boolean) => void;
}) {
  if (!changes.any && !stale) return null;
  return (
    <section
      aria-label="Unsaved changes"
      className="bar-below bg-raised shadow-raised rounded-box sticky bottom-4 z-10 max-h-[60dvh] overflow-y-auto p-4"
    >
      {problem}
      {stale ? (
        <Callout
          tone="warn"
          live
          title="Somebody else changed this group while you were editing"
          actions={
            <>
              <Button size="sm" variant="primary" loading={pending} onClick={() => onReload(true)}>
                Load theirs, keep my changes
              </Button>
              <Button size="sm" onClick={() => onReload(false)}>
                Load theirs, drop mine
              </Button>
            </>
          }
        >
          Nothing was saved, so nothing of theirs is lost. Load what they saved; your ticks can be put on top
          of it for you to check and save.
        </Callout>
      ) : (
        <>
          <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
            <div className="min-w-0 flex-1 basis-64">
              <h2 className="text-sm font-medium">{summary(changes, people)}</h2>
              <ChangeList changes={changes} tools={tools} />
            </div>
            <div className="order-last w-full">{replay}</div>
            <div className="flex gap-2">
              <Button onClick={onDiscard}>Discard</Button>
              <Button variant="primary" loading={pending} disabled={blocked} onClick={onSave}>
                Save changes
              </Button>
            </div>
          </div>
        </>
      )}
    </section>
  );
}

function summary({ tools, members, rules, approvals, writeSafety, undo }: Changes, people: number): string {
  const gives = count(tools.added.length, 'tool');
  const takes = count(tools.removed.length, 'tool');
  const whom = people === 0 ? 'nobody yet, for the group is empty' : count(people, 'person', 'people');
  const parts = [
    tools.added.length > 0 && tools.removed.length > 0
      ? `gives ${gives} to ${whom}, takes ${takes} away`
      : tools.added.length > 0
        ? `gives ${gives} to ${whom}`
        : tools.removed.length > 0 && `takes ${takes} from ${whom}`,
    members.added.length > 0 && `adds ${count(members.added.length, 'person', 'people')}`,
    members.removed.length > 0 && `removes ${count(members.removed.length, 'person', 'people')}`,
    rules.added.length + rules.removed.length > 0 &&
      'changes the rules on arguments, in force for the next call of everybody in the group',
    approvals.added.length + approvals.removed.length > 0 &&
      'changes what waits for an approval; what waits through this group now ends',
    writeSafety.added.length + writeSafety.removed.length > 0 &&
      'changes the write safety, in force for the next write of everybody in the group',
    undo.added.length + undo.removed.length > 0 &&
      'changes for how long what was there before is kept, from the next call on',
  ].filter(Boolean);
  return parts.length > 0 ? `Saving ${parts.join('; ')}.` : 'Unsaved changes';
}

function ChangeList({ changes, tools }: { changes: Changes; tools: readonly ToolLine[] }) {
  const classOf = new Map(tools.map((tool) => [tool.name, toolClasses.find(({ id }) => id === tool.class)!]));
  const entries = [
    ...(changes.name === null
      ? []
      : [{ added: true, text: `name “${changes.name}”`, mono: false, note: null }]),
    ...differences(changes.tools).map((entry) => ({
      ...entry,
      mono: true,
      note: classOf.get(entry.text) ?? null,
    })),
    ...differences(changes.members).map((entry) => ({ ...entry, mono: false, note: null })),
    ...differences(changes.methods).map((entry) => ({ ...entry, mono: true, note: null })),
    ...differences(changes.rules).map((entry) => ({ ...entry, mono: false, note: null })),
    ...differences(changes.approvals).map((entry) => ({ ...entry, mono: false, note: null })),
    ...differences(changes.writeSafety).map((entry) => ({ ...entry, mono: false, note: null })),
    ...differences(changes.undo).map((entry) => ({ ...entry, mono: false, note: null })),
  ];
  return (
    <ul className="mt-1.5 flex flex-wrap gap-x-4 gap-y-1 text-sm">
      {entries.map(({ added, text, mono, note }) => (
        <li key={`${added} ${text}`} className="flex min-w-0 items-center gap-1.5">
          {added ? (
            <Plus aria-hidden="true" className="text-success size-3.5 shrink-0" />
          ) : (
            <Minus aria-hidden="true" className="text-danger size-3.5 shrink-0" />
          )}
          <span className="sr-only">{added ? 'adds' : 'removes'}</span>
          <span className={mono ? 'font-mono text-xs [overflow-wrap:anywhere]' : '[overflow-wrap:anywhere]'}>
            {text}
          </span>
          {note && note.id !== 'read' && <Badge tone={note.tone}>{note.title}</Badge>}
        </li>
      ))}
    </ul>
  );
}

function differences({ added, removed }: { added: string[]; removed: string[] }) {
  return [
    ...added.map((text) => ({ added: true, text })),
    ...removed.map((text) => ({ added: false, text })),
  ];
}
