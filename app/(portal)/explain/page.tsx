// What a person's own agents may use and why; asking for a tool; what became of earlier requests.
import Search from 'lucide-react/icons/search';
import Link from 'next/link';
import { ExplanationView } from '@/components/explain/explanation';
import type { Explanation } from '@/components/explain/remedies';
import { AskForTool } from '@/components/requests/ask-for-tool';
import { OwnRequests } from '@/components/requests/own-requests';
import { requestStates, type OwnRequest } from '@/components/requests/words';
import { Badge } from '@/components/ui/badge';
import { Button } from '@/components/ui/button';
import { PageHeader } from '@/components/ui/page-header';
import { Section } from '@/components/ui/section';
import { TextField } from '@/components/ui/text-field';
import { read, requireMember } from '@/lib/portal/read';

export const metadata = { title: 'Ask for a tool' };

const MAX_NAME_CHARS = 200;

export default async function OwnExplainPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const { role } = await requireMember();
  const query = await searchParams;
  const tool = (typeof query.tool === 'string' ? query.tool.trim() : '').slice(0, MAX_NAME_CHARS);
  const [{ requests }, refused, explanation] = await Promise.all([
    read('GET /me/tool-requests'),
    read('GET /me/activity', { query: { decision: 'deny', limit: 50 } }),
    tool ? read('GET /me/explain', { query: { tool } }) : null,
  ]);
  const lately = [...new Set(refused.records.flatMap((record) => record.tool ?? []))].slice(0, 6);
  const request = requests.find((candidate) => candidate.tool === tool) ?? null;
  return (
    <>
      <PageHeader title="Ask" description="Whether your agents may use a tool, why, and how to get it." />
      <form action="/explain" className="mb-5 flex max-w-xl items-end gap-2">
        <TextField
          key={tool}
          label="Tool"
          name="tool"
          type="search"
          required
          maxLength={MAX_NAME_CHARS}
          autoComplete="off"
          placeholder="create_tasks"
          defaultValue={tool}
          icon={<Search aria-hidden="true" />}
          className="min-w-0 flex-1"
        />
        <Button type="submit" variant="primary">
          Look it up
        </Button>
      </form>
      {lately.length > 0 && (
        <p className="text-ink-3 -mt-2 mb-5 flex flex-wrap items-center gap-x-3 gap-y-1 text-sm">
          Refused lately:
          {lately.map((name) => (
            <Link
              key={name}
              href={`/explain?${new URLSearchParams({ tool: name })}`}
              className="text-accent font-mono text-xs [overflow-wrap:anywhere] underline"
            >
              {name}
            </Link>
          ))}
        </p>
      )}
      {explanation && (
        <div className="mb-5">
          <ExplanationView
            explanation={explanation}
            admin={false}
            audit={role !== 'member'}
            own={<NextStep explanation={explanation} request={request} />}
          />
        </div>
      )}
      <Section title="Your requests" flush>
        <OwnRequests requests={requests} />
      </Section>
    </>
  );
}

function NextStep({ explanation, request }: { explanation: Explanation; request: OwnRequest | null }) {
  const { allowed, tool, toolName, reason } = explanation;
  if (request?.status === 'open')
    return (
      <Section title="You have asked for it">
        <p className="text-ink-2 text-sm [overflow-wrap:anywhere]">
          <Badge tone={requestStates.open.tone}>Open</Badge> “{request.reason}” Your admins see it; you can
          withdraw it below.
        </p>
      </Section>
    );
  if (allowed)
    return (
      <Section title="What to do">
        <p className="text-ink-2 text-sm">
          Nothing. If an agent still can’t call it, it may hold an old list of tools: let it ask for the list
          again.
        </p>
      </Section>
    );
  if (!tool || tool.status === 'missing')
    return (
      <Section title="What to do">
        <p className="text-ink-2 text-sm">
          {tool
            ? 'Asana no longer offers this tool, so nobody can get it. Another one may do the same.'
            : `Asana has no tool called ${toolName}. Check the spelling; your agent’s list of tools shows the names.`}
        </p>
      </Section>
    );
  if (reason === 'token_restriction')
    return (
      <Section title="What to do">
        <p className="text-ink-2 text-sm">
          You may use it, only this token is narrowed to other tools.{' '}
          <Link href="/tokens" className="text-accent underline">
            Make a token without that limit.
          </Link>
        </p>
      </Section>
    );
  return (
    <Section title="Ask for it">
      {request?.status === 'declined' && (
        <p className="text-ink-2 mb-3 text-sm [overflow-wrap:anywhere]">
          An earlier request was declined: “{request.answer}”
        </p>
      )}
      <AskForTool key={request?.id} tool={toolName} />
    </Section>
  );
}
