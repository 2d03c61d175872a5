// Edits a group: tools, people and further methods in one draft, with what will change in view until it is saved.
'use client';
import Link from 'next/link';
import { useMemo, useState } from 'react';
import type { OperationAnswer } from '@/lib/portal/operations';
import { call } from '../api';
import { ReplayOfDraft } from '../config/replay';
import { Problem } from '../problem';
import { sectionsOf, shownTools, type MatrixTool } from '../matrix/model';
import { pairsOf } from '../matrix/pairs';
import { ToolList } from '../matrix/tool-list';
import { aboutTokens, count } from '../tools/words';
import { Button } from '../ui/button';
import { Checkbox } from '../ui/checkbox';
import { SearchField } from '../ui/search-field';
import { Section } from '../ui/section';
import { TextField } from '../ui/text-field';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';
import { ApprovalsForm } from './approvals-form';
import { ArgumentRulesForm } from './argument-rules-form';
import { changesOf, draftOf, savedApprovals, type Draft, type Group } from './draft';
import { PendingChanges } from './pending-changes';
import { WriteSafetyForm } from './write-safety-form';
import { PeoplePicker, type Person } from './people-picker';
import { presets, toolsOfPreset } from './presets';

const methodWords = [
  ['resources', 'Resources', 'Widgets, files and templates that Asana offers for reading.'],
  ['prompts', 'Prompts', 'Ready-made prompts.'],
  ['completion', 'Completion', 'Suggestions while an argument is typed.'],
  ['logging', 'Logging', 'The agent may ask the server to log more or less.'],
  ['client_requests', 'Client requests', 'Asana may ask the agent for input or for a model’s answer.'],
] as const;

/** Mount it anew (by `key`) for another version of the group. */
export function GroupEditor({
  group,
  tools,
  people,
  groups,
}: {
  group: Group;
  tools: readonly MatrixTool[];
  people: readonly Person[];
  /** All of the organization's. */
  groups: readonly { slug: string; name: string }[];
}) {
  const [base, setBase] = useState(group);
  const [draft, setDraft] = useState<Draft>(() => draftOf(group));
  // Text that is typed and not understood yet is the form's own; it goes with what is discarded.
  const [round, setRound] = useState(0);
  const { pending, problem, run, reset } = useCall();
  const loading = useCall({ refresh: false });
  const stale = problem?.code === 'stale_version';
  const changes = changesOf(base, draft);
  const waiting = savedApprovals(draft);
  const change = (part: Partial<Draft>) => setDraft({ ...draft, ...part });
  const cost = tools.filter((tool) => draft.tools.has(tool.name)).reduce((sum, tool) => sum + tool.tokens, 0);

  const blocked = draft.name.trim() === '' || (waiting !== null && waiting.approver === null);
  const content = {
    name: draft.name.trim(),
    tools: [...draft.tools],
    members: [...draft.members],
    methods: [...draft.methods],
    rules: draft.rules,
    approvals: waiting,
    writeSafety: draft.writeSafety,
    undo: draft.undo,
  };

  async function save() {
    // A rule that was typed and not understood would be missing from what is saved, and look as if it held.
    const unread = document.querySelector<HTMLElement>('main [aria-invalid="true"]');
    if (unread) return unread.focus();
    const done = await run(() =>
      call('PUT /groups/{slug}', {
        path: { slug: base.slug },
        ifMatch: String(base.version),
        body: content,
      }),
    );
    if (done) toast('Group saved', 'In force from the next call on.');
  }

  /** Fetches what somebody else saved; keeps our own changes on top of it, or drops them. */
  async function reload(keep: boolean) {
    const done = await loading.run(() => call('GET /groups/{slug}', { path: { slug: base.slug } }));
    if (!done) return;
    reset();
    const fresh: OperationAnswer<'GET /groups/{slug}'> = done.answer;
    setBase(fresh);
    setDraft(keep ? changes.onto(fresh) : draftOf(fresh));
    setRound(round + 1);
  }

  return (
    <div className="flex flex-col gap-5">
      <div className="grid items-start gap-5 xl:grid-cols-[minmax(0,1fr)_21rem]">
        <Section
          title="Tools"
          description={`${count(draft.tools.size, 'tool')} ticked; a model reads ${aboutTokens(cost)} for them.`}
          actions={
            <Link href={`/admin/tools?groups=${base.slug}`} className="text-accent text-sm hover:underline">
              Beside other groups
            </Link>
          }
        >
          <fieldset className="mb-4 flex flex-wrap items-center gap-2">
            <legend className="sr-only">Presets</legend>
            <span className="text-ink-3 text-sm">Start from</span>
            {presets.map(({ id, title, note }) => (
              <Button
                key={id}
                size="sm"
                title={note}
                onClick={() => change({ tools: new Set(toolsOfPreset(id, tools)) })}
              >
                {title}
              </Button>
            ))}
          </fieldset>
          <GroupTools {...{ base, draft, tools }} onChange={(selected) => change({ tools: selected })} />
        </Section>
        <div className="flex min-w-0 flex-col gap-5">
          <Section title="Name">
            <TextField
              label="Name"
              hideLabel
              value={draft.name}
              maxLength={120}
              onChange={(event) => change({ name: event.target.value })}
              error={draft.name.trim() === '' ? 'Give the group a name.' : null}
              hint={
                <>
                  Scripts and the audit know it as <code className="font-mono text-xs">{base.slug}</code>,
                  which stays.
                </>
              }
            />
          </Section>
          <Section title="People" description={count(draft.members.size, 'person', 'people')}>
            <PeoplePicker
              people={people}
              selected={draft.members}
              onChange={(selected) => change({ members: selected })}
            />
          </Section>
          <ApprovalsForm
            key={`approvals ${round}`}
            approvals={draft.approvals}
            tools={tools.filter(({ name }) => draft.tools.has(name))}
            {...{ groups, people }}
            onChange={(approvals) => change({ approvals })}
          />
          <WriteSafetyForm
            key={`write safety ${round}`}
            safety={draft.writeSafety}
            undo={draft.undo}
            onChange={(writeSafety) => change({ writeSafety })}
            onUndo={(undo) => change({ undo })}
          />
          <ArgumentRulesForm key={round} rules={draft.rules} onChange={(rules) => change({ rules })} />
          <Section title="Beyond tools" description="Other parts of MCP. Most agents need none of them.">
            <div className="flex flex-col gap-1.5">
              {methodWords.map(([id, title, note]) => (
                <Checkbox
                  key={id}
                  checked={draft.methods.has(id)}
                  onChange={(event) => {
                    const methods = new Set(draft.methods);
                    if (event.target.checked) methods.add(id);
                    else methods.delete(id);
                    change({ methods });
                  }}
                  hint={note}
                >
                  <span className="text-sm">{title}</span>
                </Checkbox>
              ))}
            </div>
          </Section>
        </div>
      </div>
      <PendingChanges
        changes={changes}
        tools={tools}
        people={draft.members.size}
        pending={pending || loading.pending}
        blocked={blocked}
        stale={stale}
        problem={<Problem problem={loading.problem ?? (stale ? null : problem)} className="mb-3" />}
        replay={
          blocked ? null : (
            <ReplayAsked key={JSON.stringify(content)} draft={{ slug: base.slug, ...content }} />
          )
        }
        onSave={() => void save()}
        onDiscard={() => {
          reset();
          setDraft(draftOf(base));
          setRound(round + 1);
        }}
        onReload={(keep) => void reload(keep)}
      />
    </div>
  );
}

