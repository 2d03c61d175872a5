// What readers of event streams could take from the same bytes: by the standard, by lines of LF only, by every line end that some
// language knows. The judge's own; it shares no code with the gate.

/** `standard`: WHATWG HTML §9.2. `lf`: lines end at LF only. `unicode`: also where Python's splitlines ends one. */
export const FRAMINGS = ['standard', 'lf', 'unicode'] as const;
export type Framing = (typeof FRAMINGS)[number];

const LINE_ENDS: Record<Framing, RegExp> = {
  standard: /\r\n|\n|\r/,
  lf: /\n/,
  // eslint-disable-next-line no-control-regex -- Python ends lines at these too
  unicode: /\r\n|[\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029]/,
};

/** The data of every event. `flush`: an event without its blank line at the end counts too. */
export function eventsOf(text: string, framing: Framing, { flush }: { flush: boolean }): string[] {
  const lines = text.replace(/^\ufeff/, '').split(LINE_ENDS[framing]);
  // What follows the last line end is no line yet.
  const last = lines.pop()!;
  if (flush && last !== '') lines.push(last);
  if (flush) lines.push('');
  const events: string[] = [];
  let data: string[] = [];
  for (const line of lines) {
    if (line === '') {
      if (data.length > 0) events.push(data.join('\n'));
      data = [];
      continue;
    }
    const [, field, value = ''] = /^([^:]*)(?:: ?([\s\S]*))?$/.exec(line)!;
    if (field === 'data') data.push(value);
  }
  return events;
}

/** What a reader finds who takes every line that begins with `data:` for an event of its own. */
export function linesOf(text: string): string[] {
  return text.split(/\r?\n|\r/).flatMap((line) => /^\ufeff?data:\s?(.*)$/s.exec(line)?.[1] ?? []);
}
