// The person's part of an OAuth flow: follows the client's URL in her browser, reads the consent page, decides, and is sent back.
import { expect } from 'vitest';
import type { Client as Browser } from '../support/portal';
import type { Person } from './client-program';
import type { Setting } from './setting';

/** Ana at her browser, and what she has been asked so far. */
export interface Asked {
  times: number;
  /** Of the last time: the client's URL, the consent page, and the tools that had reached Asana by then. */
  authorizationUrl?: URL;
  page?: string;
  calledAtAsana?: string[];
  open: Person;
}

/** Ana, who decides so whenever a client sends her. */
export function anaDecides(setting: Setting, decision: 'allow' | 'deny' = 'allow'): Asked {
  const asked: Asked = {
    times: 0,
    open: (authorizationUrl) => {
      asked.times += 1;
      asked.authorizationUrl = new URL(authorizationUrl);
      asked.calledAtAsana = setting.calledAtAsana();
      return decide(setting, asked, decision);
    },
  };
  return asked;
}

async function decide(setting: Setting, asked: Asked, decision: string): Promise<string> {
  const { portal, ana: browser } = setting;
  const url = asked.authorizationUrl!;
  expect(url.origin).toBe(portal.origin);
  const question = await locationOf(browser, url);
  expect(question.pathname).toMatch(/^\/authorize\/[\w-]+$/);
  const page = await browser.call('GET', question.pathname);
  expect(page.status, page.text).toBe(200);
  asked.page = page.text;
  const form = new URLSearchParams({
    token: inputOf(page.text, 'token') ?? '',
    connection: inputOf(page.text, 'connection') ?? '',
    decision,
  });
  const decided = await browser.call('POST', question.pathname, {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  });
  expect(decided.status, decided.text).toBe(303);
  return (await locationOf(browser, new URL(decided.headers.get('location')!, portal.origin))).href;
}

async function locationOf(browser: Browser, url: URL): Promise<URL> {
  const answer = await browser.call('GET', url.pathname + url.search);
  const location = answer.headers.get('location');
  if (location === null)
    throw new Error(`${url.pathname} answers ${answer.status}: ${answer.text.slice(0, 500)}`);
  return new URL(location, url.origin);
}

/** The value of an input of a page; the checked one where several have the name. */
function inputOf(page: string, name: string): string | undefined {
  const inputs = [...page.matchAll(/<input[^>]*>/g)]
    .map(([tag]) => tag)
    .filter((tag) => tag.includes(`name="${name}"`));
  const chosen = inputs.find((tag) => /\schecked\b/.test(tag)) ?? inputs[0];
  return /\svalue="([^"]*)"/.exec(chosen ?? '')?.[1];
}
