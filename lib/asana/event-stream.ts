// Reads server-sent events (WHATWG HTML §9.2) from bytes, however they are framed or split. Pure.
//
// What a client might accept must be understood here (RF-03 to RF-07): LF, CRLF and CR, a byte order mark, comments, data over
// several lines, no space after the colon. Bytes that are not UTF-8 are an error, not a replacement character.

export interface StreamEvent {
  event: string;
  data: string;
  /** The last one that was sent, with this event or before it. */
  id: string | undefined;
  /** How long to wait before the stream is asked for again; absent where this event does not say. */
  retryMs?: number;
}

/** The stream can't be understood: not UTF-8, or an event over the limit. */
export class EventStreamError extends Error {}

const LF = 0x0a;
const CR = 0x0d;

/**
 * A parser that is fed bytes. `push` returns the events completed by these bytes, also those that have an id or a `retry` and no data; `end` returns an event that the stream's end
 * left without its blank line (its data is complete JSON or it is not: the caller's parser decides). Both throw
 * `EventStreamError`. `maxEventBytes` bounds one event and one line.
 */
export function createEventStreamParser(maxEventBytes: number): {
  push(bytes: Uint8Array): StreamEvent[];
  end(): StreamEvent[];
} {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let rest: Uint8Array[] = [];
  let restBytes = 0;
  let afterCr = false;
  let firstLine = true;
  let data: string[] = [];
  let dataBytes = 0;
  let event = '';
  let id: string | undefined;
  let isPlace = false;
  let retryMs: number | undefined;

  function takeLine(tail: Uint8Array, into: StreamEvent[]): void {
    const bytes = rest.length === 0 ? tail : Buffer.concat([...rest, tail]);
    rest = [];
    restBytes = 0;
    let line: string;
    try {
      line = decoder.decode(bytes);
    } catch {
      throw new EventStreamError('not UTF-8');
    }
    if (firstLine) line = line.replace(/^\uFEFF/, '');
    firstLine = false;
    if (line === '') return dispatch(into);
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'data') {
      dataBytes += bytes.length;
      if (dataBytes > maxEventBytes) throw new EventStreamError('event too large');
      data.push(value);
    } else if (field === 'event') event = value;
    else if (field === 'id' && !value.includes('\0')) {
      id = value;
      isPlace = true;
    } else if (field === 'retry' && /^\d{1,9}$/.test(value)) retryMs = Number(value);
  }

  function dispatch(into: StreamEvent[]): void {
    if (data.length > 0 || isPlace || retryMs !== undefined)
      into.push({
        ...{ event: event || 'message', data: data.join('\n'), id },
        ...(retryMs === undefined ? {} : { retryMs }),
      });
    isPlace = false;
    retryMs = undefined;
    data = [];
    dataBytes = 0;
    event = '';
  }

  return {
    push(bytes) {
      const events: StreamEvent[] = [];
      let start = 0;
      for (let at = 0; at < bytes.length; at += 1) {
        const byte = bytes[at];
        if (byte === LF && afterCr) start = at + 1;
        else if (byte === LF || byte === CR) {
          takeLine(bytes.subarray(start, at), events);
          start = at + 1;
        }
        afterCr = byte === CR;
      }
      if (start < bytes.length) {
        restBytes += bytes.length - start;
        if (restBytes > maxEventBytes) throw new EventStreamError('line too large');
        rest.push(bytes.slice(start));
      }
      return events;
    },
    end() {
      const events: StreamEvent[] = [];
      if (rest.length > 0) takeLine(new Uint8Array(0), events);
      dispatch(events);
      return events;
    },
  };
}
