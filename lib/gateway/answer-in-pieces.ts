// Passes a large JSON result on while it arrives (large-answer.ts): what breaks off breaks the agent's JSON off too.
import { readLargeAnswer } from './large-answer';
import { COMPLETE } from './modern-result';
import { MAX_ANSWER_BYTES, MAX_STREAM_BYTES, type Exchange } from './read-answer';
import { answerJsonInPieces, resultText, type McpAnswer } from './respond';

/** A large result passed on as it comes. Resolves with its first piece, so that until then a broken one still has a status. */
export async function answerInPieces(
  bytes: Buffer,
  rest: AsyncIterator<Buffer>,
  exchange: Exchange,
): Promise<McpAnswer> {
  const answer = readLargeAnswer(exchange.upstreamId, MAX_ANSWER_BYTES);
  const [before, after] = resultText(exchange.agentId, '\0').split('\0') as [string, string];
  let size = bytes.length;
  let isOver = false;
  const brace = exchange.modern ? keepClosingBrace() : null;
  const passed = (given: Uint8Array[]) => brace?.pass(given) ?? given;
  let pieces = passed(answer.push(bytes));
  async function read(): Promise<Uint8Array[]> {
    const { done, value } = await rest.next();
    isOver = done === true;
    if (isOver) {
      const { rest: held, isToolError, resultType } = answer.end();
      const all = [...passed(held), ...(brace?.end(resultType) ?? [])];
      exchange.settled(isToolError ? 'tool_error' : 'ok');
      return all;
    }
    size += value.length;
    if (size > MAX_STREAM_BYTES) throw new Error('too large');
    return passed(answer.push(value));
  }
  while (pieces.length === 0 && !isOver) pieces = await read();
  async function* through(): AsyncGenerator<string | Uint8Array> {
    try {
      yield before;
      for (;;) {
        yield* pieces;
        if (isOver) break;
        pieces = await read();
      }
      yield after;
    } finally {
      // Asana broke off, or the agent's reader went away: his JSON has no end.
      exchange.settled('unknown', 'cut');
      void rest.return?.();
    }
  }
  return answerJsonInPieces(through());
}

/** Keeps the brace that closes a large result until its type is known: then it is whole, and one that was not said is put before it. */
function keepClosingBrace() {
  let kept: Uint8Array = new Uint8Array(0);
  return {
    pass(pieces: Uint8Array[]): Uint8Array[] {
      const all = [kept, ...pieces].filter(({ length }) => length > 0);
      const last = all.pop();
      if (!last) return [];
      kept = last.subarray(-1);
      return last.length > 1 ? [...all, last.subarray(0, -1)] : all;
    },
    /** `resultType` as raw JSON. Throws where it is not `complete`: what asks for input is never so large, and is not checked here. */
    end(resultType: string | null): Uint8Array[] {
      if (resultType !== null && resultType !== '"complete"') throw new Error('not complete');
      return resultType === null ? [Buffer.from(`,${COMPLETE}`), kept] : [kept];
    },
  };
}
