// One tool: what a model is told about it, its arguments, its state, who has it; a changed one beside what was reviewed.
import Link from 'next/link';
import { notFound } from 'next/navigation';
import { ClassBadge, HintBadges, StateBadges } from '@/components/tools/tool-badges';
import { ToolActions } from '@/components/tools/tool-actions';
import { definitionChanges } from '@/components/tools/definition-changes';
import { ToolDefinitionView } from '@/components/tools/tool-definition';
import { aboutTokens, lineOf, statusWords, toolClasses, type Tool } from '@/components/tools/words';
import { Badge } from '@/components/ui/badge';
import { Callout } from '@/components/ui/callout';
import { Fact, KeyValues } from '@/components/ui/key-values';
import { PageHeader } from '@/components/ui/page-header';
import { Section } from '@/components/ui/section';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Tool' };

export default async function ToolPage({ params }: { params: Promise<{ name: string }> }) {
  const { role } = await requireRole('admin', 'auditor');
  const [{ name }, { tools }, named] = await Promise.all([
    params,
    read('GET /tools'),
    // Auditors may not list groups; they see the short names that the audit has.
    role === 'admin' ? read('GET /groups') : null,
  ]);
  const groupNames = named && new Map(named.groups.map((group) => [group.slug, group.name]));
  const tool = tools.find(
    (candidate) => encodeURIComponent(candidate.name) === name || candidate.name === name,
  );
  if (!tool) notFound();
  return (
    <>
      <PageHeader
        back={
          <Link href="/admin/tools" className="text-accent hover:underline">
            Tools
          </Link>
        }
        title={<span className="font-mono text-lg">{tool.name}</span>}
        marks={
          <>
            <ClassBadge toolClass={tool.class} />
            <StateBadges tool={tool} />
          </>
        }
        description={tool.title}
        actions={role === 'admin' && <ToolActions tool={lineOf(tool)} />}
      />
      {(tool.status !== 'reviewed' || tool.blocked) && (
        <Callout
          tone="warn"
          className="mb-5"
          title={tool.blocked ? 'Blocked for everybody' : statusWords[tool.status].text}
        >
          {tool.blocked
            ? 'An admin blocked it: no agent sees or calls it, whatever its groups allow.'
            : statusWords[tool.status].meaning}
          {tool.seen && (
            <ul className="mt-1 list-disc pl-5">
              {definitionChanges(tool, tool.seen).map((change) => (
                <li key={change}>{change}</li>
              ))}
            </ul>
          )}
        </Callout>
      )}
      <div className="grid items-start gap-5 xl:grid-cols-[minmax(0,1fr)_21rem]">
        <div className="flex min-w-0 flex-col gap-5">
          {tool.seen ? (
            <>
              <Section title="As Asana lists it now" description="What marking it reviewed accepts.">
                <ToolDefinitionView definition={tool.seen} />
              </Section>
              <Section title="As it was reviewed">
                <ToolDefinitionView definition={tool} />
              </Section>
            </>
          ) : (
            <Section title="What a model is told">
              <ToolDefinitionView definition={tool} />
            </Section>
          )}
        </div>
        <Facts tool={tool} groupNames={groupNames} />
      </div>
    </>
  );
}

function Facts({ tool, groupNames }: { tool: Tool; groupNames: ReadonlyMap<string, string> | null }) {
  const words = toolClasses.find(({ id }) => id === tool.class)!;
  return (
    <Section title="Facts">
      <KeyValues>
        <Fact name="Class">{`${words.title}. ${words.note}`}</Fact>
        <Fact name="State">{statusWords[tool.status].meaning}</Fact>
        <Fact name="Asana’s hints">
          <HintBadges annotations={tool.annotations} />
        </Fact>
        <Fact name="Cost">{aboutTokens(tool.tokens)}</Fact>
        <Fact name="Groups">
          {tool.groups.length === 0 ? (
            'None has it.'
          ) : (
            <span className="flex flex-wrap gap-1">
              {tool.groups.map((slug) =>
                groupNames ? (
                  <Link key={slug} href={`/admin/groups/${slug}`} className="max-w-full hover:underline">
                    <Badge title={groupNames.get(slug)}>{groupNames.get(slug) ?? slug}</Badge>
                  </Link>
                ) : (
                  <Badge key={slug} title={slug}>
                    {slug}
                  </Badge>
                ),
              )}
            </span>
          )}
        </Fact>
        <Fact name="Changes">
          <Link
            href={`/admin/reviews/log?tool=${encodeURIComponent(tool.name)}`}
            prefetch={false}
            className="text-accent hover:underline"
          >
            In the drift log
          </Link>
        </Fact>
        <Fact name="Calls">
          <Link
            href={`/admin/audit?tool=${encodeURIComponent(tool.name)}`}
            className="text-accent hover:underline"
          >
            In the audit
          </Link>
        </Fact>
      </KeyValues>
    </Section>
  );
}
