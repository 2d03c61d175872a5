// Puts back what was there before a call: first looks what that would change now, then says what would be overwritten and what stays lost, and
// asks once more.
'use client';
import Undo2 from 'lucide-react/icons/undo-2';
import Link from 'next/link';
import { useState } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { count } from '../tools/words';
import { AlertDialog } from '../ui/alert-dialog';
import { Badge } from '../ui/badge';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { RelativeTime } from '../ui/relative-time';
import { Section } from '../ui/section';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';
import { ItemList, ResultList } from './item-list';
import { ABOUT_DELETIONS, hindranceWords, states, type KeptCall, type Preview, type Restored } from './words';

export function UndoPanel({ kept }: { kept: KeptCall }) {
  const { id, tool, things, state, isOwn, member, keptAt, expiresAt } = kept;
  const look = useCall({ refresh: false });
  const putBack = useCall();
  const [preview, setPreview] = useState<Preview | null>(null);
  const [asking, setAsking] = useState(false);
  const [restored, setRestored] = useState<Restored | null>(null);
  const hindrance = hindranceWords(kept);
  const isDeletion = tool === 'delete_task';
  const noun = tool === 'update_project' ? 'project' : 'task';
  const toDo = preview?.items.filter((item) => item.state === 'differs' || item.state === 'new').length ?? 0;
  const overwritten =
    preview?.items.flatMap(({ changes }) => changes.filter(({ changedSince }) => changedSince)).length ?? 0;

  async function lookNow() {
    putBack.reset();
    const done = await look.run(() => call('POST /undo/{id}/preview', { path: { id } }));
    if (done) setPreview(done.answer);
  }

  async function confirm() {
    const done = await putBack.run(() =>
      call('POST /undo/{id}/restore', { path: { id }, body: { confirm: preview!.confirm } }),
    );
    setAsking(false);
    if (!done) return;
    setPreview(null);
    setRestored(done.answer);
    const back = done.answer.items.filter(({ result }) => result === 'back').length;
    toast(
      back === done.answer.items.length ? 'Put back' : 'Put back in part',
      `${back} of ${done.answer.items.length} came back.`,
    );
  }

  return (
    <Section
      title="Undo"
      description={
        <>
          What was there before is kept, sealed, since <RelativeTime iso={keptAt} />; it is forgotten{' '}
          <RelativeTime iso={expiresAt} />.
        </>
      }
      actions={<Badge tone={states[state].tone}>{states[state].text}</Badge>}
    >
      <div className="flex flex-col gap-3">
        {isDeletion && state === 'kept' && <Callout tone="warn">{ABOUT_DELETIONS}</Callout>}
        {hindrance && !restored && <p className="text-ink-2 text-sm">{hindrance}</p>}
        {!kept.mayRead && hindrance === null && (
          <p className="text-ink-2 text-sm">
            What was there is {member.name}’s own, so only the parts are named here, not what they say.
          </p>
        )}
        <Problem problem={look.problem ?? putBack.problem} />
        {hindrance === null && !preview && (
          <div>
            <Button icon={<Undo2 aria-hidden="true" />} loading={look.pending} onClick={() => void lookNow()}>
              See what would be put back
            </Button>
          </div>
        )}
        {preview && (
          <>
            <ItemList items={preview.items} />
            {overwritten > 0 && (
              <Callout tone="warn" live title="Changed since the call">
                {count(overwritten, 'part')} {overwritten === 1 ? 'was' : 'were'} changed again after the
                call. Putting it back overwrites that.
              </Callout>
            )}
            {toDo === 0 ? (
              <p className="text-ink-2 text-sm">There is nothing that could be put back now.</p>
            ) : (
              <p className="text-ink-2 text-sm">
                It is done as {isOwn ? 'your own calls' : `${member.name}’s calls`}, through{' '}
                {isOwn ? 'your' : 'that person’s'} Asana connection, under the same policy and on record. It
                can be done once.
              </p>
            )}
            <div className="flex flex-wrap gap-2">
              <Button loading={look.pending} onClick={() => void lookNow()}>
                Look again
              </Button>
              {toDo > 0 && (
                <Button variant="danger" icon={<Undo2 aria-hidden="true" />} onClick={() => setAsking(true)}>
                  Put back {count(toDo, noun)}
                </Button>
              )}
            </div>
          </>
        )}
        {restored && (
          <>
            <ResultList items={restored.items} />
            <p className="text-ink-2 text-sm">
              On record under{' '}
              <Link
                href={isOwn ? '/activity' : `/admin/audit/${restored.calls.at(-1)}`}
                className="text-accent underline"
              >
                {isOwn ? 'Activity' : 'Audit'}
              </Link>{' '}
              as {count(restored.calls.length, 'call')}.
            </p>
          </>
        )}
      </div>
      <AlertDialog
        open={asking}
        onOpenChange={setAsking}
        title={`Put back ${count(toDo, noun)} of ${count(things, noun)}?`}
        confirm={overwritten > 0 ? 'Overwrite and put back' : 'Put back'}
        pending={putBack.pending}
        onConfirm={confirm}
      >
        <p>
          {isDeletion
            ? ABOUT_DELETIONS
            : 'What the call left is replaced by what was there before it, in Asana, for everybody who works on it.'}
        </p>
        {overwritten > 0 && (
          <p className="mt-2">
            {count(overwritten, 'part')} that {overwritten === 1 ? 'was' : 'were'} changed after the call{' '}
            {overwritten === 1 ? 'is' : 'are'} overwritten.
          </p>
        )}
      </AlertDialog>
    </Section>
  );
}
