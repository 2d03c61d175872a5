#!/usr/bin/env node
// Verifies an exported audit (GET /api/v1/audit/export?format=jsonl) with nothing but the file: no server, database or network, and no
// code of Gatehouse's. Recomputes every link of the hash chain and names the first record that was edited, deleted, moved, put in or
// cut off. One file, so that it can be read before it is believed.
//
// A line is a record and, in `chain`, what else was hashed. A link's hash is SHA-256 over the hash of the link before it, its number,
// a colon, and the stored row as JSON with sorted keys. The last line says, signed with Ed25519, what the file is.
import { createHash, createPublicKey, hash as digestOf, verify } from 'node:crypto';
import { createReadStream, readFileSync, realpathSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const USAGE = `Use: gatehouse-verify FILE.jsonl [--checkpoints FILE] [--key FILE] [--json] [--quiet]

  FILE.jsonl          an export of the audit as lines of JSON; - reads standard input
  --checkpoints FILE  checkpoints kept elsewhere (GET /api/v1/audit/checkpoints, or lines of them from a log)
  --key FILE          the organization's public keys (PEM, or GET /api/v1/audit/keys); without it the file's own word is taken
  --json              the result as JSON
  --quiet             no progress

Ends with 0 where every record is as it was written, 1 where one is not, 2 where that can't be told.`;

/** The file or a flag is not what it should be, so that nothing can be said of the records. */
export class CannotVerify extends Error {}

/** JSON with sorted keys and no spaces, as the chain hashes it (in the manner of RFC 8785). */
export function canonical(value) {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  let text = '';
  if (Array.isArray(value)) {
    for (const entry of value) text += `${text === '' ? '' : ','}${canonical(entry ?? null)}`;
    return `[${text}]`;
  }
  for (const key of Object.keys(value).sort())
    if (value[key] !== undefined)
      text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonical(value[key])}`;
  return `{${text}}`;
}

const linkHash = (previous, seq, row) =>
  createHash('sha256')
    .update(Buffer.from(previous, 'hex'))
    .update(`${seq}:${canonical(row)}`)
    .digest('hex');

const MEMBERS = {
  record: new Set(
    `seq id at kind member credential client connection workspace method tool argumentsHash decision reason policyVersion outcome
     latencyMs action target before after hash chain`.split(/\s+/),
  ),
  credential: new Set(['kind', 'id', 'name']),
  chain: new Set(['n', 'previous', 'memberId', 'credentialKind', 'reason', 'outcome', 'export']),
  outcome: new Set(['seq', 'previous', 'hash', 'id', 'at', 'outcome', 'latencyMs', 'reason']),
};

/** The first member that no record has: it was not hashed, so it proves nothing, and somebody may believe it. */
function strangerIn(record) {
  const parts = [
    ['record', record],
    ['credential', record.credential],
    ['chain', record.chain],
    ['outcome', record.chain.outcome],
  ];
  for (const [name, part] of parts)
    for (const key of Object.keys(part ?? {})) if (!MEMBERS[name].has(key)) return key;
  return undefined;
}

/** The stored row that a line's record was made from: exactly what was hashed. */
function rowOf(record) {
  const { chain, credential } = record;
  return {
    id: record.id,
    at: record.at,
    kind: record.kind,
    call_id: null,
    member_id: chain.memberId ?? null,
    member_email: record.member ?? null,
    credential_kind: chain.credentialKind === null && credential.kind === 'system' ? null : credential.kind,
    credential_id: credential.id ?? null,
    credential_name: credential.name ?? null,
    client: record.client ?? null,
    connection_id: record.connection ?? null,
    workspace_gid: record.workspace ?? null,
    method: record.method ?? null,
    tool: record.tool ?? null,
    arguments_hash: record.argumentsHash ?? null,
    decision: record.decision ?? null,
    reason: (chain.outcome && chain.outcome.reason !== null ? chain.reason : record.reason) ?? null,
    policy_version: record.policyVersion ?? null,
    outcome: null,
    latency_ms: null,
    action: record.action ?? null,
    target: record.target ?? null,
    before: record.before ?? null,
    after: record.after ?? null,
  };
}

const EMPTY_ROW = {
  ...{
    member_id: null,
    member_email: null,
    credential_kind: null,
    credential_id: null,
    credential_name: null,
  },
  ...{
    client: null,
    connection_id: null,
    workspace_gid: null,
    method: null,
    tool: null,
    arguments_hash: null,
  },
  ...{ decision: null, policy_version: null, action: null, target: null, before: null, after: null },
};

/** The stored row of a call's outcome. */
function outcomeRow({ id, chain: { outcome } }) {
  const { id: own, at, outcome: result, latencyMs, reason } = outcome;
  return {
    ...EMPTY_ROW,
    ...{ id: own, at, kind: 'outcome', call_id: id, outcome: result ?? null },
    ...{ latency_ms: latencyMs ?? null, reason: reason ?? null },
  };
}

/** Whether what a record shows of its outcome is what the outcome's own record says. */
function showsItsOutcome({ kind, decision, outcome, latencyMs, reason, chain }) {
  const own = chain.outcome;
  const isAllowed = kind === 'call' && decision === 'allow';
  return (
    outcome === (isAllowed ? (own?.outcome ?? 'unknown') : undefined) &&
    latencyMs === (own?.latencyMs ?? undefined) &&
    (!own || own.reason === null ? !('reason' in chain) : reason === own.reason)
  );
}

/** A set of numbers, a bit each, in blocks, so that a million of them cost little. */
class Numbers {
  blocks = new Map();
  count = 0;
  /** False where it was in there already. */
  add(number) {
    const at = Math.floor(number / 65_536);
    let block = this.blocks.get(at);
    if (!block) this.blocks.set(at, (block = new Uint8Array(8_192)));
    const [byte, bit] = [(number % 65_536) >> 3, 1 << (number & 7)];
    if (block[byte] & bit) return false;
    block[byte] |= bit;
    this.count += 1;
    return true;
  }
  has(number) {
    const block = this.blocks.get(Math.floor(number / 65_536));
    return block !== undefined && (block[(number % 65_536) >> 3] & (1 << (number & 7))) !== 0;
  }
}

/** What was found wrong; of many faults the one with the lowest number counts, which is the oldest record. */
class Faults {
  all = 0;
  first;
  add(seq, line, why, id) {
    this.all += 1;
    if (!this.first || seq < this.first.seq) this.first = { seq, line, ...(id ? { id } : {}), why };
  }
}

const isLink = (link) =>
  Number.isSafeInteger(link?.seq) &&
  link.seq > 0 &&
  /^[0-9a-f]{64}$/.test(link.hash) &&
  /^[0-9a-f]{64}$/.test(link.previous);

/**
 * Verifies the lines of an export. `keys`: trusted public keys by id, null to take the file's own; `checkpoints`: kept elsewhere;
 * `progress` hears the number of lines now and then. Returns what was found; throws `CannotVerify`.
 */
export async function verifyLines(lines, { keys = null, checkpoints = [], progress = () => {} } = {}) {
  const faults = new Faults();
  const seen = new Numbers();
  const digest = createHash('sha256');
  // Links wait here for the one before or after them, which in a whole file comes within a few lines.
  const hashOf = new Map();
  const previousOf = new Map();
  const broken = new Map();
  const marks = new Map(checkpoints.map(({ seq }) => [seq, null]));
  let highest = 0;
  let lowest = Infinity;
  let before = null;
  let n = 0;
  let unreadable;
  let outOfCount;
  let statement;

  function meet(seq, previous, hash, line, id) {
    if (!seen.add(seq)) {
      faults.add(seq, line, `Record ${seq} is there twice.`, id);
      return;
    }
    highest = Math.max(highest, seq);
    lowest = Math.min(lowest, seq);
    if (marks.has(seq)) marks.set(seq, hash);
    const after = previousOf.get(seq + 1);
    if (after === undefined) hashOf.set(seq, { hash, line, id });
    else {
      previousOf.delete(seq + 1);
      if (after.previous !== hash) broken.set(seq, { line, id });
    }
    const earlier = hashOf.get(seq - 1);
    if (earlier === undefined) previousOf.set(seq, { previous });
    else {
      hashOf.delete(seq - 1);
      if (earlier.hash !== previous) broken.set(seq - 1, earlier);
    }
  }

  for await (const text of lines) {
    if (text === '') continue;
    n += 1;
    if (n % 50_000 === 0) progress(n);
    const record = parse(text);
    if (!record) {
      unreadable ??= n;
      continue;
    }
    const { seq, id, chain } = record;
    if (statement) faults.add(seq ?? before.seq, n, 'It stands behind the end of the export.', id);
    if (!isLink({ ...record, previous: chain.previous })) {
      const why = seq === null ? 'It has no link in the chain.' : 'Its link is not one of a chain.';
      faults.add(Number.isSafeInteger(seq) ? seq : (before?.seq ?? Infinity), n, why, id);
      continue;
    }
    const say = (why) => faults.add(seq, n, why, id);
    const stranger = strangerIn(record);
    if (stranger !== undefined) say(`“${stranger}” is no member of a record; it was added.`);
    // Two members of one name, or another spelling, would show other readers something else than was verified.
    if (JSON.stringify(record) !== text) say('It is not spelled as Gatehouse writes it.');
    const isWhole = linkHash(chain.previous, seq, rowOf(record)) === record.hash;
    if (!isWhole) say('Its contents are not what was hashed.');
    if (!showsItsOutcome(record)) say('The outcome that it shows is not the one on record.');
    // Newest first, by time and id, which both are hashed.
    const place = `${record.at} ${id}`;
    // (A time that was edited is a fault of that record, not of its neighbour's place.)
    if (before && place >= before.place && isWhole && before.isWhole) {
      const isOlder = before.seq < seq;
      const [oldest, line] = isOlder ? [before, n - 1] : [{ seq, id }, n];
      faults.add(oldest.seq, line, 'It is not in its place.', oldest.id);
    }
    if (chain.n !== n) outOfCount ??= { seq, line: n, id };
    before = { place, seq, id, isWhole };
    meet(seq, chain.previous, record.hash, n, id);
    const { outcome } = chain;
    if (outcome !== undefined) {
      if (!isLink(outcome)) say('The link of its outcome is not one of a chain.');
      else {
        if (linkHash(outcome.previous, outcome.seq, outcomeRow(record)) !== outcome.hash)
          faults.add(outcome.seq, n, 'The outcome is not what was hashed.', id);
        meet(outcome.seq, outcome.previous, outcome.hash, n, id);
      }
    }
    digest.update(`${record.hash} ${outcome?.hash ?? ''}\n`);
    if (chain.export !== undefined) statement = chain.export;
  }
  if (seen.count === 0 && !faults.first)
    throw new CannotVerify(
      'The file holds no record of an export that can be verified. Export as JSON lines with this or a later version of Gatehouse.',
    );
  // A record that was changed with its hash no longer fits its neighbours: it is between two breaks, or before the one.
  for (const [seq, { line, id }] of broken) {
    if (broken.has(seq - 1)) continue;
    const isNext = broken.has(seq + 1);
    faults.add(
      isNext ? seq + 1 : seq,
      isNext ? null : line,
      'It and its neighbours in the chain do not fit together.',
      isNext ? undefined : id,
    );
  }
  const held = { faults, keys, statement, lowest, highest };
  const compared = checkCheckpoints(checkpoints, { ...held, marks });
  const ends = {
    first: previousOf.get((statement?.start?.seq ?? 0) + 1)?.previous,
    last: hashOf.get(highest)?.hash,
  };
  const signedBy = checkStatement({
    ...held,
    n,
    digest: digest.digest('hex'),
    seen,
    ends,
    proven: compared.proven,
    outOfCount,
  });
  if (unreadable !== undefined && !faults.first)
    faults.add(Infinity, unreadable, 'It is not a record, or broken off.');
  if (faults.first?.seq === Infinity) faults.first.seq = highest + 1;
  return {
    ok: !faults.first,
    records: n,
    links: seen.count,
    from: lowest === Infinity ? null : lowest,
    to: highest,
    organization: statement?.organization ?? null,
    partial: statement?.partial ?? null,
    signedBy,
    checkpoints: compared.count,
    faults: faults.all,
    ...(faults.first ? { firstBad: faults.first } : {}),
  };
}

/** Undefined for what is no record of an export that can be verified. */
function parse(text) {
  try {
    const record = JSON.parse(text);
    const isRecord = [record?.chain, record?.credential].every(
      (part) => typeof part === 'object' && part !== null,
    );
    return isRecord ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Holds the file against what its last line says of it. Returns how that was signed. */
function checkStatement(given) {
  const { statement, faults, keys, n, digest, seen, lowest, highest, ends, proven, outOfCount } = given;
  if (!statement) {
    // The oldest record stands last, so what is missing begins with the first number that is.
    const gap = lowest > 1 ? 1 : firstMissing(seen, 0, highest);
    faults.add(gap, null, 'The export’s closing statement is missing: the file was cut off at its end.');
    return 'nobody';
  }
  const { signature, ...facts } = statement;
  const { publicKey, keyId, start, end, organization } = facts;
  const trusted = keys ? keys.get(keyId) : keyFrom(publicKey, keyId);
  if (keys && !trusted)
    faults.add(
      start.seq + 1,
      null,
      `The export is signed with the key ${keyId}, which is not among those given.`,
    );
  else if (!trusted || !isSigned(trusted, `gatehouse audit export\n${canonical(facts)}`, signature))
    faults.add(start.seq + 1, null, 'The export’s closing statement is not what was signed.');
  if (start.seq === 0 && start.hash !== digestOf('sha256', `gatehouse audit chain of ${organization}`))
    faults.add(1, null, 'The chain does not begin as one of this organization does.');
  if (ends.first !== undefined && ends.first !== start.hash)
    faults.add(start.seq + 1, null, 'It does not follow what the chain begins with.');
  if (!statement.partial) {
    const gap = firstMissing(seen, start.seq, end.seq);
    if (gap <= end.seq) faults.add(gap, null, `Record ${gap} is missing.`);
    if (lowest <= start.seq) faults.add(lowest, null, 'It is older than the export begins.');
    if (highest > end.seq) faults.add(end.seq + 1, null, 'It is newer than the export ends.');
    // Every link fits the one before, and yet the end is not the one that was signed.
    if (!faults.first && highest === end.seq && ends.last !== end.hash)
      faults.add(
        proven + 1,
        null,
        'The chain ends otherwise than was signed: this record or a later one was rewritten.',
      );
  }
  if (!faults.first && outOfCount)
    faults.add(
      outOfCount.seq,
      outOfCount.line,
      'Before it a record is missing, or was put in.',
      outOfCount.id,
    );
  if (!faults.first && (n !== statement.records || digest !== statement.digest))
    faults.add(
      lowest,
      null,
      `The export had ${statement.records} records, the file has ${n}: one was taken out, put in or replaced.`,
    );
  return keys ? 'a given key' : 'the key in the file';
}

const firstMissing = (seen, after, last) => {
  let seq = after + 1;
  while (seq <= last && seen.has(seq)) seq += 1;
  return seq;
};

/** Holds the chain against checkpoints that were kept elsewhere. Returns how many were compared, and up to which number they fit. */
function checkCheckpoints(checkpoints, { faults, keys, marks, statement, highest, lowest }) {
  let count = 0;
  let proven = statement?.start?.seq ?? 0;
  for (const checkpoint of checkpoints.toSorted((a, b) => a.seq - b.seq)) {
    const { seq, hash, at, organization, signature, keyId } = checkpoint;
    if (statement && organization !== statement.organization) continue;
    const { signature: _, ...facts } = checkpoint;
    const key = keys?.get(keyId);
    if (keys && (!key || !isSigned(key, `gatehouse audit checkpoint\n${canonical(facts)}`, signature)))
      throw new CannotVerify(`The checkpoint at record ${seq} is not signed by a key that was given.`);
    if (marks.get(seq) !== null) {
      count += 1;
      if (marks.get(seq) === hash) proven = seq;
      else
        faults.add(
          proven + 1,
          null,
          `The chain is another than the one that was signed at record ${seq} on ${at}.`,
        );
    } else if (seq > highest && (!statement || (!statement.partial && at <= statement.at))) {
      count += 1;
      faults.add(
        highest + 1,
        null,
        `Record ${seq} was signed on ${at}, before this export, and is not in it: the newest are cut off.`,
      );
    } else if (statement && !statement.partial && seq >= lowest && seq <= highest)
      faults.add(seq, null, `Record ${seq} is missing.`);
  }
  return { count, proven };
}

const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const idOf = (raw) => digestOf('sha256', raw).slice(0, 16);

/** The key of these base64 bytes; undefined where its id is another. */
function keyFrom(base64, id) {
  const raw = Buffer.from(String(base64), 'base64');
  if (raw.length !== 32 || idOf(raw) !== id) return undefined;
  return createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' });
}

function isSigned(key, text, signature) {
  return verify(null, Buffer.from(text), key, Buffer.from(String(signature), 'base64'));
}

/** Public keys by id, from PEM or from the answer of GET /api/v1/audit/keys. Throws `CannotVerify`. */
export function readKeys(text) {
  const blocks =
    text.replaceAll('\\n', '\n').match(/-----BEGIN PUBLIC KEY-----[\s\S]*?-----END PUBLIC KEY-----/g) ?? [];
  const keys = new Map();
  for (const block of blocks) {
    const key = createPublicKey(block);
    if (key.asymmetricKeyType !== 'ed25519') throw new CannotVerify('A key is not an Ed25519 key.');
    keys.set(idOf(key.export({ format: 'der', type: 'spki' }).subarray(SPKI.length)), key);
  }
  if (keys.size === 0) throw new CannotVerify('The key file holds no public key (PEM).');
  return keys;
}

/** Checkpoints from the answer of GET /api/v1/audit/checkpoints, a list of them, or lines of them (of a log too). Throws `CannotVerify`. */
export function readCheckpoints(text) {
  let found;
  try {
    const value = JSON.parse(text);
    found = Array.isArray(value) ? value : (value.checkpoints ?? [value.checkpoint ?? value]);
  } catch {
    found = text.split('\n').flatMap((line) => {
      try {
        const value = JSON.parse(line);
        return [value.checkpoint ?? value];
      } catch {
        return [];
      }
    });
  }
  found = found.filter(
    (one) => Number.isSafeInteger(one?.seq) && typeof one.hash === 'string' && one.signature,
  );
  if (found.length === 0) throw new CannotVerify('The checkpoint file holds no checkpoint.');
  return found.map(({ organization, seq, hash, at, kind, keyId, signature }) => ({
    ...{ organization, seq, hash, at, kind, keyId, signature },
  }));
}

/** The lines of a stream of bytes, without their ends. */
export async function* linesOf(stream) {
  let rest = Buffer.alloc(0);
  for await (const piece of stream) {
    let from = 0;
    for (let at; (at = piece.indexOf(10, from)) !== -1; from = at + 1) {
      const line = piece.subarray(from, at);
      yield (rest.length > 0 ? Buffer.concat([rest, line]) : line).toString();
      rest = Buffer.alloc(0);
    }
    rest = Buffer.concat([rest, piece.subarray(from)]);
  }
  if (rest.length > 0) yield rest.toString();
}

function readFlags(args) {
  const flags = { json: false, quiet: false };
  const files = [];
  for (let at = 0; at < args.length; at += 1) {
    const name = args[at];
    if (name === '--json' || name === '--quiet') flags[name.slice(2)] = true;
    else if (name === '--checkpoints' || name === '--key') {
      at += 1;
      if (args[at] === undefined) throw new CannotVerify(`${name} needs a file.\n\n${USAGE}`);
      flags[name.slice(2)] = args[at];
    } else if (name === '--help' || name === '-h' || (name.startsWith('-') && name !== '-'))
      throw new CannotVerify(USAGE);
    else files.push(name);
  }
  if (files.length !== 1) throw new CannotVerify(USAGE);
  return { ...flags, file: files[0] };
}

const readText = (file) => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CannotVerify(`${file} can't be read (${error.code}).`);
  }
};

