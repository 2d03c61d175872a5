// Everything that saving would change and whom it reaches, counted by the server, before anything is in force.
'use client';
import { useEffect, useState } from 'react';
import { ApiProblem, call } from '../api';
import { ReplayOfDraft } from '../config/replay';
import { Problem } from '../problem';
import { count } from '../tools/words';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { Dialog, DialogActions } from '../ui/dialog';
import { Skeleton } from '../ui/skeleton';
import { Tabs } from '../ui/tabs';
import type { GroupChange } from './draft';
import type { MatrixGroup, MatrixTool } from './model';
import { listed } from './pairs';
import { sizeWords } from './pending-bar';
import { ByGroup, ByTool, type Preview } from './review-lists';

/** Mount it when it opens. */
export function ReviewDialog({
  changes,
  groups,
  tools,
  pending,
  problem,
  onSave,
  onClose,
}: {
  changes: readonly GroupChange[];
  groups: readonly MatrixGroup[];
  tools: ReadonlyMap<string, MatrixTool>;
  pending: boolean;
  problem: ApiProblem | null;
  onSave: () => void | Promise<void>;
  onClose: () => void;
}) {
  const { preview, fault } = usePreview(changes);
  const names = new Map(groups.map(({ slug, name }) => [slug, name]));
  const cells = changes.reduce((sum, { add, remove }) => sum + add.length + remove.length, 0);
  const dangerous = dangerousIn(changes, tools);

  // Ctrl/Cmd+S a second time saves, so that the way through is the same keys twice.
  useEffect(() => {
    const save = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 's') return;
      event.preventDefault();
      if (!pending) void onSave();
    };
    document.addEventListener('keydown', save);
    return () => document.removeEventListener('keydown', save);
  }, [pending, onSave]);

  return (
    <Dialog
      open
      wide
      sticky
      onOpenChange={(open) => !open && onClose()}
      title="Review and save"
      description={`${sizeWords({ cells, groups: changes.length })}. In force from the next call on.`}
    >
      <div className="flex flex-col gap-3">
        <Problem problem={problem} />
        {fault ? (
          <Callout tone="warn" live title="Who is affected could not be counted">
            {fault.detail ?? fault.title} You can save all the same; the list below is complete.
          </Callout>
        ) : (
          <p aria-live="polite" className="text-sm">
            {preview ? <People preview={preview} /> : <Skeleton className="h-5 w-2/3" />}
          </p>
        )}
        {dangerous.length > 0 && (
          <Callout tone="danger" title={`${count(dangerous.length, 'tool')} to think about`}>
            {dangerous.map(({ name, why }) => (
              <span key={name} className="block">
                <code className="font-mono text-xs">{name}</code> {why}
              </span>
            ))}
          </Callout>
        )}
        <ReplayOfDraft draft={{ changes: changes.map(({ slug, add, remove }) => ({ slug, add, remove })) }} />
        <Tabs
          label="The changes"
          tabs={[
            {
              id: 'tools',
              title: 'By tool',
              content: <ByTool {...{ changes, names, tools, preview }} counted={fault === null} />,
            },
            { id: 'groups', title: 'By group', content: <ByGroup {...{ changes, groups, tools }} /> },
          ]}
        />
      </div>
      <DialogActions>
        <Button onClick={onClose}>Back to the matrix</Button>
        <Button
          variant={dangerous.length > 0 ? 'danger' : 'primary'}
          loading={pending}
          onClick={() => onSave()}
          aria-keyshortcuts="Control+S Meta+S"
        >
          Save {count(cells, 'change')}
        </Button>
      </DialogActions>
    </Dialog>
  );
}

function usePreview(changes: readonly GroupChange[]) {
  const [preview, setPreview] = useState<Preview | null>(null);
  const [fault, setFault] = useState<ApiProblem | null>(null);
  useEffect(() => {
    let gone = false;
    const body = { changes: changes.map(({ slug, add, remove }) => ({ slug, add, remove })) };
    call('POST /groups/changes/preview', { body }).then(
      (answer) => gone || setPreview(answer),
      (error: unknown) => {
        if (!gone && error instanceof ApiProblem) setFault(error);
      },
    );
    return () => {
      gone = true;
    };
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- the dialog is mounted for one set of changes
  }, []);
  return { preview, fault };
}

function People({ preview: { people } }: { preview: Preview }) {
  if (people.gain === 0 && people.lose === 0)
    return (
      <>
        <span className="font-medium">Nobody’s tools change:</span>{' '}
        <span className="text-ink-2">
          the groups are empty, or their people have these tools through other groups anyway.
        </span>
      </>
    );
  return (
    <span className="font-medium">
      {listed([
        ...(people.gain > 0 ? [`${count(people.gain, 'person gains', 'people gain')} tools`] : []),
        ...(people.lose > 0 ? [`${count(people.lose, 'person loses', 'people lose')} tools`] : []),
      ])}
      .
    </span>
  );
}

function dangerousIn(changes: readonly GroupChange[], tools: ReadonlyMap<string, MatrixTool>) {
  const added = [...new Set(changes.flatMap(({ add }) => add))];
  return added.flatMap((name) => {
    const tool = tools.get(name);
    if (!tool) return [];
    if (tool.class === 'destructive') return [{ name, why: 'can change or delete what exists.' }];
    if (tool.class === 'unknown') return [{ name, why: 'has no clear hints; it counts as destructive.' }];
    if (tool.class !== 'internal') return [];
    const powers = tool.powers.length > 0 ? `${listed(tool.powers)} and ` : '';
    return [
      { name, why: `${powers}is meant for a widget’s buttons, but any agent of these groups can call it.` },
    ];
  });
}