/** The replay once it is asked for: it reads the audit, and a draft changes with every tick. */
function ReplayAsked({ draft }: { draft: Parameters<typeof ReplayOfDraft>[0]['draft']['group'] }) {
  const [asked, setAsked] = useState(false);
  if (asked) return <ReplayOfDraft draft={{ group: draft }} />;
  return (
    <Button size="sm" onClick={() => setAsked(true)}>
      Replay past calls
    </Button>
  );
}

/** The matrix's list, for this one group. */
function GroupTools({
  base,
  draft,
  tools,
  onChange,
}: {
  base: Group;
  draft: Draft;
  tools: readonly MatrixTool[];
  onChange: (tools: Set<string>) => void;
}) {
  const [search, setSearch] = useState('');
  const byName = useMemo(() => new Map(tools.map((tool) => [tool.name, tool])), [tools]);
  const pairs = useMemo(() => pairsOf(tools), [tools]);
  const sections = useMemo(
    () => sectionsOf(shownTools(tools, { search, toolClass: 'all', status: 'all', groups: null })),
    [tools, search],
  );
  const had = new Set(base.tools);
  const pending = new Map(
    tools.flatMap(({ name }) =>
      had.has(name) === draft.tools.has(name) ? [] : [[name, draft.tools.has(name)] as const],
    ),
  );
  const { slug, name, version, members } = base;
  return (
    <>
      <SearchField label="Search tools" value={search} onChange={setSearch} className="mb-3" />
      {sections.length === 0 && (
        <p className="text-ink-3 py-4 text-center text-sm">No tool matches “{search}”.</p>
      )}
      <ToolList
        sections={sections}
        tools={byName}
        pairs={pairs}
        column={{
          group: { slug, name, version, people: members.length, tools: base.tools },
          ticked: draft.tools,
          pending,
        }}
        onSet={(names, on) => {
          const next = new Set(draft.tools);
          for (const tool of names)
            if (on) next.add(tool);
            else next.delete(tool);
          onChange(next);
        }}
      />
    </>
  );
}
