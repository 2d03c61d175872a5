// The steps in Asana's developer console beside what is entered here; each step shows whether it is done, from the checks.
'use client';
import Check from 'lucide-react/icons/check';
import ExternalLink from 'lucide-react/icons/external-link';
import X from 'lucide-react/icons/x';
import type { ReactNode } from 'react';
import type { OperationAnswer } from '@/lib/portal/operations';
import { ButtonAnchor } from '../ui/button';
import { classNames } from '../ui/class-names';
import { CopyField } from '../ui/copy-field';
import { AppForm } from './app-form';
import { stateOf, type Check as CheckResult } from './check-names';
import { Checks } from './checks';
import { OtherApp } from './other-app';
import { SecretForm } from './secret-form';
import { useChecks } from './use-checks';

type App = OperationAnswer<'GET /asana-app'>;
type State = 'done' | 'wrong' | 'open';

export function AsanaRoom({ app }: { app: App }) {
  const registered = app.clientId !== null;
  const checking = useChecks(registered ? `${app.clientId} ${app.secretSetAt}` : null);
  const { checks } = checking;
  const by = (...ids: string[]): State =>
    registered
      ? ({ pass: 'done', fail: 'wrong', warn: 'open' } as const)[stateOf(checks, ...ids) ?? 'warn']
      : 'open';
  const states: Record<number, State> = {
    1: by('kind_of_app') === 'wrong' ? 'wrong' : registered ? 'done' : 'open',
    2: by('redirect_url', 'redirect_registered'),
    3: by('credentials'),
    4: by('distribution'),
    5: by('account'),
  };
  const done = Object.values(states).filter((state) => state === 'done').length;
  const step = (n: number, ...ids: string[]) => ({ n, state: states[n]!, failing: failing(checks, ids) });
  return (
    <>
      <Progress done={done} of={5} />
      <ol className="border-line bg-surface divide-line rounded-box divide-y border">
        <Step
          {...step(1, 'kind_of_app')}
          title="Create the app"
          text={
            <>
              In Asana’s developer console press <b>Create new app</b>, give it a name such as “Gatehouse”,
              choose the type <b>MCP app</b> (not an ordinary API app, not “External MCP”), and press{' '}
              <b>Create app</b>. Asana asks for no review.
            </>
          }
        >
          <div className="flex flex-col gap-3">
            <div>
              <ButtonAnchor
                href="https://app.asana.com/0/my-apps"
                target="_blank"
                rel="noreferrer"
                icon={<ExternalLink aria-hidden="true" />}
              >
                Open Asana’s developer console
              </ButtonAnchor>
            </div>
            <CopyField value="Gatehouse" what="app name" label="A name for the app" />
          </div>
        </Step>
        <Step
          {...step(2, 'redirect_url', 'redirect_registered')}
          title="Add the redirect URL"
          text={
            <>
              On the app’s <b>OAuth</b> tab, under redirect URLs, press <b>Add</b> and paste this address.
              Asana compares it character by character, port included.
            </>
          }
        >
          <CopyField value={app.redirectUrl} what="redirect URL" label="Redirect URL" />
        </Step>
        <Step
          {...step(3, 'credentials')}
          title="Enter the credentials"
          text={
            <>
              Copy client id and client secret from the same tab. The secret may be shown only once there; if
              it is gone, press <b>Reset</b>. <b>A reset at Asana ends refreshes</b> until the new secret
              stands here.
            </>
          }
        >
          {app.clientId === null ? (
            <AppForm />
          ) : (
            <div className="flex flex-col gap-4">
              <CopyField value={app.clientId} what="client id" label="Client id" />
              <SecretForm clientId={app.clientId} secretSetAt={app.secretSetAt} />
              <div className="-ml-2.5">
                <OtherApp clientId={app.clientId} />
              </div>
            </div>
          )}
        </Step>
        <Step
          {...step(4, 'distribution')}
          title="Let your workspace use it"
          text={
            <>
              Under <b>Manage distribution</b> choose <b>Any workspace</b>, or <b>Specific workspaces</b> and
              tick yours (none ticked means nobody), and press <b>Save changes</b>. Guests may need “Any
              workspace”.
            </>
          }
        >
          <p className="text-ink-3 text-sm">
            {states[4] === 'done'
              ? 'Somebody has connected through it, so your workspace may use it.'
              : 'Nothing to enter here. Whether it worked shows when the first person connects.'}
          </p>
        </Step>
        <Step
          {...step(5)}
          title="Check, and connect once"
          text="Gatehouse tries what can be tried from here. What only a person’s consent can show is filled in after the first connect: best your own."
        >
          <Checks checking={checking} registered={registered} />
        </Step>
      </ol>
    </>
  );
}

function failing(checks: readonly CheckResult[] | null, ids: readonly string[]): CheckResult[] {
  return checks?.filter(({ id, status }) => ids.includes(id) && status === 'fail') ?? [];
}

function Progress({ done, of }: { done: number; of: number }) {
  return (
    <div className="mb-4 flex items-center gap-3">
      <div aria-hidden="true" className="bg-hover h-1.5 w-40 overflow-hidden rounded-full">
        <div
          className="bg-accent h-full rounded-full transition-[width] duration-300"
          style={{ width: `${(done / of) * 100}%` }}
        />
      </div>
      <output className="text-ink-2 text-sm tabular-nums">
        {done === of ? 'All steps are done' : `${done} of ${of} steps done`}
      </output>
    </div>
  );
}

const marks = {
  done: {
    word: 'done',
    looks: 'bg-success-soft text-success',
    icon: <Check aria-hidden="true" className="size-3.5" />,
  },
  wrong: {
    word: 'something is wrong',
    looks: 'bg-danger-soft text-danger',
    icon: <X aria-hidden="true" className="size-3.5" />,
  },
  open: { word: 'to do, or not known yet', looks: 'bg-hover text-ink-2', icon: null },
} as const;

function Step({
  n,
  state,
  failing,
  title,
  text,
  children,
}: {
  n: number;
  state: State;
  failing: readonly CheckResult[];
  title: string;
  text: ReactNode;
  children: ReactNode;
}) {
  const { word, looks, icon } = marks[state];
  return (
    <li className="grid gap-x-8 gap-y-3 p-4 lg:grid-cols-[minmax(0,22rem)_minmax(0,1fr)] lg:p-5">
      <div className="flex gap-3">
        <span
          aria-hidden="true"
          className={classNames(
            'inline-flex size-5.5 shrink-0 items-center justify-center rounded-full text-xs font-medium',
            looks,
          )}
        >
          {icon ?? n}
        </span>
        <div className="min-w-0">
          <h2 className="font-medium">
            {title}
            <span className="sr-only"> ({word})</span>
          </h2>
          <p className="text-ink-3 mt-0.5 text-sm text-pretty [&_b]:text-ink-2 [&_b]:font-medium">{text}</p>
        </div>
      </div>
      <div className="min-w-0 max-lg:pl-8.5">
        {children}
        {failing.map(({ id, message, fix }) => (
          <p key={id} className="text-danger mt-2 text-sm">
            {message} {fix && <span className="text-ink">{fix}</span>}
          </p>
        ))}
      </div>
    </li>
  );
}
