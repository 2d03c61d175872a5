// Reads the arguments of a call that were kept sealed beside its record; each reading is itself on record.
import { hash } from 'node:crypto';
import type { Tx } from '../db';
import { AppError } from '../errors';
import { log } from '../log';
import { SealError } from '../vault/seal';
import { openSecret, placeOf } from '../vault/vault';
import { appendEvent, type Actor } from './append';

export interface KeptArguments {
  /** Canonical JSON; its beginning only where `cut`. */
  text: string;
  /** Of the whole. */
  bytes: number;
  cut: boolean;
  /** Whether they are those that the record's `argumentsHash` is of; null where only a part was kept. */
  matches: boolean | null;
}

/**
 * The arguments of a call of the organization, with the event of the reading. Throws `not_found` where none are kept, and
 * `arguments_unreadable` where the key ring does not open them.
 */
export async function readArguments(tx: Tx, actor: Actor, callId: string): Promise<KeptArguments> {
  const { organizationId } = actor;
  const [record, kept] = await Promise.all([
    tx.auditRecord.findFirst({ where: { organizationId, id: callId, kind: 'call' } }),
    tx.auditArguments.findFirst({ where: { organizationId, callId } }),
  ]);
  if (!record || !kept)
    throw new AppError(
      'not_found',
      'No arguments are kept of this call: it was made while they were not kept, it had none, or their time is over.',
    );
  const text = opened(placeOf(organizationId, 'audit_arguments', 'sealed', callId), kept.sealed);
  await appendEvent(tx, actor, { action: 'audit.arguments_read', target: `call:${callId}` });
  const cut = Buffer.byteLength(text) < kept.bytes;
  return {
    text,
    bytes: kept.bytes,
    cut,
    matches: cut ? null : hash('sha256', text) === record.argumentsHash,
  };
}

function opened(place: string, sealed: string): string {
  try {
    return openSecret(place, sealed);
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    log().error({ err: error }, 'kept arguments can’t be opened');
    throw new AppError('arguments_unreadable');
  }
}
