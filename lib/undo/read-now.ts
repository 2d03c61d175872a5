// What is there now of what was kept, asked through the connection of the person whose call it was; on record and counted like any lookup.
import { db } from '../db';
import { AppError } from '../errors';
import { askThrough, LookupLimited, LookupUnavailable, NoConnection } from '../gateway/argument-lookups';
import type { BundleRow } from './list';
import { readingOf, thingIn } from './read-answer';
import type { Bundle, Part, Thing } from './what-is-there';

const READING = { purpose: 'undo: what is there now', deadlineMs: 20_000 };

/** By gid; what Asana refuses to show is left out. Throws `no_connection` and `asana_unavailable`, where it can't be said what is there. */
export async function readNow(
  organizationId: string,
  row: BundleRow,
  { tool, before }: Bundle,
): Promise<Map<string, Thing>> {
  const connection = await db().connection.findFirst({
    where: { organizationId, id: row.connectionId, status: 'active' },
    select: { id: true, workspaceGid: true, accessToken: true, accessExpiresAt: true, generation: true },
  });
  if (!connection) throw gone(row);
  const found = new Map<string, Thing>();
  const through = {
    ...{ organizationId, memberId: row.memberId, memberEmail: row.member.email, credentialId: row.memberId },
    connection: { ...connection, status: 'active' as const },
  };
  try {
    await askThrough(through, READING, before, async (thing, call) => {
      // Of a deleted task only whether it is there, and under which parent.
      const parts: Part[] = tool === 'delete_task' ? ['parent'] : (Object.keys(thing.parts) as Part[]);
      const wanted = { kind: thing.kind, gid: thing.gid, parts, deep: false };
      const { tool: reader, args } = readingOf(wanted);
      const { answer, isRefused } = await call(reader, args);
      if (isRefused) return;
      const now = thingIn(wanted, answer);
      if (now === null) throw new LookupUnavailable('Asana did not say what is there now');
      found.set(thing.gid, now);
    });
  } catch (error) {
    if (error instanceof NoConnection) throw gone(row);
    if (error instanceof LookupLimited)
      throw new AppError(
        'asana_unavailable',
        'This person\u2019s calls to Asana are used up for the minute; try again in a minute.',
      );
    if (error instanceof LookupUnavailable)
      throw new AppError(
        'asana_unavailable',
        'Asana did not say what is there now; nothing was changed. Try again in a minute.',
      );
    throw error;
  }
  return found;
}

const gone = ({ isOwn, member }: BundleRow) =>
  new AppError(
    'no_connection',
    isOwn
      ? 'Asana no longer accepts your authorization; reconnect it under Connections first.'
      : `Asana no longer accepts ${member.email}\u2019s authorization; the person has to reconnect first.`,
  );
