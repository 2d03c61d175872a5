// Everything that saving would change and whom it reaches, counted by the server, before anything is in force.
'use client';
import Minus from 'lucide-react/icons/minus';
import Plus from 'lucide-react/icons/plus';
import TriangleAlert from 'lucide-react/icons/triangle-alert';
import { useEffect, useState, type ReactNode } from 'react';
import type { OperationAnswer } from '@/lib/portal/operations';
import { ApiProblem, call } from '../api';
import { Problem } from '../problem';
import { ClassBadge } from '../tools/tool-badges';
import { count, isOpen } from '../tools/words';
import { Badge } from '../ui/badge';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { Dialog, DialogActions } from '../ui/dialog';
import { ScrollArea } from '../ui/scroll-area';
import { Skeleton } from '../ui/skeleton';
import { Tabs } from '../ui/tabs';
import type { GroupChange } from './draft';
import type { MatrixGroup, MatrixTool } from './model';
import { listed } from './pairs';
import { sizeWords } from './pending-bar';

type Preview = OperationAnswer<'POST /groups/changes/preview'>;
type Affected = Preview['tools'][number]['gains'];

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

function ByTool({
  changes,
  names,
  tools,
  preview,
  counted,
}: {
  changes: readonly GroupChange[];
  names: ReadonlyMap<string, string>;
  tools: ReadonlyMap<string, MatrixTool>;
  preview: Preview | null;
  counted: boolean;
}) {
  const touched = [...new Set(changes.flatMap(({ add, remove }) => [...add, ...remove]))];
  const rows = [...tools.values()].filter(({ name }) => touched.includes(name));
  const reach = new Map(preview?.tools.map((entry) => [entry.name, entry]));
  const groupsWith = (kind: 'add' | 'remove', name: string) =>
    changes.filter((change) => change[kind].includes(name)).map(({ slug }) => names.get(slug) ?? slug);
  return (
    <ScrollArea label="Changes by tool" className="border-line rounded-box max-h-[40dvh] border">
      <ul className="divide-line divide-y">
        {rows.map((tool) => {
          const affected = reach.get(tool.name);
          return (
            <li key={tool.name} className="px-3 py-2 text-sm">
              <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
                <code className="font-mono text-xs font-medium [overflow-wrap:anywhere]">{tool.name}</code>
                <ClassBadge toolClass={tool.class} />
                <span className="flex flex-wrap gap-1">
                  <Signs on names={groupsWith('add', tool.name)} />
                  <Signs on={false} names={groupsWith('remove', tool.name)} />
                </span>
              </div>
              {!isOpen(tool) ? (
                <p className="text-ink-3">
                  {tool.blocked
                    ? 'Blocked for everybody, so nobody gains or loses it now.'
                    : tool.status === 'missing'
                      ? 'Asana no longer lists it, so nobody gains or loses it now.'
                      : 'Waiting for review, so a tick takes effect only then.'}
                </p>
              ) : (
                counted &&
                (affected ? (
                  <Reach gains={affected.gains} loses={affected.loses} name={tool.name} />
                ) : preview ? (
                  <p className="text-ink-3">Changes nothing for anybody.</p>
                ) : (
                  <Skeleton className="mt-1 h-4 w-1/2" />
                ))
              )}
            </li>
          );
        })}
      </ul>
    </ScrollArea>
  );
}

function Reach({ gains, loses, name }: { gains: Affected; loses: Affected; name: string }) {
  if (gains.people === 0 && loses.people === 0)
    return <p className="text-ink-3">Changes nothing for anybody.</p>;
  return (
    <>
      {gains.people > 0 && (
        <Sentence affected={gains}>
          Gives {name} to {count(gains.people, 'person', 'people')}
        </Sentence>
      )}
      {loses.people > 0 && (
        <Sentence affected={loses}>
          Takes {name} from {count(loses.people, 'person', 'people')}
        </Sentence>
      )}
    </>
  );
}

function Sentence({ affected, children }: { affected: Affected; children: ReactNode }) {
  const { agents, people, sample } = affected;
  const more = people - sample.length;
  return (
    <p className="text-ink-2">
      {children}
      {agents > 0 ? `, ${count(agents, 'agent')} active this week` : ', no agent active this week'}.{' '}
      <span className="text-ink-3">
        {listed([...sample.map((person) => person.name), ...(more > 0 ? [`${more} more`] : [])])}
      </span>
    </p>
  );
}

function Signs({ on, names }: { on: boolean; names: readonly string[] }) {
  return names.map((name) => (
    <Badge
      key={name}
      tone={on ? 'success' : 'danger'}
      icon={on ? <Plus aria-hidden="true" /> : <Minus aria-hidden="true" />}
    >
      <span className="sr-only">{on ? 'added to' : 'removed from'}</span> {name}
    </Badge>
  ));
}

function ByGroup({
  changes,
  groups,
  tools,
}: {
  changes: readonly GroupChange[];
  groups: readonly MatrixGroup[];
  tools: ReadonlyMap<string, MatrixTool>;
}) {
  const bySlug = new Map(groups.map((group) => [group.slug, group]));
  return (
    <ScrollArea label="Changes by group" className="border-line rounded-box max-h-[40dvh] border">
      <ul className="divide-line divide-y">
        {changes.map(({ slug, add, remove }) => {
          const group = bySlug.get(slug);
          return (
            <li key={slug} className="px-3 py-2 text-sm">
              <p className="font-medium">
                {group?.name ?? slug}{' '}
                <span className="text-ink-3 font-normal">
                  {count(group?.people ?? 0, 'person', 'people')}
                </span>
              </p>
              <ul className="mt-1 flex flex-wrap gap-x-4 gap-y-0.5">
                {[
                  ...add.map((name) => ({ name, on: true })),
                  ...remove.map((name) => ({ name, on: false })),
                ].map(({ name, on }) => (
                  <li key={name} className="flex items-center gap-1">
                    {on ? (
                      <Plus aria-hidden="true" className="text-success size-3.5" />
                    ) : (
                      <Minus aria-hidden="true" className="text-danger size-3.5" />
                    )}
                    <span className="sr-only">{on ? 'adds' : 'removes'}</span>
                    <code className="font-mono text-xs">{name}</code>
                    {on && tools.get(name)?.class !== 'read' && tools.get(name)?.class !== 'write' && (
                      <TriangleAlert aria-label="dangerous" className="text-danger size-3.5" />
                    )}
                  </li>
                ))}
              </ul>
            </li>
          );
        })}
      </ul>
    </ScrollArea>
  );
}
