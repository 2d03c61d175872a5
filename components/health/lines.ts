// The health room's facts as lines: what it is, whether it is well, what to do where it is not. Pure.
import type { OperationAnswer } from '@/lib/portal/operations';
import { count } from '../tools/words';
import { exactUtc } from '../ui/moment';

export type Health = OperationAnswer<'GET /health'>;

export interface Line {
  name: string;
  ok: boolean;
  text: string;
  /** What to do; null where all is well. */
  fix: string | null;
  /** A room where it is done. */
  href?: string;
  hrefText?: string;
}

/** In the order in which things need each other: what is red above may be why something below is. */
export function linesOf(health: Health): { title: string; lines: Line[] }[] {
  return [
    { title: 'Gatehouse', lines: ownLines(health) },
    { title: 'Asana', lines: asanaLines(health) },
    { title: 'People’s connections', lines: connectionLines(health) },
  ];
}

function ownLines({ database, keys, chain, sink, auditKeeping, offboardingDrill: drill }: Health): Line[] {
  return [
    { name: 'Database', ok: database.ok, text: database.detail, fix: database.fix },
    { name: 'Keys', ok: keys.ok, text: keys.detail, fix: keys.fix },
    {
      name: 'Audit chain',
      ok: chain.ok,
      text: chain.ok
        ? 'Every record has its place in the chain within a second or two.'
        : `The chain is ${count(chain.behindSeconds, 'second')} behind the records.`,
      fix: chain.fix,
      ...(chain.ok ? {} : { href: '/admin/audit', hrefText: 'Verify the audit' }),
    },
    {
      name: 'Audit keeping',
      ok: auditKeeping.ok,
      text: auditKeeping.ok
        ? `A checkpoint is signed every hour while records come, and what is too old goes by itself${auditKeeping.lastAt === null ? '.' : `; last on ${exactUtc(auditKeeping.lastAt)}.`}`
        : `Signing checkpoints or deleting what is too old failed ${count(auditKeeping.failures, 'time')} in a row.`,
      fix: auditKeeping.fix,
      ...(auditKeeping.ok ? {} : { href: '/admin/audit/proof', hrefText: 'Go to the proof' }),
    },
    ...(sink === null
      ? []
      : [
          {
            ...{ name: 'Audit sink', ok: sink.ok, text: sink.detail, fix: sink.fix },
            ...(sink.ok ? {} : { href: '/admin/audit/proof', hrefText: 'Look at the sink' }),
          },
        ]),
    {
      name: 'Offboarding',
      ok: drill.ok,
      text:
        drill.lastAt === null
          ? 'The first rehearsal comes within a day.'
          : drill.ok
            ? `Rehearsed on ${exactUtc(drill.lastAt)}: everything of a synthetic member ended within a second, in every process.`
            : `The rehearsal of ${exactUtc(drill.lastAt)} found something that did not end in time.`,
      fix: drill.fix,
      ...(drill.ok ? {} : { href: '/admin/people/offboardings', hrefText: 'See the receipt' }),
    },
  ];
}

function asanaLines({ asana, circuit, upstream, refreshes, catalogueSync: sync }: Health): Line[] {
  const { callsLastHour: calls, failedLastHour: failed, p95Ms } = upstream;
  return [
    { name: 'Endpoint', ok: asana.ok, text: asana.detail, fix: asana.fix },
    {
      name: 'Asana answers',
      ok: circuit.ok,
      text:
        circuit.since === null ? circuit.detail : `${circuit.detail} It began on ${exactUtc(circuit.since)}.`,
      fix: circuit.fix,
      ...(circuit.ok
        ? {}
        : {
            href: '/admin/audit?range=1h&reason=circuit_open',
            hrefText: 'Show the calls that were refused',
          }),
    },
    {
      name: 'Calls',
      ok: upstream.ok,
      text:
        calls === 0
          ? 'Nobody called in the last hour.'
          : `${count(calls, 'call')} in the last hour, ${failed === 0 ? 'none' : failed.toLocaleString('en')} failed at Asana${p95Ms === null ? '' : `; 95 of 100 answered within ${Math.round(p95Ms).toLocaleString('en')} ms`}.`,
      fix: upstream.fix,
      ...(upstream.ok
        ? {}
        : { href: '/admin/audit?range=1h&outcome=upstream_error', hrefText: 'Show the failed calls' }),
    },
    {
      name: 'Refreshes',
      ok: refreshes.ok,
      text:
        refreshes.failedLastDay === 0
          ? 'No connection failed to renew its access in the last day.'
          : `${count(refreshes.failedLastDay, 'refresh', 'refreshes')} failed in the last day${refreshes.ok ? '; all connections that failed have renewed since or wait for their person' : ''}.`,
      fix: refreshes.fix,
      ...(refreshes.ok ? {} : { href: '/admin/asana', hrefText: 'Run the checks' }),
    },
    {
      name: 'Tools',
      ok: sync.ok,
      text: syncWords(sync),
      fix: sync.fix,
      ...(sync.ok ? {} : { href: '/admin/tools', hrefText: 'Go to the tools' }),
    },
  ];
}

function syncWords({ ok, lastAt, lastOkAt, failures }: Health['catalogueSync']): string {
  if (lastAt === null) return 'The first hourly comparison with the catalogue comes within an hour.';
  const last = lastOkAt === null ? 'never yet' : `last on ${exactUtc(lastOkAt)}`;
  return ok
    ? `Compared with the catalogue every hour, ${last}.`
    : `The hourly comparison with the catalogue failed ${count(failures, 'time')} in a row; it went well ${last}.`;
}

function connectionLines({ connections, soon, revocations, overdueRevocations }: Health): Line[] {
  const { active, needsReconnect } = connections;
  const late = overdueRevocations.length;
  return [
    {
      name: 'Connections',
      ok: needsReconnect === 0 && soon.length === 0,
      text: `${count(active, 'connection')} active${needsReconnect > 0 ? `, ${needsReconnect.toLocaleString('en')} to reconnect` : ''}.`,
      fix:
        soon.length > 0
          ? 'Below is whose, why, and what to do for each.'
          : needsReconnect > 0
            ? 'Each of these people sees on their home page what to do. If they are many, run the checks under Asana app: the secret may have been reset.'
            : null,
    },
    {
      name: 'Revocations',
      ok: late === 0,
      text:
        late > 0
          ? `${count(late, 'authorization')} that ended here ${late === 1 ? 'is' : 'are'} still not confirmed by Asana.`
          : revocations.pending === 0
            ? 'None waits for Asana.'
            : `${count(revocations.pending, 'authorization')} that ended here ${revocations.pending === 1 ? 'waits' : 'wait'} for Asana’s confirmation; Gatehouse is asking.`,
      fix: late > 0 ? 'Nothing uses them any more. Below is whose they were, and how to be sure now.' : null,
    },
  ];
}
