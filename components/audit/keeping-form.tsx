// What the audit keeps: the arguments of calls, or not; for how many days; and after how many months records go.
'use client';
import { useState, type FormEvent } from 'react';
import type { OperationAnswer } from '@/lib/portal/operations';
import { call } from '../api';
import { Problem } from '../problem';
import { AlertDialog } from '../ui/alert-dialog';
import { Button } from '../ui/button';
import { RelativeTime } from '../ui/relative-time';
import { Section } from '../ui/section';
import { Switch } from '../ui/switch';
import { TextField } from '../ui/text-field';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';

type Keeping = OperationAnswer<'GET /audit/keeping'>;

export function KeepingForm({ keeping, mayChange }: { keeping: Keeping; mayChange: boolean }) {
  return (
    <Section flush title="What is kept">
      <div className="divide-line divide-y">
        <Arguments keeping={keeping} mayChange={mayChange} />
        <Records keeping={keeping} mayChange={mayChange} />
      </div>
    </Section>
  );
}

function Arguments({ keeping, mayChange }: { keeping: Keeping; mayChange: boolean }) {
  const [asking, setAsking] = useState(false);
  const { pending, problem, run, reset } = useCall();
  const { keepArguments, keepArgumentsSince, argumentDays } = keeping;
  return (
    <div className="flex flex-col gap-3 p-4">
      <div>
        <h3 className="text-sm font-medium">Arguments of calls</h3>
        <p className="text-ink-3 max-w-2xl text-sm text-pretty">
          What an agent asked a tool for: search texts, names and descriptions of tasks, comments. The record
          itself holds only a digest of them. Where they are kept, they are sealed, never exported, and
          readable to members with the role auditor only, one call at a time; each reading is on record.
          Admins can’t read them.
        </p>
      </div>
      <Switch
        checked={keepArguments}
        disabled={!mayChange}
        onChange={() => {
          reset();
          setAsking(true);
        }}
      >
        {keepArguments && keepArgumentsSince ? (
          <span>
            Kept since <RelativeTime iso={keepArgumentsSince} />
          </span>
        ) : (
          'Keep the arguments of calls'
        )}
      </Switch>
      {!mayChange && <p className="text-ink-3 text-sm">An admin can change this.</p>}
      <AlertDialog
        open={asking}
        onOpenChange={setAsking}
        title={keepArguments ? 'Keep arguments no longer?' : 'Keep the arguments of every call?'}
        confirm={keepArguments ? 'Keep them no longer' : 'Keep arguments'}
        danger={keepArguments}
        pending={pending}
        problem={<Problem problem={problem} />}
        onConfirm={async () => {
          const body = { keepArguments: !keepArguments };
          if (!(await run(() => call('PATCH /organization', { body })))) return;
          setAsking(false);
          toast(keepArguments ? 'Arguments are no longer kept' : 'Arguments are kept from now on');
        }}
      >
        {keepArguments
          ? `Arguments of later calls are gone with the call. Those that are kept stay until their ${argumentDays} days are over.`
          : `From the next call on, what everybody’s agents send to Asana’s tools is kept for ${argumentDays} days, for auditors to read. People may have to be told of that first.`}
      </AlertDialog>
    </div>
  );
}

function Records({ keeping, mayChange }: { keeping: Keeping; mayChange: boolean }) {
  const { pending, problem, run } = useCall();
  const [days, setDays] = useState(String(keeping.argumentDays));
  const [months, setMonths] = useState(keeping.auditMonths === null ? '' : String(keeping.auditMonths));
  const [asking, setAsking] = useState(false);
  const auditMonths = months.trim() === '' ? null : Number(months);
  const changed = Number(days) !== keeping.argumentDays || auditMonths !== keeping.auditMonths;
  // Whoever makes the time shorter deletes something within hours.
  const deletes =
    Number(days) < keeping.argumentDays ||
    (auditMonths !== null && (keeping.auditMonths === null || auditMonths < keeping.auditMonths));

  async function save() {
    const body = { argumentDays: Number(days), auditMonths };
    if (!(await run(() => call('PATCH /organization', { body })))) return;
    setAsking(false);
    toast('Saved');
  }

  return (
    <form
      className="flex flex-col gap-3 p-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        if (deletes) setAsking(true);
        else void save();
      }}
    >
      <div>
        <h3 className="text-sm font-medium">For how long</h3>
        <p className="text-ink-3 max-w-2xl text-sm text-pretty">
          Records older than this are deleted from the beginning of the chain, behind a signed checkpoint, so
          that the rest verifies as before. Sums in the charts stay.{' '}
          {keeping.firstSeq !== null && keeping.firstAt !== null && (
            <>
              The oldest record now is number {keeping.firstSeq.toLocaleString('en')}, made{' '}
              <RelativeTime iso={keeping.firstAt} />.
            </>
          )}
        </p>
      </div>
      <div className="grid max-w-xl gap-4 sm:grid-cols-2">
        <TextField
          label="Records, months"
          hint="Empty: for ever."
          type="number"
          min={1}
          max={1200}
          disabled={!mayChange}
          value={months}
          onChange={(event) => setMonths(event.target.value)}
        />
        <TextField
          label="Kept arguments, days"
          hint="From the day of the call."
          type="number"
          min={1}
          max={3650}
          required
          disabled={!mayChange}
          value={days}
          onChange={(event) => setDays(event.target.value)}
        />
      </div>
      {mayChange && (
        <>
          {!asking && <Problem problem={problem} />}
          <div>
            <Button type="submit" variant="primary" disabled={!changed} loading={pending && !asking}>
              Save
            </Button>
          </div>
        </>
      )}
      <AlertDialog
        open={asking}
        onOpenChange={setAsking}
        title="Delete what is older?"
        confirm="Save and delete"
        pending={pending}
        problem={<Problem problem={problem} />}
        onConfirm={save}
      >
        Within hours, and from then on again and again,{' '}
        {auditMonths === null ? '' : `audit records of everybody older than ${auditMonths} months and `}
        kept arguments older than {days} days are deleted for good. A backup still has them.
      </AlertDialog>
    </form>
  );
}