function say({ ok, records, links, from, to, partial, signedBy, checkpoints, firstBad, faults }) {
  if (!ok) {
    const where = firstBad.line ? `, line ${firstBad.line}` : '';
    const more = faults > 1 ? ` ${faults - 1} more ${faults === 2 ? 'fault follows' : 'faults follow'}.` : '';
    return `NOT AS WRITTEN. The first bad record is number ${firstBad.seq}${firstBad.id ? ` (${firstBad.id})` : ''}${where}: ${firstBad.why}${more}`;
  }
  const held = checkpoints > 0 ? ` ${checkpoints} of the given checkpoints fit.` : '';
  const whole = partial
    ? 'This is a filtered export: it proves the records that are in it, and that none of those it had is missing.'
    : 'None is missing.';
  const key =
    signedBy === 'a given key'
      ? 'It is signed with a key that you gave.'
      : 'It is signed with the key that the file itself names; give --key to be sure whose it is.';
  return `As written: ${records} records, ${links} links of the chain, numbers ${from} to ${to}. ${whole}${held} ${key}`;
}

async function main(args) {
  const flags = readFlags(args);
  const keys = flags.key === undefined ? null : readKeys(readText(flags.key));
  const checkpoints = flags.checkpoints === undefined ? [] : readCheckpoints(readText(flags.checkpoints));
  if (flags.file !== '-' && !statSync(flags.file, { throwIfNoEntry: false })?.isFile())
    throw new CannotVerify(`${flags.file} is no file.`);
  const stream =
    flags.file === '-' ? process.stdin : createReadStream(flags.file, { highWaterMark: 1 << 20 });
  const beganMs = Date.now();
  const progress = (n) => {
    if (flags.quiet) return;
    const end = process.stderr.isTTY ? '\r' : '\n';
    process.stderr.write(`${n} records in ${((Date.now() - beganMs) / 1000).toFixed(1)} s${end}`);
  };
  const result = await verifyLines(linesOf(stream), { keys, checkpoints, progress });
  console.log(flags.json ? JSON.stringify(result) : say(result));
  return result.ok ? 0 : 1;
}

// npm runs it through a link of another name.
if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href)
  main(process.argv.slice(2)).then(
    (code) => (process.exitCode = code),
    (error) => {
      console.error(
        error instanceof CannotVerify ? error.message : `The export can't be verified: ${error.message}`,
      );
      process.exitCode = 2;
    },
  );
