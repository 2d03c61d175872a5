// The guards of the audit that proves itself: see mutate-guards.ts.
import { guardsOf as of, type Mutant } from './mutant';

const proof = ['tests/audit/proof.test.ts'];
const keeping = ['tests/audit/keeping.test.ts'];
const sink = ['tests/audit/sink.test.ts'];

export const AUDIT_MUTANTS: Mutant[] = [
  ...of('scripts/gatehouse-verify.mjs', proof, [
    ['verify: contents', 'a record edited', `if (!isWhole) say(`, `if (false) say(`],
    ['verify: nothing is added', 'a member added', `if (stranger !== undefined) say(`, `if (false) say(`],
    ['verify: spelling', 'said twice', `if (JSON.stringify(record) !== text) say(`, `if (false) say(`],
    [
      'verify: the outcome shown',
      'an outcome edited',
      `if (!showsItsOutcome(record)) say(`,
      `if (false) say(`,
    ],
    ['verify: neighbours', 'computed anew', `if (broken.has(seq - 1)) continue;`, `continue;`],
    ['verify: once', 'put in again', `if (!seen.add(seq)) {`, `if (!seen.add(seq) && false) {`],
    [
      'verify: the statement',
      'oldest lines',
      `if (!statement) {`,
      `if (!statement) return 'nobody';\n  if (!statement) {`,
    ],
    ['verify: trusted key', 'another key', `if (keys && !trusted)`, `if (false)`],
  ]),
  ...of('lib/audit/verify-chain.ts', proof, [
    [
      'chain: signed marks',
      'rewritten',
      `if (mark !== undefined && mark !== hash.toString('hex'))`,
      `if (false)`,
    ],
    ['chain: signatures', 'forged', `const good = all.filter(isGood);`, `const good = all;`],
  ]),
  ...of('lib/audit/retention.ts', keeping, [
    ['retention: evidence stays', 'evidence', `if (!ok && firstBad! <= end)`, `if (false)`],
  ]),
  ...of('lib/gateway/admission-sql.ts', keeping, [
    [
      'arguments: only where kept',
      'are not kept unless',
      `WHERE keeps AND sealed IS NOT NULL`,
      `WHERE sealed IS NOT NULL`,
    ],
    [
      'arguments: counted once',
      'counts once',
      `' AND judged_as IS NULL' : ''}\${guard.uncounted} AND NOT unsealed`,
      `' AND judged_as IS NULL' : ''}\${guard.uncounted}`,
    ],
  ]),
  ...of('lib/audit/sink.ts', sink, [
    [
      'sink: secrets stay with their address',
      'another address',
      `const keeps = before?.kind === change.kind && before.address === address;`,
      `const keeps = true && before !== null;`,
    ],
    ['sink: failures are kept', 'loses nothing', `if (status < 200 || status > 299)`, `if (false)`],
  ]),
  ...of('lib/http-sink.ts', sink, [
    [
      'sink: private addresses',
      'SSRF',
      `if (isPrivate && !env().GATEHOUSE_ALLOW_INSECURE_UPSTREAM)`,
      `if (false)`,
    ],
    [
      'sink: read to the end',
      'drops the connection before',
      `if (hasEnded && socket.writableFinished) resolve();`,
      `if (isConnected) resolve();`,
    ],
  ]),
];
