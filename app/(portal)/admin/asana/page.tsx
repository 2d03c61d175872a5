// The Asana app room: the steps in Asana's developer console beside the fields here, then checks with plain fixes.
import ExternalLink from 'lucide-react/icons/external-link';
import type { ReactNode } from 'react';
import { AppForm } from '@/components/asana/app-form';
import { Checks } from '@/components/asana/checks';
import { Badge } from '@/components/ui/badge';
import { ButtonAnchor } from '@/components/ui/button';
import { CopyField } from '@/components/ui/copy-field';
import { PageHeader } from '@/components/ui/page-header';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Asana app' };

export default async function AsanaAppPage() {
  await requireRole('admin');
  const app = await read('GET /asana-app');
  return (
    <>
      <PageHeader
        title="Asana app"
        description="Your company’s one MCP app at Asana. Everybody connects through it; no agent and no laptop ever holds its secret."
        marks={
          app.clientId === null ? (
            <Badge tone="warn">Not registered</Badge>
          ) : (
            <Badge tone="success">Registered</Badge>
          )
        }
      />
      <ol className="border-line bg-surface divide-line rounded-box divide-y border">
        <Step
          n={1}
          title="Create the app"
          text={
            <>
              In Asana’s developer console press <b>Create new app</b>, give it a name such as “Gatehouse”,
              choose the type <b>MCP app</b> (not an ordinary API app, not “External MCP”), and press{' '}
              <b>Create app</b>. Asana asks for no review.
            </>
          }
        >
          <ButtonAnchor
            href="https://app.asana.com/0/my-apps"
            target="_blank"
            rel="noreferrer"
            icon={<ExternalLink aria-hidden="true" />}
          >
            Open Asana’s developer console
          </ButtonAnchor>
        </Step>
        <Step
          n={2}
          title="Add the redirect URL"
          text={
            <>
              On the app’s <b>OAuth</b> tab add this address under redirect URLs. Asana compares it character
              by character.
            </>
          }
        >
          <CopyField value={app.redirectUrl} what="redirect URL" />
        </Step>
        <Step
          n={3}
          title="Enter the credentials"
          text={
            <>
              Copy client id and client secret from the same tab. The secret may be shown only once there; if
              it is gone, reset it. <b>A reset ends refreshes</b> until the new secret stands here: connected
              people then lose access within an hour, and get it back with the new secret.
            </>
          }
        >
          <AppForm clientId={app.clientId} secretSetAt={app.secretSetAt} />
        </Step>
        <Step
          n={4}
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
            Nothing to enter here. Whether it worked shows when the first person connects.
          </p>
        </Step>
        <Step
          n={5}
          title="Check"
          text="Gatehouse tries what can be tried from here. What only a person’s consent can show is filled in after the first connect."
        >
          <Checks registered={app.clientId !== null} />
        </Step>
      </ol>
    </>
  );
}

function Step({
  n,
  title,
  text,
  children,
}: {
  n: number;
  title: string;
  text: ReactNode;
  children: ReactNode;
}) {
  return (
    <li className="grid gap-x-8 gap-y-3 p-4 lg:grid-cols-[minmax(0,22rem)_minmax(0,1fr)] lg:p-5">
      <div className="flex gap-3">
        <span
          aria-hidden="true"
          className="bg-hover text-ink-2 inline-flex size-5.5 shrink-0 items-center justify-center rounded-full text-xs font-medium"
        >
          {n}
        </span>
        <div className="min-w-0">
          <h2 className="font-medium">{title}</h2>
          <p className="text-ink-3 mt-0.5 text-sm text-pretty [&_b]:text-ink-2 [&_b]:font-medium">{text}</p>
        </div>
      </div>
      <div className="min-w-0 max-lg:pl-8.5">{children}</div>
    </li>
  );
}
