// Where the audit is also sent: nowhere, a syslog server or an OTLP collector; how far that has got, and what is wrong.
'use client';
import { useState, type FormEvent } from 'react';
import type { OperationAnswer } from '@/lib/portal/operations';
import { call } from '../api';
import { Problem } from '../problem';
import { count } from '../tools/words';
import { AlertDialog } from '../ui/alert-dialog';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { PasswordField } from '../ui/password-field';
import { RadioGroup } from '../ui/radio-group';
import { RelativeTime } from '../ui/relative-time';
import { Section } from '../ui/section';
import { TextArea } from '../ui/text-area';
import { TextField } from '../ui/text-field';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';

type Sink = OperationAnswer<'GET /audit/sink'>;

export function SinkForm({ sink, mayChange }: { sink: Sink; mayChange: boolean }) {
  return (
    <Section
      title="Sent elsewhere"
      description="Records and checkpoints leave this server by themselves, in the order of the chain, each at least once; organization and number together tell repetitions apart."
      actions={mayChange && sink.kind !== 'none' ? <StopSending sink={sink} /> : undefined}
    >
      <div className="flex flex-col gap-4">
        <State sink={sink} />
        {mayChange ? (
          <Form sink={sink} />
        ) : (
          sink.kind === 'none' && <p className="text-ink-3 text-sm">An admin can set where it is sent.</p>
        )}
      </div>
    </Section>
  );
}

function State({ sink }: { sink: Sink }) {
  if (sink.kind === 'none') return <p className="text-sm">The audit is sent nowhere else.</p>;
  const where = (
    <p className="text-sm [overflow-wrap:anywhere]">
      To <code className="font-mono text-xs">{sink.address}</code>.{' '}
      {sink.sentAt ? (
        <>
          Last taken <RelativeTime iso={sink.sentAt} />, up to record {sink.sentSeq?.toLocaleString('en')}
          ;{' '}
        </>
      ) : (
        'Nothing was taken yet; '
      )}
      {sink.behind === 0 ? 'nothing waits.' : `${count(sink.behind, 'record')} wait.`}
    </p>
  );
  if (sink.problem === null) return where;
  return (
    <>
      {where}
      <Callout tone="danger" title="The sink does not take records">
        {sink.problem} Nothing is lost: Gatehouse tries again by itself until it does.
        {mayBeAuthorization(sink) && ' If the collector asks for one, give its authorization anew.'}
      </Callout>
    </>
  );
}

const mayBeAuthorization = ({ kind, problem }: Sink) =>
  kind === 'otlp' && /status 40[13]/.test(problem ?? '');

function Form({ sink }: { sink: Sink }) {
  const { pending, problem, run } = useCall();
  const [kind, setKind] = useState<'syslog' | 'otlp'>(sink.kind === 'none' ? 'syslog' : sink.kind);
  const [address, setAddress] = useState(sink.address ?? '');
  const [authorization, setAuthorization] = useState('');
  const [ca, setCa] = useState(sink.ca ?? '');
  const [from, setFrom] = useState<'beginning' | 'now'>('now');
  const isNew = sink.kind === 'none';

  async function save(event: FormEvent) {
    event.preventDefault();
    const done = await run(() =>
      call('PUT /audit/sink', {
        body: {
          kind,
          address,
          ca: ca.trim() === '' ? null : ca,
          ...(kind === 'otlp' && authorization !== '' ? { authorization } : {}),
          ...(isNew ? { from } : {}),
        },
      }),
    );
    if (done) toast('Saved', 'Sending begins within seconds.');
  }

  return (
    <form onSubmit={(event) => void save(event)} className="flex max-w-xl flex-col gap-4">
      <RadioGroup
        label="What takes it"
        name="sinkKind"
        value={kind}
        onChange={setKind}
        options={[
          { value: 'syslog', label: 'Syslog', hint: 'RFC 5424 messages over TLS or TCP.' },
          { value: 'otlp', label: 'OpenTelemetry', hint: 'Log records as JSON to an OTLP endpoint.' },
        ]}
      />
      <TextField
        label="Address"
        mono
        required
        maxLength={500}
        placeholder={
          kind === 'syslog' ? 'tls://syslog.example.com:6514' : 'https://collector.example.com/v1/logs'
        }
        value={address}
        onChange={(event) => setAddress(event.target.value)}
      />
      {kind === 'otlp' && (
        <PasswordField
          label="Authorization"
          optional
          autoComplete="off"
          hint={
            sink.hasAuthorization
              ? 'One is kept, sealed, and goes to this address only; leave this empty to keep it.'
              : 'The value of the Authorization header, such as Bearer …; kept sealed, shown to nobody.'
          }
          value={authorization}
          onChange={(event) => setAuthorization(event.target.value)}
        />
      )}
      <TextArea
        label="Certificate authority"
        optional
        hint="PEM, where the certificate is signed by your company’s own."
        value={ca}
        onChange={(event) => setCa(event.target.value)}
      />
      {isNew && (
        <RadioGroup
          label="Begin with"
          name="sinkFrom"
          value={from}
          onChange={setFrom}
          options={[
            { value: 'now', label: 'What comes from now on' },
            { value: 'beginning', label: 'Everything that is kept' },
          ]}
        />
      )}
      <Problem problem={problem} />
      <div>
        <Button type="submit" variant="primary" loading={pending}>
          {isNew ? 'Send the audit there' : 'Save'}
        </Button>
      </div>
    </form>
  );
}

function StopSending({ sink }: { sink: Sink }) {
  const [asking, setAsking] = useState(false);
  const { pending, problem, run, reset } = useCall();
  return (
    <>
      <Button
        onClick={() => {
          reset();
          setAsking(true);
        }}
      >
        Stop sending
      </Button>
      <AlertDialog
        open={asking}
        onOpenChange={setAsking}
        title="Stop sending the audit elsewhere?"
        confirm="Stop sending"
        pending={pending}
        problem={<Problem problem={problem} />}
        onConfirm={async () => {
          if (!(await run(() => call('PUT /audit/sink', { body: { kind: 'none' } })))) return;
          setAsking(false);
          toast('Nothing is sent elsewhere any more');
        }}
      >
        Records of the whole organization no longer go to {sink.address}; what it has stays there. How far it
        got is forgotten, and so is its authorization.
      </AlertDialog>
    </>
  );
}
