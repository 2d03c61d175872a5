// Why somebody's agent may or may not use a tool, or why a call on record was decided as it was. The URL holds the question.
import ScanSearch from 'lucide-react/icons/scan-search';
import { ExplainForm } from '@/components/explain/explain-form';
import { ExplanationView } from '@/components/explain/explanation';
import type { Explanation } from '@/components/explain/remedies';
import { Callout } from '@/components/ui/callout';
import { EmptyState } from '@/components/ui/empty-state';
import { PageHeader } from '@/components/ui/page-header';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Explain' };

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export default async function ExplainPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const { role } = await requireRole('admin', 'auditor');
  const admin = role === 'admin';
  const query = await searchParams;
  const given = (name: string) => (typeof query[name] === 'string' ? query[name].trim() : '');
  const [tool, member, token, record] = [given('tool'), given('member'), given('token'), given('record')];
  const question = questionOf({ tool, member, token, record });
  const [{ tools }, explanation] = await Promise.all([
    read('GET /tools'),
    question ? existing(read('GET /explain', { query: question })) : null,
  ]);
  const person = explanation?.member.email ?? member;
  const detail =
    admin && explanation ? await existing(read('GET /members/{email}', { path: { email: person } })) : null;
  return (
    <>
      <PageHeader
        title="Explain"
        description="Why somebody’s agents may or may not use a tool, decided by the same rule as the gate’s."
      />
      <ExplainForm
        key={`${person} ${explanation?.toolName ?? tool} ${explanation?.token?.id ?? token}`}
        picked={{
          member: person,
          tool: explanation?.toolName ?? tool,
          token: explanation?.token?.id ?? token,
        }}
        tools={tools.map(({ name }) => name)}
        people={admin}
        tokens={detail?.tokens ?? (explanation?.token ? [explanation.token] : [])}
      />
      <Answer asked={[tool, member, token, record].some(Boolean)} {...{ question, explanation, admin }} />
    </>
  );
}

function Answer({
  asked,
  question,
  explanation,
  admin,
}: {
  asked: boolean;
  question: object | null;
  explanation: Explanation | null;
  admin: boolean;
}) {
  if (explanation) return <ExplanationView explanation={explanation} admin={admin} audit />;
  if (question)
    return (
      <Callout tone="warn" title="Nothing to explain">
        There is no such person, token or record in this organization; it may have been removed meanwhile.
        Pick a person by e-mail address, and a tool.
      </Callout>
    );
  if (asked)
    return (
      <Callout tone="warn" title="The question is not complete">
        Give a person and a tool, an agent token and a tool, or open “Explain” from a denied audit record.
      </Callout>
    );
  return (
    <div className="border-line bg-surface rounded-box border">
      <EmptyState icon={<ScanSearch />} title="Pick a person and a tool">
        Or open any denied record in the audit and choose “Explain”: the answer names the check that failed
        and who last changed it.
      </EmptyState>
    </div>
  );
}

/** What to ask the server; null while it is not complete or could not exist. */
function questionOf({ tool, member, token, record }: Record<'tool' | 'member' | 'token' | 'record', string>) {
  if (record) return UUID.test(record) ? { record } : null;
  if (!tool) return null;
  if (token) return UUID.test(token) ? { tool, token } : null;
  return member ? { tool, member } : null;
}

/** Null where there is no such thing: here that is an answer, not a missing page. Next marks the fault by its digest. */
async function existing<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (String((error as { digest?: unknown }).digest ?? '').endsWith(';404')) return null;
    throw error;
  }
}
